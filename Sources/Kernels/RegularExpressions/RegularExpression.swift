import Vectors

#if RegularExpressions
  import CPcre2
#endif

/// A compiled pattern of PCRE2, in PostgreSQL's meaning: a point is any character, `^` and `$` are the ends of
/// the text, classes such as `\w` are Unicode's. Immutable and shared by threads; each has its own
/// `RegularExpressionMatcher`.
///
/// No pattern runs for ever: the steps of one match are limited (`matchLimit`), and so are the depth of the pattern,
/// its length and the memory of a match. Reaching a limit is an error of the statement.
final class RegularExpression: @unchecked Sendable {
  /// Steps of one match, some 10 ms, and those for each byte of the text: time is linear in its length.
  static let matchLimit = 1_000_000
  static let matchLimitPerByte = 32
  /// Levels of backtracking of one match.
  static let depthLimit: UInt32 = 1_000_000
  /// Memory of one match, in KiB.
  static let heapLimit: UInt32 = 65_536
  /// Bytes of a pattern.
  static let maximalPatternLength = 65_536

  /// Groups in parentheses.
  let groupCount: Int

  #if RegularExpressions
    fileprivate let code: OpaquePointer

    /// - Parameter isReused: many matches will follow, so that machine code is worth making.
    init(
      _ pattern: UnsafeRawBufferPointer, _ options: RegularExpressionOptions, isReused: Bool
    ) throws(StoaError) {
      guard pattern.count <= RegularExpression.maximalPatternLength else {
        throw StoaError(
          .evaluation,
          "a regular expression has more than \(RegularExpression.maximalPatternLength) bytes")
      }
      var number: Int32 = 0
      var offset = 0
      let compiled = pattern.withMemoryRebound(to: UInt8.self) { bytes in
        pcre2_compile_8(bytes.baseAddress, bytes.count, options.flags, &number, &offset, nil)
      }
      guard let compiled else {
        throw RegularExpression.invalid(pattern, RegularExpression.message(number), at: offset)
      }
      // Without machine code (an exotic processor) matching is slower and otherwise the same.
      if isReused { _ = pcre2_jit_compile_8(compiled, UInt32(PCRE2_JIT_COMPLETE)) }
      var count: UInt32 = 0
      _ = pcre2_pattern_info_8(compiled, UInt32(PCRE2_INFO_CAPTURECOUNT), &count)
      code = compiled
      groupCount = Int(count)
    }

    deinit { pcre2_code_free_8(code) }

    fileprivate static func message(_ number: Int32) -> String {
      var buffer = [UInt8](repeating: 0, count: 256)
      let length = pcre2_get_error_message_8(number, &buffer, buffer.count)
      return String(decoding: buffer.prefix(max(0, Int(length))), as: UTF8.self)
    }
  #else
    init(
      _ pattern: UnsafeRawBufferPointer, _ options: RegularExpressionOptions, isReused: Bool
    ) throws(StoaError) {
      throw RegularExpression.absent
    }
  #endif

  /// Whether this build has regular expressions.
  static var isAvailable: Bool {
    #if RegularExpressions
      true
    #else
      false
    #endif
  }

  static var absent: StoaError {
    StoaError(
      .unsupported, "this build of Stoa has no regular expressions",
      hint: "Install libpcre2-dev and build with make, or with --traits RegularExpressions")
  }

  private static func invalid(
    _ pattern: UnsafeRawBufferPointer, _ message: String, at offset: Int
  ) -> StoaError {
    let before = UnsafeRawBufferPointer(rebasing: pattern.prefix(offset))
    let shown = String(decoding: pattern.prefix(100), as: UTF8.self)
    return StoaError(
      .evaluation,
      "'\(shown)\(pattern.count > 100 ? "…" : "")' is not a regular expression: \(message) at"
        + " character \(UTF8Text.codePointCount(before) + 1)",
      hint: "A backslash makes the next character literal; regexp_escape(text) does it for a text")
  }
}

