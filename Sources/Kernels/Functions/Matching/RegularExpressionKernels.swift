import Vectors

/// What the functions of regular expressions have in common. Their second argument is the pattern.
enum RegularExpressionKernels {
  /// A truth value per row.
  static func test(
    letters: Int? = nil, escapes: Int? = nil, always: RegularExpressionOptions = [],
    notation: RegularExpressionSource.Notation = .regular, isNegated: Bool = false
  ) -> BoundFunction.Kernel {
    { (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      var source = RegularExpressionSource(
        pattern: arguments[1], letters: letters.map { arguments[$0] }, always: always,
        notation: notation, escapes: escapes.map { arguments[$0] })
      let matcher = RegularExpressionMatcher()
      let texts = RowReader<StringView>(arguments[0])
      let result = FlatResult<UInt8>(count: count)
      let validity = VectorForms.commonValidity(arguments)
      for row in 0..<count {
        result.values[row] = 0
        guard validity?.isValid(row) ?? true else { continue }
        let expression = try source.expression(row).expression
        let isFound = try texts[row].withBytes {
          (text: UnsafeRawBufferPointer) throws(StoaError) -> Bool in
          try matcher.finds(expression, in: text)
        }
        result.values[row] = isFound != isNegated ? 1 : 0
      }
      withExtendedLifetime(arguments) {}
      return result.vector(.boolean, count: count, validity: validity)
    }
  }

  /// Pieces of the first argument; `body` gives the bytes, `nil` for NULL.
  static func slice(
    letters: Int? = nil,
    _ body:
      @escaping @Sendable (
        RegularExpression, RegularExpressionMatcher, UnsafeRawBufferPointer, ArgumentReader, Int
      ) throws(StoaError) -> Range<Int>?
  ) -> BoundFunction.Kernel {
    { (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      var source = RegularExpressionSource(
        pattern: arguments[1], letters: letters.map { arguments[$0] })
      let matcher = RegularExpressionMatcher()
      let reader = ArgumentReader(arguments)
      let result = FlatResult<StringView>(count: count)
      let validity = VectorForms.commonValidity(arguments)
      var nulls = NullMask(count: count, startingWith: validity)
      for row in 0..<count {
        result.values[row] = StringView()
        guard validity?.isValid(row) ?? true else { continue }
        let expression = try source.expression(row).expression
        let piece = try reader.withBytes(0, row) {
          (text: UnsafeRawBufferPointer) throws(StoaError) -> StringView? in
          guard let range = try body(expression, matcher, text, reader, row) else { return nil }
          guard let base = text.baseAddress, !range.isEmpty else { return StringView() }
          return StringView(base + range.lowerBound, byteCount: range.count)
        }
        if let piece { result.values[row] = piece } else { nulls.setNull(row) }
      }
      withExtendedLifetime(arguments) {}
      return result.vector(
        .varchar, count: count, validity: nulls.validity, owners: arguments[0].stringOwners)
    }
  }

  /// Whole numbers from the matches of a row.
  static func measure(
    letters: Int? = nil,
    _ body:
      @escaping @Sendable (
        RegularExpression, RegularExpressionMatcher, UnsafeRawBufferPointer, ArgumentReader, Int
      ) throws(StoaError) -> Int
  ) -> BoundFunction.Kernel {
    { (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      var source = RegularExpressionSource(
        pattern: arguments[1], letters: letters.map { arguments[$0] })
      let matcher = RegularExpressionMatcher()
      let reader = ArgumentReader(arguments)
      let result = FlatResult<Int64>(count: count)
      let validity = VectorForms.commonValidity(arguments)
      for row in 0..<count {
        result.values[row] = 0
        guard validity?.isValid(row) ?? true else { continue }
        let expression = try source.expression(row).expression
        result.values[row] = try reader.withBytes(0, row) {
          (text: UnsafeRawBufferPointer) throws(StoaError) -> Int64 in
          Int64(try body(expression, matcher, text, reader, row))
        }
      }
      withExtendedLifetime(arguments) {}
      return result.vector(.bigint, count: count, validity: validity)
    }
  }

  /// Calls `body` for each match from byte `start` on until it returns false. After an empty match the search goes
  /// on one character later.
  static func forEachMatch(
    _ expression: RegularExpression, _ matcher: RegularExpressionMatcher,
    _ text: UnsafeRawBufferPointer, from start: Int,
    _ body: (Range<Int>) throws(StoaError) -> Bool
  ) throws(StoaError) {
    var position = start
    while position <= text.count, try matcher.finds(expression, in: text, from: position) {
      let match = matcher.match
      guard try body(match) else { return }
      // `\K` can place a match before where the search began.
      let end = max(match.upperBound, position)
      if match.isEmpty || match.upperBound <= position {
        guard end < text.count else { return }
        position = UTF8Text.offset(after: 1, from: end, in: text)
      } else {
        position = end
      }
    }
  }

  /// The byte where character number `start` (from 1) is.
  static func offset(
    ofCharacter start: Int64, in text: UnsafeRawBufferPointer, _ function: String
  ) throws(StoaError) -> Int {
    guard start > 0 else {
      throw StoaError(.evaluation, "\(function) counts characters from 1, not from \(start)")
    }
    let skipped = Int(clamping: start - 1)
    if skipped > text.count { return text.count + 1 }
    let offset = UTF8Text.offset(after: skipped, from: 0, in: text)
    return offset == text.count && UTF8Text.codePointCount(text) < skipped
      ? text.count + 1 : offset
  }

  /// The places of match number `wanted` (from 1); the matcher then knows its groups.
  static func find(
    _ wanted: Int64, _ expression: RegularExpression, _ matcher: RegularExpressionMatcher,
    _ text: UnsafeRawBufferPointer, from start: Int, _ function: String
  ) throws(StoaError) -> Range<Int>? {
    guard wanted > 0 else {
      throw StoaError(.evaluation, "\(function) counts matches from 1, not from \(wanted)")
    }
    var left = wanted
    var found: Range<Int>?
    try forEachMatch(expression, matcher, text, from: start) {
      (match: Range<Int>) throws(StoaError) -> Bool in
      left -= 1
      if left == 0 { found = match }
      return left > 0
    }
    return found
  }
}

/// The third argument of regexp_replace: `\1` to `\9` are groups, `\0` and `\&` the whole match, `\\` a backslash.
struct RegularExpressionReplacement {
  private enum Piece {
    case bytes([UInt8])
    case group(Int)
  }

  private var pieces: [Piece] = []

  init(_ text: UnsafeRawBufferPointer) {
    var literal: [UInt8] = []
    var index = 0
    while index < text.count {
      let byte = text[index]
      index += 1
      guard byte == UInt8(ascii: "\\"), index < text.count else {
        literal.append(byte)
        continue
      }
      let next = text[index]
      let group: Int? =
        next &- UInt8(ascii: "0") < 10
        ? Int(next - UInt8(ascii: "0")) : next == UInt8(ascii: "&") ? 0 : nil
      if let group {
        if !literal.isEmpty { pieces.append(.bytes(literal)) }
        literal = []
        pieces.append(.group(group))
        index += 1
      } else if next == byte {
        literal.append(byte)
        index += 1
      } else {
        literal.append(byte)
      }
    }
    if !literal.isEmpty { pieces.append(.bytes(literal)) }
  }

  func append(
    _ matcher: RegularExpressionMatcher, _ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]
  ) {
    for piece in pieces {
      switch piece {
      case .bytes(let literal): bytes += literal
      case .group(let number):
        if let range = matcher.range(number) { bytes.append(contentsOf: text[range]) }
      }
    }
  }
}
