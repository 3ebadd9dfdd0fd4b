import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Arithmetic on REAL and DOUBLE. As in PostgreSQL a division by zero is an error, and so is a result that
/// is infinite although no operand was.
enum FloatArithmetic {
  static func apply(
    _ op: ArithmeticOperator, _ arguments: [Vector], _ count: Int, _ type: LogicalType
  ) throws(StoaError) -> Vector {
    type.physical == .float32
      ? try apply(op, arguments, count, type, Float.self)
      : try apply(op, arguments, count, type, Double.self)
  }

  private static func apply<T: BinaryFloatingPoint & PhysicalValue>(
    _ op: ArithmeticOperator, _ arguments: [Vector], _ count: Int, _ type: LogicalType, _: T.Type
  ) throws(StoaError) -> Vector {
    let result = FlatResult<T>(count: count)
    let target = result.values
    let validity = VectorForms.commonValidity(arguments)
    let (left, right) = (RowReader<T>(arguments[0]), RowReader<T>(arguments[1]))
    switch op {
    case .add: loop(left, right, target, count) { $0 + $1 }
    case .subtract: loop(left, right, target, count) { $0 - $1 }
    case .multiply: loop(left, right, target, count) { $0 * $1 }
    case .divide: loop(left, right, target, count) { $0 / $1 }
    case .integerDivide: loop(left, right, target, count) { ($0 / $1).rounded(.towardZero) }
    case .modulo: loop(left, right, target, count) { T(fmod(Double($0), Double($1))) }
    }
    var isSuspect = false
    for row in 0..<count where !target[row].isFinite { isSuspect = true }
    if isSuspect { try raise(op, left, right, target, count, validity, type) }
    withExtendedLifetime(arguments) {}
    return result.vector(type, count: count, validity: validity)
  }

  @inline(__always)
  private static func loop<T>(
    _ left: RowReader<T>, _ right: RowReader<T>, _ target: UnsafeMutablePointer<T>, _ count: Int,
    _ operation: (T, T) -> T
  ) {
    if left.mask == -1, right.mask == -1 {
      let (a, b) = (left.base, right.base)
      for row in 0..<count { target[row] = operation(a[row], b[row]) }
    } else if left.mask == -1 {
      let (a, b) = (left.base, right.base[0])
      for row in 0..<count { target[row] = operation(a[row], b) }
    } else {
      let a = left.base[0]
      for row in 0..<count { target[row] = operation(a, right[row]) }
    }
  }

  private static func raise<T: BinaryFloatingPoint>(
    _ op: ArithmeticOperator, _ left: RowReader<T>, _ right: RowReader<T>,
    _ target: UnsafeMutablePointer<T>, _ count: Int, _ validity: Validity?, _ type: LogicalType
  ) throws(StoaError) {
    for row in 0..<count where !target[row].isFinite && (validity?.isValid(row) ?? true) {
      let (a, b) = (left[row], right[row])
      switch op {
      case .divide, .integerDivide, .modulo:
        if b == 0 && !a.isNaN { throw .divisionByZero }
      case .add, .subtract, .multiply: break
      }
      if target[row].isInfinite && a.isFinite && b.isFinite {
        throw .overflow(
          TextFormatter.string(.double(Double(a)), type), op.rawValue,
          TextFormatter.string(.double(Double(b)), type), type)
      }
    }
  }

  /// −x, or |x| when `isAbsolute`.
  static func negate(
    _ arguments: [Vector], _ count: Int, _ type: LogicalType, isAbsolute: Bool
  ) -> Vector {
    type.physical == .float32
      ? negate(arguments, count, type, isAbsolute, Float.self)
      : negate(arguments, count, type, isAbsolute, Double.self)
  }

  private static func negate<T: BinaryFloatingPoint & PhysicalValue>(
    _ arguments: [Vector], _ count: Int, _ type: LogicalType, _ isAbsolute: Bool, _: T.Type
  ) -> Vector {
    let result = FlatResult<T>(count: count)
    let source = RowReader<T>(arguments[0])
    for row in 0..<count { result.values[row] = isAbsolute ? source[row].magnitude : -source[row] }
    withExtendedLifetime(arguments) {}
    return result.vector(type, count: count, validity: VectorForms.commonValidity(arguments))
  }
}
