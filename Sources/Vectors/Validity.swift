/// Which rows of a vector are not NULL: bit `row % 64` of word `row / 64` is set when the row has a value.
/// Immutable once built; bits past `count` are zero. A vector without NULLs has no validity at all.
public final class Validity: @unchecked Sendable {
  /// `(count + 63) / 64` words.
  public let words: UnsafeMutablePointer<UInt64>
  public let count: Int
  public let nullCount: Int
  private let buffer: Buffer

  /// Wraps words the caller has filled; clears the bits past `count` and counts the NULLs.
  public init(adopting buffer: Buffer, count: Int) {
    let wordCount = Validity.wordCount(count)
    precondition(buffer.byteCount >= wordCount * 8)
    self.buffer = buffer
    self.count = count
    words = buffer.typed(UInt64.self)
    if count % 64 != 0 { words[wordCount - 1] &= (1 << UInt64(count % 64)) &- 1 }
    var valid = 0
    for index in 0..<wordCount { valid &+= words[index].nonzeroBitCount }
    nullCount = count - valid
  }

  @inlinable public static func wordCount(_ count: Int) -> Int { (count + 63) / 64 }

  /// A mask from a byte per row, 0 for NULL; `nil` when no row is NULL.
  public static func make(fromBytes bytes: UnsafePointer<UInt8>, count: Int) -> Validity? {
    let buffer = Buffer(of: UInt64.self, count: wordCount(count))
    let words = buffer.typed(UInt64.self)
    for index in 0..<wordCount(count) {
      var word: UInt64 = 0
      let start = index * 64
      for bit in 0..<min(64, count - start) where bytes[start + bit] != 0 {
        word |= 1 << UInt64(bit)
      }
      words[index] = word
    }
    let validity = Validity(adopting: buffer, count: count)
    return validity.nullCount == 0 ? nil : validity
  }

  /// A mask from one truth value per row; `nil` when no row is NULL.
  public static func make(count: Int, isValid: (Int) -> Bool) -> Validity? {
    let buffer = Buffer(byteCount: wordCount(count) * 8, zeroed: true)
    let words = buffer.typed(UInt64.self)
    for row in 0..<count where isValid(row) { words[row >> 6] |= 1 << UInt64(row & 63) }
    let validity = Validity(adopting: buffer, count: count)
    return validity.nullCount == 0 ? nil : validity
  }

  /// All rows NULL.
  public static func allNull(count: Int) -> Validity {
    Validity(adopting: Buffer(byteCount: max(1, wordCount(count)) * 8, zeroed: true), count: count)
  }

  @inlinable public func isValid(_ row: Int) -> Bool {
    words[row >> 6] & (1 << UInt64(truncatingIfNeeded: row & 63)) != 0
  }

  /// Rows valid in both; `nil` means all valid.
  public static func intersection(_ left: Validity?, _ right: Validity?) -> Validity? {
    guard let left else { return right }
    guard let right else { return left }
    precondition(left.count == right.count)
    if left === right { return left }
    let wordCount = wordCount(left.count)
    let buffer = Buffer(byteCount: wordCount * 8)
    let words = buffer.typed(UInt64.self)
    for index in 0..<wordCount { words[index] = left.words[index] & right.words[index] }
    return Validity(adopting: buffer, count: left.count)
  }

  /// The rows of `range`.
  public func slice(_ range: Range<Int>) -> Validity? {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    let shift = UInt64(range.lowerBound & 63)
    let first = range.lowerBound >> 6
    let target = Validity.wordCount(range.count)
    let sourceCount = Validity.wordCount(count)
    let buffer = Buffer(byteCount: target * 8)
    let out = buffer.typed(UInt64.self)
    for index in 0..<target {
      var word = words[first + index] >> shift
      if shift != 0, first + index + 1 < sourceCount {
        word |= words[first + index + 1] << (64 - shift)
      }
      out[index] = word
    }
    let result = Validity(adopting: buffer, count: range.count)
    return result.nullCount == 0 ? nil : result
  }

  /// The rows at `positions`; `nil` when none of them is NULL.
  @inlinable public func gather<Index: FixedWidthInteger>(
    _ positions: UnsafePointer<Index>, count: Int
  ) -> Validity? {
    let buffer = Buffer(byteCount: Validity.wordCount(count) * 8, zeroed: true)
    let out = buffer.typed(UInt64.self)
    for row in 0..<count where isValid(Int(truncatingIfNeeded: positions[row])) {
      out[row >> 6] |= 1 << UInt64(row & 63)
    }
    let result = Validity(adopting: buffer, count: count)
    return result.nullCount == 0 ? nil : result
  }
}
