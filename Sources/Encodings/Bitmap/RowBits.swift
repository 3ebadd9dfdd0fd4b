import Vectors

/// A bit per row of one row group, uncompressed: where compressed bitmaps are united and intersected. One object
/// serves a whole scan; not for several threads at a time.
public final class RowBits: @unchecked Sendable {
  static let wordCount = 1024

  private let buffer = Buffer(byteCount: RowBits.wordCount * 8, zeroed: true)

  /// No rows.
  public init() {}

  /// Row i is bit i % 64 of word i / 64; valid while the object lives.
  @inline(__always)
  final var words: UnsafeMutablePointer<UInt64> { buffer.typed(UInt64.self) }

  /// Rows in the set.
  public var count: Int {
    var total = 0
    for index in 0..<RowBits.wordCount { total &+= words[index].nonzeroBitCount }
    return total
  }

  /// Leaves no row.
  public func removeAll() { words.update(repeating: 0, count: RowBits.wordCount) }

  /// Adds the rows of `container`.
  public func insert(_ container: RowContainer) { container.insert(into: words) }

  /// Keeps the rows that `other` has too.
  public func formIntersection(_ other: RowBits) {
    let left = words
    let right = other.words
    for index in 0..<RowBits.wordCount { left[index] &= right[index] }
  }

  /// Swaps the rows below `rowCount` that are in the set with those that are not; there are no others.
  public func invert(rowCount: Int) {
    let words = words
    for index in 0..<RowBits.wordCount { words[index] = ~words[index] }
    clear(from: rowCount)
  }

  private func clear(from rowCount: Int) {
    guard rowCount < RowBits.wordCount * 64 else { return }
    let first = rowCount >> 6
    words[first] &= (1 << UInt64(rowCount & 63)) &- 1
    for index in (first + 1)..<max(first + 1, RowBits.wordCount) { words[index] = 0 }
  }

  /// Whether a row is `rowCount` or more.
  public func hasRows(from rowCount: Int) -> Bool {
    guard rowCount < RowBits.wordCount * 64 else { return false }
    let first = rowCount >> 6
    var rest = words[first] >> UInt64(rowCount & 63)
    for index in (first + 1)..<max(first + 1, RowBits.wordCount) { rest |= words[index] }
    return rest != 0
  }

  /// Makes `selection` the rows of the set, all of which are below `rowCount`.
  public func select(into selection: SelectionVector, rowCount: Int) {
    selection.count = Positions.emit(
      words: words, inverted: false, rows: 0..<rowCount, into: selection.positions)
  }

  /// Makes `selection` the rows below `rowCount` that are not in the set.
  public func selectOthers(into selection: SelectionVector, rowCount: Int) {
    selection.count = Positions.emit(
      words: words, inverted: true, rows: 0..<rowCount, into: selection.positions)
  }

  /// Keeps the rows of `selection` that are in the set, or those that are not.
  public func refine(_ selection: SelectionVector, inverted: Bool = false) {
    selection.count = Positions.keep(
      selection.positions, selection.count, words: words, inverted: inverted)
  }
}
