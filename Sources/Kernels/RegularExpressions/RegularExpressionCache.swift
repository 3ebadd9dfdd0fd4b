import Synchronization
import Vectors

/// Compiled patterns of the process by their text. When full it starts anew: patterns that come from a column
/// without end push the others out now and then, which costs one more compilation each.
final class RegularExpressionCache: Sendable {
  static let shared = RegularExpressionCache()
  private static let capacity = 256

  private struct Key: Hashable {
    let pattern: [UInt8]
    let options: RegularExpressionOptions
    let isReused: Bool
  }

  private let known = Mutex<[Key: RegularExpression]>([:])

  func expression(
    _ pattern: UnsafeRawBufferPointer, _ options: RegularExpressionOptions, isReused: Bool
  ) throws(StoaError) -> RegularExpression {
    let options = options.subtracting(.isGlobal)
    let key = Key(pattern: Array(pattern), options: options, isReused: isReused)
    if let found = known.withLock({ $0[key] }) { return found }
    let made = try RegularExpression(pattern, options, isReused: isReused)
    known.withLock {
      if $0.count >= RegularExpressionCache.capacity { $0.removeAll(keepingCapacity: true) }
      $0[key] = made
    }
    return made
  }
}

/// The pattern of each row: made once when constant.
struct RegularExpressionSource {
  /// How the pattern is written.
  enum Notation: Sendable { case regular, similar }

  private let patterns: RowReader<StringView>
  private let letters: RowReader<StringView>?
  /// Constant options, and those that always hold.
  private let always: RegularExpressionOptions
  private let notation: Notation
  private let escapes: RowReader<StringView>?
  private let isConstant: Bool
  private var current: (expression: RegularExpression, isGlobal: Bool)?

  /// - Parameters:
  ///   - letters: the argument with options.
  ///   - escapes: the argument with SIMILAR TO's escape character.
  init(
    pattern: Vector, letters: Vector? = nil, always: RegularExpressionOptions = [],
    notation: Notation = .regular, escapes: Vector? = nil
  ) {
    patterns = RowReader(pattern)
    self.letters = letters.map { RowReader($0) }
    self.escapes = escapes.map { RowReader($0) }
    self.always = always
    self.notation = notation
    isConstant =
      pattern.form == .constant && letters?.form ?? .constant == .constant
      && escapes?.form ?? .constant == .constant
  }

  /// The pattern of `row`, and whether every match is meant.
  mutating func expression(
    _ row: Int
  ) throws(StoaError) -> (expression: RegularExpression, isGlobal: Bool) {
    if isConstant, let current { return current }
    var options = always
    if let letters {
      options.formUnion(
        try letters[row].withBytes {
          (bytes: UnsafeRawBufferPointer) throws(StoaError) -> RegularExpressionOptions in
          try RegularExpressionOptions(letters: bytes)
        })
    }
    let (final, escape, isReused, notation) = (options, escapes?[row], isConstant, notation)
    let expression = try patterns[row].withBytes {
      (bytes: UnsafeRawBufferPointer) throws(StoaError) -> RegularExpression in
      guard notation == .similar else {
        return try RegularExpressionCache.shared.expression(bytes, final, isReused: isReused)
      }
      let translated = try SimilarPattern.regular(bytes, escape: escape)
      return try translated.withTypedErrors({
        (bytes: UnsafeRawBufferPointer) throws(StoaError) -> RegularExpression in
        try RegularExpressionCache.shared.expression(bytes, final, isReused: isReused)
      })
    }
    let made = (expression, options.contains(.isGlobal))
    current = made
    return made
  }
}

extension Array where Element == UInt8 {
  /// `withUnsafeBytes` for bodies that throw typed errors.
  func withTypedErrors<R>(
    _ body: (UnsafeRawBufferPointer) throws(StoaError) -> R
  ) throws(StoaError) -> R {
    let result = withUnsafeBytes { bytes in
      Result { () throws(StoaError) -> R in try body(bytes) }
    }
    return try result.get()
  }
}
