import Vectors

/// Comparisons of two vectors of one physical type.
///
/// Six operators become two loops: `a > b` is `b < a`, `a ≥ b` is `not a < b`, and so on, where "not" is an
/// exclusive or with the stored byte.
public enum Comparison {
  /// TRUE, FALSE or NULL per row.
  public static func compare(
    _ op: ComparisonOperator, _ left: Vector, _ right: Vector
  ) throws(StoaError) -> Vector {
    try check(left, right)
    if left.type == .interval { return try compare(op, try lengths(left), try lengths(right)) }
    if right.form == .constant, left.form != .constant {
      if right.isConstantNull { return Vector(constant: .null, type: .boolean, count: left.count) }
      return try VectorForms.map(left) { (flat: Vector) throws(StoaError) -> Vector in
        rows(op, flat, right, validity: flat.validity)
      }
    }
    if left.form == .constant, right.form != .constant {
      return try compare(op.mirrored, right, left)
    }
    return try VectorForms.apply(
      [left, right], rowCount: left.count, resultType: .boolean, propagatesNull: true
    ) { (arguments: [Vector], _: Int) throws(StoaError) -> Vector in
      rows(op, arguments[0], arguments[1], validity: VectorForms.commonValidity(arguments))
    }
  }

  /// IS [NOT] DISTINCT FROM: never NULL.
  public static func isDistinct(
    _ left: Vector, _ right: Vector, isNegated: Bool
  ) throws(StoaError) -> Vector {
    try check(left, right)
    if left.type == .interval {
      return try isDistinct(try lengths(left), try lengths(right), isNegated: isNegated)
    }
    let flip: UInt8 = isNegated ? 1 : 0
    let count = left.count
    if left.form == .constant, right.form == .constant, count > 0 {
      let one = try isDistinct(
        left.resizedConstant(count: 1).flattened(), right.resizedConstant(count: 1).flattened(),
        isNegated: isNegated)
      return one.constant(ofRow: 0, count: count)
    }
    let (first, second) = (left.flattened(), right.flattened())
    let different = rows(.notEqual, first, second, validity: nil)
    guard first.validity != nil || second.validity != nil else {
      return flip == 0 ? different : try BooleanLogic.not(different)
    }
    let result = FlatResult<UInt8>(count: count)
    different.withValues(as: UInt8.self) { bytes in
      for row in 0..<count {
        let (a, b) = (first.isValid(row), second.isValid(row))
        let isDifferent: UInt8 = a && b ? bytes[row] : (a == b ? 0 : 1)
        result.values[row] = isDifferent ^ flip
      }
    }
    return result.vector(.boolean, count: count)
  }

  /// Intervals compare by their length, 30 days to a month.
  private static func lengths(_ intervals: Vector) throws(StoaError) -> Vector {
    try VectorForms.map(intervals) { (flat: Vector) throws(StoaError) -> Vector in
      try RowKernels.unary([flat], flat.count, .hugeint, zero: 0 as Int128) { (packed: Int128) in
        packed >> Interval.lengthShift
      }
    }
  }

  private static func check(_ left: Vector, _ right: Vector) throws(StoaError) {
    guard left.type.physical == right.type.physical, left.count == right.count else {
      throw StoaError(
        .inconsistency, "cannot compare \(left.type) with \(right.type) without a cast")
    }
  }

  /// Both flat, or the right one constant.
  private static func rows(
    _ op: ComparisonOperator, _ left: Vector, _ right: Vector, validity: Validity?
  ) -> Vector {
    let result = FlatResult<UInt8>(count: left.count)
    let target = result.values
    switch left.type.physical {
    case .bool: loop(op, left, right, target, UInt8.self)
    case .int8: loop(op, left, right, target, Int8.self)
    case .int16: loop(op, left, right, target, Int16.self)
    case .int32: loop(op, left, right, target, Int32.self)
    case .int64: loop(op, left, right, target, Int64.self)
    case .int128: loop(op, left, right, target, Int128.self)
    case .float32: loop(op, left, right, target, Float.self)
    case .float64: loop(op, left, right, target, Double.self)
    case .string: loop(op, left, right, target, StringView.self)
    }
    return result.vector(.boolean, count: left.count, validity: validity)
  }

  @inline(__always)
  private static func loop<T: OrderedValue>(
    _ op: ComparisonOperator, _ left: Vector, _ right: Vector,
    _ target: UnsafeMutablePointer<UInt8>, _: T.Type
  ) {
    let count = left.count
    left.withValues(as: T.self) { a in
      right.withValues(as: T.self) { b in
        if right.form == .constant {
          switch op {
          case .equal: equalConstant(a, b[0], target, count, 0)
          case .notEqual: equalConstant(a, b[0], target, count, 1)
          case .less: lessConstant(a, b[0], target, count, 0)
          case .greaterOrEqual: lessConstant(a, b[0], target, count, 1)
          case .greater: greaterConstant(a, b[0], target, count, 0)
          case .lessOrEqual: greaterConstant(a, b[0], target, count, 1)
          }
        } else {
          switch op {
          case .equal: equalRows(a, b, target, count, 0)
          case .notEqual: equalRows(a, b, target, count, 1)
          case .less: lessRows(a, b, target, count, 0)
          case .greaterOrEqual: lessRows(a, b, target, count, 1)
          case .greater: lessRows(b, a, target, count, 0)
          case .lessOrEqual: lessRows(b, a, target, count, 1)
          }
        }
      }
    }
  }

  private static func equalConstant<T: OrderedValue>(
    _ a: UnsafePointer<T>, _ b: T, _ target: UnsafeMutablePointer<UInt8>, _ count: Int,
    _ flip: UInt8
  ) {
    for row in 0..<count { target[row] = (T.isEqual(a[row], b) ? 1 : 0) ^ flip }
  }

  private static func lessConstant<T: OrderedValue>(
    _ a: UnsafePointer<T>, _ b: T, _ target: UnsafeMutablePointer<UInt8>, _ count: Int,
    _ flip: UInt8
  ) {
    for row in 0..<count { target[row] = (T.isLess(a[row], b) ? 1 : 0) ^ flip }
  }

  private static func greaterConstant<T: OrderedValue>(
    _ a: UnsafePointer<T>, _ b: T, _ target: UnsafeMutablePointer<UInt8>, _ count: Int,
    _ flip: UInt8
  ) {
    for row in 0..<count { target[row] = (T.isLess(b, a[row]) ? 1 : 0) ^ flip }
  }

  private static func equalRows<T: OrderedValue>(
    _ a: UnsafePointer<T>, _ b: UnsafePointer<T>, _ target: UnsafeMutablePointer<UInt8>,
    _ count: Int, _ flip: UInt8
  ) {
    for row in 0..<count { target[row] = (T.isEqual(a[row], b[row]) ? 1 : 0) ^ flip }
  }

  private static func lessRows<T: OrderedValue>(
    _ a: UnsafePointer<T>, _ b: UnsafePointer<T>, _ target: UnsafeMutablePointer<UInt8>,
    _ count: Int, _ flip: UInt8
  ) {
    for row in 0..<count { target[row] = (T.isLess(a[row], b[row]) ? 1 : 0) ^ flip }
  }
}