/// Places of a match; used by one thread.
final class RegularExpressionMatcher {
  #if RegularExpressions
    private var data: OpaquePointer?
    private var groupCapacity = -1
    private let limits: OpaquePointer?

    init() {
      limits = pcre2_match_context_create_8(nil)
      if let limits {
        pcre2_set_depth_limit_8(limits, RegularExpression.depthLimit)
        pcre2_set_heap_limit_8(limits, RegularExpression.heapLimit)
      }
    }

    deinit {
      pcre2_match_data_free_8(data)
      pcre2_match_context_free_8(limits)
    }

    /// Looks for the first match at byte `start` or later; `range` then tells its places.
    func finds(
      _ expression: RegularExpression, in text: UnsafeRawBufferPointer, from start: Int = 0
    ) throws(StoaError) -> Bool {
      try makeRoom(expression.groupCount)
      let steps =
        RegularExpression.matchLimit + text.count * RegularExpression.matchLimitPerByte
      pcre2_set_match_limit_8(limits, UInt32(clamping: steps))
      var result = run(expression, text, start, 0)
      if result == PCRE2_ERROR_JIT_STACKLIMIT {
        // The machine code's stack is small; the interpreter has the heap.
        result = run(expression, text, start, UInt32(PCRE2_NO_JIT))
      }
      if result >= 0 { return true }
      if result == PCRE2_ERROR_NOMATCH { return false }
      throw RegularExpressionMatcher.failure(result)
    }

    private func run(
      _ expression: RegularExpression, _ text: UnsafeRawBufferPointer, _ start: Int,
      _ options: UInt32
    ) -> Int32 {
      text.withMemoryRebound(to: UInt8.self) { bytes in
        if let base = bytes.baseAddress {
          return pcre2_match_8(expression.code, base, bytes.count, start, options, data, limits)
        }
        var nothing: UInt8 = 0
        return pcre2_match_8(expression.code, &nothing, 0, 0, options, data, limits)
      }
    }

    private func makeRoom(_ groupCount: Int) throws(StoaError) {
      guard groupCount > groupCapacity else { return }
      pcre2_match_data_free_8(data)
      data = pcre2_match_data_create_8(UInt32(groupCount + 1), nil)
      guard data != nil, limits != nil else {
        groupCapacity = -1
        throw StoaError(.resource, "no memory for a regular expression")
      }
      groupCapacity = groupCount
    }

    /// Bytes of a group in the match found last, 0 being the whole; `nil` when it took no part.
    func range(_ group: Int) -> Range<Int>? {
      guard group <= groupCapacity, let places = pcre2_get_ovector_pointer_8(data) else {
        return nil
      }
      let (lower, upper) = (places[2 * group], places[2 * group + 1])
      guard lower != Int.max, upper != Int.max, lower >= 0, upper >= 0 else { return nil }
      // `\K` in a look-ahead can end a match before it starts.
      return lower <= upper ? lower..<upper : upper..<upper
    }

    private static func failure(_ number: Int32) -> StoaError {
      switch number {
      case PCRE2_ERROR_MATCHLIMIT, PCRE2_ERROR_DEPTHLIMIT, PCRE2_ERROR_HEAPLIMIT,
        PCRE2_ERROR_RECURSELOOP, PCRE2_ERROR_NOMEMORY:
        StoaError(
          .evaluation, "a regular expression needs too many steps for a text",
          hint: "Nested repetitions such as (a+)+ try every way to share a text between them")
      default:
        StoaError(.evaluation, "matching failed: \(RegularExpression.message(number))")
      }
    }
  #else
    func finds(
      _ expression: RegularExpression, in text: UnsafeRawBufferPointer, from start: Int = 0
    ) throws(StoaError) -> Bool {
      throw RegularExpression.absent
    }

    func range(_ group: Int) -> Range<Int>? { nil }
  #endif

  /// The whole of the match found last.
  var match: Range<Int> { range(0) ?? 0..<0 }
}
