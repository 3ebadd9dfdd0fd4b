import Vectors

/// Sets of rows as selections of a scan: 16-bit positions of one row group.
extension RowContainer {
  /// Makes `selection` the rows of this set.
  public func select(into selection: SelectionVector) {
    var count = 0
    let out = selection.positions
    switch form {
    case .array(let rows):
      for row in rows {
        out[count] = row
        count += 1
      }
    case .runs(let bounds):
      for index in stride(from: 0, to: bounds.count, by: 2) {
        let rows = Int(bounds[index])..<Int(bounds[index + 1]) + 1
        Positions.fill(rows, into: out + count)
        count += rows.count
      }
    case .dense(let words):
      words.withUnsafeBufferPointer {
        guard let base = $0.baseAddress else { return }
        count = Positions.emit(
          words: base, inverted: false, rows: 0..<words.count * 64, into: out)
      }
    }
    selection.count = count
  }

  /// Makes `selection` the rows below `rowCount` that are not in this set: those a delete vector leaves.
  public func selectOthers(rowCount: Int, into selection: SelectionVector) {
    precondition(rowCount >= 0 && rowCount <= SelectionVector.capacity, "too many rows")
    if cardinality == 0 {
      Positions.fill(0..<rowCount, into: selection.positions)
      selection.count = rowCount
      return
    }
    let bits = RowBits()
    bits.insert(self)
    bits.selectOthers(into: selection, rowCount: rowCount)
  }

  /// Keeps the rows of `selection` that are in this set.
  public func refine(_ selection: SelectionVector) { refine(selection, inverted: false) }

  /// Keeps the rows of `selection` that are not in this set.
  public func remove(from selection: SelectionVector) { refine(selection, inverted: true) }

  private func refine(_ selection: SelectionVector, inverted: Bool) {
    if cardinality == 0 {
      if !inverted { selection.count = 0 }
      return
    }
    let bits = RowBits()
    bits.insert(self)
    bits.refine(selection, inverted: inverted)
  }
}
