import Vectors

/// CASE: each branch is evaluated for the rows that reach it, its result for the rows that take it.
enum Conditional {
  /// `children` are condition, result, condition, result, …, and the ELSE result last when there is one.
  static func evaluate(
    _ children: [EvaluatorNode], branchCount: Int, hasOtherwise: Bool, type: LogicalType,
    _ rows: RowSet
  ) throws(StoaError) -> Vector {
    var pieces: [Piece] = []
    /// Rows no branch has taken; `nil` means all.
    var remaining: Positions?
    for branch in 0..<branchCount {
      let open = remaining.map { RowSet(rows, at: $0) } ?? rows
      guard open.rowCount > 0 else { break }
      let taken = Selection.trueRows(try children[branch * 2].evaluate(open))
      if taken.count == 0 { continue }
      let resultNode = children[branch * 2 + 1]
      if taken.count == open.rowCount {
        let result = try resultNode.evaluate(open)
        if pieces.isEmpty && remaining == nil { return result }
        pieces.append(Piece(positions: remaining, values: result))
        remaining = Positions(buffer: Buffer(byteCount: 4), count: 0)
        break
      }
      let positions = Selection.compose(remaining, taken)
      pieces.append(
        Piece(positions: positions, values: try resultNode.evaluate(RowSet(rows, at: positions))))
      remaining = complement(of: taken, within: remaining, count: open.rowCount)
    }
    if hasOtherwise, remaining?.count != 0 {
      let open = remaining.map { RowSet(rows, at: $0) } ?? rows
      let result = try children[branchCount * 2].evaluate(open)
      if pieces.isEmpty { return result }
      pieces.append(Piece(positions: remaining, values: result))
    }
    return assemble(pieces, type: type, count: rows.rowCount)
  }

  /// Results for some rows; `nil` positions mean all rows.
  private struct Piece {
    let positions: Positions?
    let values: Vector
  }

  /// Rows of `outer` that `taken` (counting within `outer`, of `count` rows) leaves over.
  private static func complement(of taken: Positions, within outer: Positions?, count: Int)
    -> Positions
  {
    let buffer = Buffer(of: UInt32.self, count: max(1, count - taken.count))
    let target = buffer.typed(UInt32.self)
    let at = taken.pointer
    let from = outer?.pointer
    var next = 0
    var found = 0
    for row in 0..<count {
      if next < taken.count, Int(at[next]) == row {
        next += 1
      } else {
        target[found] = from.map { $0[row] } ?? UInt32(truncatingIfNeeded: row)
        found += 1
      }
    }
    return Positions(buffer: buffer, count: found)
  }

  private static func assemble(_ pieces: [Piece], type: LogicalType, count: Int) -> Vector {
    guard !pieces.isEmpty else { return Vector(constant: .null, type: type, count: count) }
    let width = type.physical.byteWidth
    let buffer = Buffer(byteCount: max(1, count * width), zeroed: true)
    let validBytes = Buffer(byteCount: max(1, count), zeroed: true)
    let valid = validBytes.typed(UInt8.self)
    var owners: [AnyObject] = []
    for piece in pieces {
      let flat = piece.values.form == .constant ? piece.values : piece.values.flattened()
      switch width {
      case 1: scatter(flat, piece.positions, buffer, UInt8.self)
      case 2: scatter(flat, piece.positions, buffer, UInt16.self)
      case 4: scatter(flat, piece.positions, buffer, UInt32.self)
      case 8: scatter(flat, piece.positions, buffer, UInt64.self)
      default: scatter(flat, piece.positions, buffer, SIMD2<UInt64>.self)
      }
      let at = piece.positions?.pointer
      if !flat.isConstantNull {
        for index in 0..<flat.count where flat.isValid(index) {
          valid[at.map { Int($0[index]) } ?? index] = 1
        }
      }
      if type.physical == .string { owners += flat.stringOwners }
    }
    return Vector(
      flat: buffer, type: type, count: count,
      validity: Validity.make(fromBytes: UnsafePointer(valid), count: count), owners: owners)
  }

  @inline(__always)
  private static func scatter<T: BitwiseCopyable>(
    _ vector: Vector, _ positions: Positions?, _ buffer: Buffer, _: T.Type
  ) {
    let target = buffer.typed(T.self)
    let source = RowReader<T>(vector)
    if let positions {
      let at = positions.pointer
      for index in 0..<positions.count { target[Int(at[index])] = source[index] }
    } else {
      for row in 0..<vector.count { target[row] = source[row] }
    }
    withExtendedLifetime(vector) {}
  }
}
