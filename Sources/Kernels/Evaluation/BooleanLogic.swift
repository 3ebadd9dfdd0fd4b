import Vectors

/// Three-valued logic. Within a junction a truth value is a byte: 0 FALSE, 1 NULL, 2 TRUE, so that AND is the
/// minimum and OR the maximum.
enum BooleanLogic {
  /// AND or OR of `operands`, in order; those that may fail run only for rows not yet decided.
  static func junction(
    _ operands: [EvaluatorNode], _ rows: RowSet, isConjunction: Bool
  ) throws(StoaError) -> Vector {
    let count = rows.rowCount
    let neutral: UInt8 = isConjunction ? 2 : 0
    let decisive: UInt8 = 2 - neutral
    let states = Buffer(byteCount: max(1, count))
    let state = states.typed(UInt8.self)
    state.update(repeating: neutral, count: count)
    var isConstant = true
    for operand in operands {
      if isConstant {
        // Every row is in the same state so far.
        guard state[0] != decisive else { break }
        let vector = try operand.evaluate(rows)
        isConstant = vector.form == .constant
        combine(vector, state, count, isConjunction)
        continue
      }
      if operand.isTotal {
        combine(try operand.evaluate(rows), state, count, isConjunction)
        continue
      }
      let open = undecided(state, count, decisive)
      if open.count == 0 { break }
      if open.count == count {
        combine(try operand.evaluate(rows), state, count, isConjunction)
        continue
      }
      let vector = try operand.evaluate(RowSet(rows, at: open))
      scatter(vector, open, state, isConjunction)
    }
    if isConstant {
      let value: Value = state[0] == 1 ? .null : .boolean(state[0] == 2)
      return Vector(constant: value, type: .boolean, count: count)
    }
    return boolean(states, count)
  }

  /// The states as a BOOLEAN vector; overwrites the buffer.
  private static func boolean(_ states: Buffer, _ count: Int) -> Vector {
    let state = states.typed(UInt8.self)
    var anyNull: UInt8 = 0
    for row in 0..<count { anyNull |= state[row] & 1 }
    var validity: Validity?
    if anyNull != 0 { validity = Validity.make(count: count) { state[$0] != 1 } }
    for row in 0..<count { state[row] = state[row] >> 1 }
    return Vector(flat: states, type: .boolean, count: count, validity: validity)
  }

  private static func undecided(
    _ state: UnsafeMutablePointer<UInt8>, _ count: Int, _ decisive: UInt8
  ) -> Positions {
    let buffer = Buffer(of: UInt32.self, count: count + 1)
    let target = buffer.typed(UInt32.self)
    var found = 0
    for row in 0..<count {
      target[found] = UInt32(truncatingIfNeeded: row)
      if state[row] != decisive { found &+= 1 }
    }
    return Positions(buffer: buffer, count: found)
  }

  /// Merges the truth values of all rows into `state`.
  private static func combine(
    _ vector: Vector, _ state: UnsafeMutablePointer<UInt8>, _ count: Int, _ isConjunction: Bool
  ) {
    let truth = truthBytes(vector)
    let source = truth.typed(UInt8.self)
    if isConjunction {
      for row in 0..<count { state[row] = min(state[row], source[row]) }
    } else {
      for row in 0..<count { state[row] = max(state[row], source[row]) }
    }
  }

  /// Merges the truth values of the rows at `positions`.
  private static func scatter(
    _ vector: Vector, _ positions: Positions, _ state: UnsafeMutablePointer<UInt8>,
    _ isConjunction: Bool
  ) {
    let truth = truthBytes(vector)
    let source = truth.typed(UInt8.self)
    let at = positions.pointer
    for index in 0..<positions.count {
      let row = Int(at[index])
      state[row] =
        isConjunction ? min(state[row], source[index]) : max(state[row], source[index])
    }
  }

  /// 0, 1 or 2 per row of a BOOLEAN vector.
  private static func truthBytes(_ vector: Vector) -> Buffer {
    let flat = vector.flattened()
    let buffer = Buffer(byteCount: max(1, flat.count))
    let target = buffer.typed(UInt8.self)
    flat.withValues(as: UInt8.self) { source in
      for row in 0..<flat.count { target[row] = (source[row] & 1) &* 2 }
    }
    if let validity = flat.validity {
      for row in 0..<flat.count where !validity.isValid(row) { target[row] = 1 }
    }
    return buffer
  }

  static func not(_ vector: Vector) throws(StoaError) -> Vector {
    try VectorForms.map(vector) { (flat: Vector) throws(StoaError) -> Vector in
      let result = FlatResult<UInt8>(count: flat.count)
      flat.withValues(as: UInt8.self) { source in
        for row in 0..<flat.count { result.values[row] = source[row] ^ 1 }
      }
      return result.vector(.boolean, count: flat.count, validity: flat.validity)
    }
  }

  /// IS [NOT] NULL.
  static func isNull(_ vector: Vector, isNegated: Bool) -> Vector {
    guard vector.mayHaveNulls else {
      return Vector(constant: .boolean(isNegated), type: .boolean, count: vector.count)
    }
    switch vector.form {
    case .constant:
      return Vector(constant: .boolean(!isNegated), type: .boolean, count: vector.count)
    case .runs:
      return vector.replacingRunValues(
        with: isNull(vector.child!, isNegated: isNegated).flattened())
    case .flat, .dictionary:
      let result = FlatResult<UInt8>(count: vector.count)
      let words = vector.validity!.words
      let flip: UInt64 = isNegated ? 0 : 1
      for row in 0..<vector.count {
        let bit = (words[row >> 6] >> UInt64(truncatingIfNeeded: row & 63)) & 1
        result.values[row] = UInt8(truncatingIfNeeded: bit ^ flip)
      }
      return result.vector(.boolean, count: vector.count)
    }
  }
}
