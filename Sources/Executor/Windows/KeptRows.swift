import Kernels
import Vectors

/// Rows of a section that count: those that pass a FILTER, or are not NULL. Frames are translated into ranges of
/// kept rows, so that what works on frames need not know what was left out.
final class KeptRows {
  /// Kept rows in order.
  let positions: RowNumbers
  let count: Int
  /// Number of kept rows before each row, and of all at the end.
  let before: RowNumbers

  /// - Parameter isKept: by row, not 0 for rows that count.
  init(_ isKept: UnsafePointer<UInt8>, rowCount: Int) {
    let positions = RowNumbers(count: rowCount + 1)
    let before = RowNumbers(count: rowCount + 1)
    var count = 0
    for row in 0..<rowCount {
      before.pointer[row] = UInt32(truncatingIfNeeded: count)
      positions.pointer[count] = UInt32(truncatingIfNeeded: row)
      count &+= isKept[row] != 0 ? 1 : 0
    }
    before.pointer[rowCount] = UInt32(truncatingIfNeeded: count)
    self.positions = positions
    self.before = before
    self.count = count
  }

  /// Rows for which a BOOLEAN vector is true.
  convenience init(whereTrue condition: Vector) {
    let flat = condition.flattened()
    var bytes = [UInt8](repeating: 0, count: max(1, flat.count))
    flat.withValues(as: UInt8.self) { values in
      for row in 0..<flat.count { bytes[row] = flat.isValid(row) ? values[row] & 1 : 0 }
    }
    self.init(bytes, rowCount: flat.count)
  }

  /// Rows with a value; `nil` when that is all of them.
  static func notNull(_ vector: Vector) -> KeptRows? {
    guard vector.mayHaveNulls else { return nil }
    let plain = vector.form == .runs ? vector.flattened() : vector
    let bytes = (0..<plain.count).map { plain.isValid($0) ? UInt8(1) : 0 }
    return KeptRows(bytes + [0], rowCount: plain.count)
  }

  /// The kept rows among rows `lower..<upper`.
  @inline(__always)
  func range(_ lower: Int, _ upper: Int) -> (lower: Int, upper: Int) {
    (before[lower], before[upper])
  }
}
