import Vectors

/// Ascending positions of rows within a batch, UInt32 each.
public struct Positions: Sendable {
  /// Room for at least `count` positions.
  public let buffer: Buffer
  public let count: Int

  public init(buffer: Buffer, count: Int) {
    precondition(buffer.byteCount >= count * 4, "buffer too small")
    self.buffer = buffer
    self.count = count
  }

  /// 0..<count
  public init(all count: Int) {
    buffer = Buffer(of: UInt32.self, count: max(1, count))
    let target = buffer.typed(UInt32.self)
    for row in 0..<count { target[row] = UInt32(truncatingIfNeeded: row) }
    self.count = count
  }

  /// Valid as long as `buffer` lives.
  public var pointer: UnsafePointer<UInt32> { UnsafePointer(buffer.typed(UInt32.self)) }

  /// As an array, for tests.
  public var array: [Int] {
    (0..<count).map { Int(pointer[$0]) }
  }
}

/// The rows an expression is evaluated for: a batch, or some rows of one whose columns are gathered only when
/// an operand asks for them. Used by one evaluation at a time.
final class RowSet {
  let rowCount: Int
  private let parent: RowSet?
  private let positions: Positions?
  private var columns: [Vector?]

  init(_ batch: Batch) {
    rowCount = batch.rowCount
    parent = nil
    positions = nil
    columns = batch.columns
  }

  /// The rows of `parent` at `positions`.
  init(_ parent: RowSet, at positions: Positions) {
    rowCount = positions.count
    self.parent = parent
    self.positions = positions
    columns = [Vector?](repeating: nil, count: parent.columns.count)
  }

  /// Rows that have one column only.
  init(column number: Int, _ vector: Vector) {
    rowCount = vector.count
    parent = nil
    positions = nil
    columns = [Vector?](repeating: nil, count: number + 1)
    columns[number] = vector
  }

  func column(_ number: Int) throws(StoaError) -> Vector {
    guard number >= 0, number < columns.count else { throw RowSet.missing(number) }
    if let present = columns[number] { return present }
    guard let parent, let positions else { throw RowSet.missing(number) }
    let gathered = try parent.column(number).gather(positions.pointer, count: positions.count)
    columns[number] = gathered
    return gathered
  }

  private static func missing(_ number: Int) -> StoaError {
    StoaError(.inconsistency, "an expression refers to column \(number), which its input has not")
  }
}
