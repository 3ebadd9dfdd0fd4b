import Vectors

/// Arithmetic on the integer physical types (and so on decimals of one scale).
///
/// Loops wrap around and collect a flag; only when it is set the rows are looked at one by one, because the
/// overflow may have been in a NULL slot, and because the message names the values.
enum IntegerArithmetic {
  /// `left op right` of `type`, whose physical type both have; flat or constant, not both constant.
  static func apply(
    _ op: ArithmeticOperator, _ arguments: [Vector], _ count: Int, _ type: LogicalType
  ) throws(StoaError) -> Vector {
    switch type.physical {
    case .int8: try apply(op, arguments, count, type, Int8.self)
    case .int16: try apply(op, arguments, count, type, Int16.self)
    case .int32: try apply(op, arguments, count, type, Int32.self)
    case .int64: try apply(op, arguments, count, type, Int64.self)
    case .int128: try apply(op, arguments, count, type, Int128.self)
    case .bool, .float32, .float64, .string:
      throw StoaError(.inconsistency, "integer arithmetic on \(type)")
    }
  }

  private static func apply<T: FlaggingInteger>(
    _ op: ArithmeticOperator, _ arguments: [Vector], _ count: Int, _ type: LogicalType, _: T.Type
  ) throws(StoaError) -> Vector {
    let result = FlatResult<T>(count: count)
    let validity = VectorForms.commonValidity(arguments)
    let hasFlag =
      switch op {
      case .add: run(Addition.self, arguments, result.values, count)
      case .subtract: run(Subtraction.self, arguments, result.values, count)
      case .multiply: run(Multiplication.self, arguments, result.values, count)
      case .divide, .integerDivide: divide(arguments, result.values, count)
      case .modulo: modulo(arguments, result.values, count)
      }
    if hasFlag { try raise(op, arguments, count, validity, type, T.self) }
    return result.vector(type, count: count, validity: validity)
  }

  /// The error of the first row that is not NULL and has one; none when only NULL slots overflowed.
  private static func raise<T: FlaggingInteger>(
    _ op: ArithmeticOperator, _ arguments: [Vector], _ count: Int, _ validity: Validity?,
    _ type: LogicalType, _: T.Type
  ) throws(StoaError) {
    let (left, right) = (RowReader<T>(arguments[0]), RowReader<T>(arguments[1]))
    for row in 0..<count where validity?.isValid(row) ?? true {
      let (a, b) = (left[row], right[row])
      let overflow: Bool
      switch op {
      case .add: overflow = a.addingReportingOverflow(b).overflow
      case .subtract: overflow = a.subtractingReportingOverflow(b).overflow
      case .multiply: overflow = a.multipliedReportingOverflow(by: b).overflow
      case .divide, .integerDivide, .modulo:
        if b == 0 { throw .divisionByZero }
        overflow = op != .modulo && a == T.min && b == -1
      }
      guard overflow else { continue }
      throw .overflow(
        TextFormatter.string(.integer(Int128(a)), arguments[0].type), op.rawValue,
        TextFormatter.string(.integer(Int128(b)), arguments[1].type), type)
    }
    withExtendedLifetime(arguments) {}
  }

  @inline(__always)
  private static func run<T: FlaggingInteger, Op: FlaggingOperation>(
    _ op: Op.Type, _ arguments: [Vector], _ target: UnsafeMutablePointer<T>, _ count: Int
  ) -> Bool {
    let (left, right) = (arguments[0], arguments[1])
    return left.withValues(as: T.self) { a in
      right.withValues(as: T.self) { b in
        var flags: T = 0
        if right.form == .constant {
          flags = rowsConstant(op, a, b[0], target, count)
        } else if left.form == .constant {
          flags = constantRows(op, a[0], b, target, count)
        } else {
          flags = rowsRows(op, a, b, target, count)
        }
        return Op.isOverflow(flags)
      }
    }
  }

  private static func rowsRows<T: FlaggingInteger, Op: FlaggingOperation>(
    _: Op.Type, _ a: UnsafePointer<T>, _ b: UnsafePointer<T>, _ target: UnsafeMutablePointer<T>,
    _ count: Int
  ) -> T {
    var flags: T = 0
    for row in 0..<count { target[row] = Op.apply(a[row], b[row], &flags) }
    return flags
  }

  private static func rowsConstant<T: FlaggingInteger, Op: FlaggingOperation>(
    _: Op.Type, _ a: UnsafePointer<T>, _ b: T, _ target: UnsafeMutablePointer<T>, _ count: Int
  ) -> T {
    var flags: T = 0
    for row in 0..<count { target[row] = Op.apply(a[row], b, &flags) }
    return flags
  }

  private static func constantRows<T: FlaggingInteger, Op: FlaggingOperation>(
    _: Op.Type, _ a: T, _ b: UnsafePointer<T>, _ target: UnsafeMutablePointer<T>, _ count: Int
  ) -> T {
    var flags: T = 0
    for row in 0..<count { target[row] = Op.apply(a, b[row], &flags) }
    return flags
  }

  private static func divide<T: FlaggingInteger>(
    _ arguments: [Vector], _ target: UnsafeMutablePointer<T>, _ count: Int
  ) -> Bool {
    let (left, right) = (RowReader<T>(arguments[0]), RowReader<T>(arguments[1]))
    var hasFlag = false
    if arguments[1].form == .constant, right[0] > 0 {
      let divisor = right[0]
      for row in 0..<count { target[row] = left[row] / divisor }
    } else {
      for row in 0..<count {
        let divided = left[row].dividedReportingOverflow(by: right[row])
        target[row] = divided.partialValue
        hasFlag = hasFlag || divided.overflow
      }
    }
    withExtendedLifetime(arguments) {}
    return hasFlag
  }

  private static func modulo<T: FlaggingInteger>(
    _ arguments: [Vector], _ target: UnsafeMutablePointer<T>, _ count: Int
  ) -> Bool {
    let (left, right) = (RowReader<T>(arguments[0]), RowReader<T>(arguments[1]))
    var hasFlag = false
    for row in 0..<count {
      let divisor = right[row]
      // A remainder by −1 is 0, also of the least integer, whose quotient would overflow.
      if divisor == 0 {
        hasFlag = true
        target[row] = 0
      } else {
        target[row] = divisor == -1 ? 0 : left[row] % divisor
      }
    }
    withExtendedLifetime(arguments) {}
    return hasFlag
  }

  /// −x, or |x| when `isAbsolute`.
  static func negate(
    _ arguments: [Vector], _ count: Int, _ type: LogicalType, isAbsolute: Bool
  ) throws(StoaError) -> Vector {
    switch type.physical {
    case .int8: try negate(arguments, count, type, isAbsolute, Int8.self)
    case .int16: try negate(arguments, count, type, isAbsolute, Int16.self)
    case .int32: try negate(arguments, count, type, isAbsolute, Int32.self)
    case .int64: try negate(arguments, count, type, isAbsolute, Int64.self)
    case .int128: try negate(arguments, count, type, isAbsolute, Int128.self)
    case .bool, .float32, .float64, .string:
      throw StoaError(.inconsistency, "integer arithmetic on \(type)")
    }
  }

  private static func negate<T: FlaggingInteger>(
    _ arguments: [Vector], _ count: Int, _ type: LogicalType, _ isAbsolute: Bool, _: T.Type
  ) throws(StoaError) -> Vector {
    let result = FlatResult<T>(count: count)
    let validity = VectorForms.commonValidity(arguments)
    let source = RowReader<T>(arguments[0])
    var leastSeen: T = 0
    for row in 0..<count {
      let value = source[row]
      leastSeen = min(leastSeen, value)
      let negative = 0 &- value
      result.values[row] = isAbsolute && value >= 0 ? value : negative
    }
    if leastSeen == T.min {
      for row in 0..<count where source[row] == T.min && (validity?.isValid(row) ?? true) {
        let text = TextFormatter.string(.integer(Int128(T.min)), type)
        throw StoaError(
          .evaluation, "overflow: \(isAbsolute ? "abs" : "-")(\(text)) is out of range for \(type)")
      }
    }
    withExtendedLifetime(arguments) {}
    return result.vector(type, count: count, validity: validity)
  }
}

/// A signed integer whose product can be taken with an overflow flag and without a branch.
protocol FlaggingInteger: FixedWidthInteger, SignedInteger, PhysicalValue {
  /// The wrapped product; bits of `flags` are set when it is not the product.
  static func multiply(_ left: Self, _ right: Self, _ flags: inout Self) -> Self
}

extension FlaggingInteger {
  @inline(__always)
  static func multiplyFullWidth(_ left: Self, _ right: Self, _ flags: inout Self) -> Self {
    let (high, low) = left.multipliedFullWidth(by: right)
    let product = Self(truncatingIfNeeded: low)
    flags |= high ^ (product >> Self(truncatingIfNeeded: Self.bitWidth &- 1))
    return product
  }
}

extension Int8: FlaggingInteger {
  @inline(__always) static func multiply(_ left: Int8, _ right: Int8, _ flags: inout Int8) -> Int8 {
    let wide = Int16(left) &* Int16(right)
    let product = Int8(truncatingIfNeeded: wide)
    flags |= Int8(truncatingIfNeeded: wide &>> 8) ^ (product &>> 7)
    return product
  }
}
extension Int16: FlaggingInteger {
  @inline(__always) static func multiply(_ left: Int16, _ right: Int16, _ flags: inout Int16)
    -> Int16
  {
    let wide = Int32(left) &* Int32(right)
    let product = Int16(truncatingIfNeeded: wide)
    flags |= Int16(truncatingIfNeeded: wide &>> 16) ^ (product &>> 15)
    return product
  }
}
extension Int32: FlaggingInteger {
  @inline(__always) static func multiply(_ left: Int32, _ right: Int32, _ flags: inout Int32)
    -> Int32
  {
    let wide = Int64(left) &* Int64(right)
    let product = Int32(truncatingIfNeeded: wide)
    flags |= Int32(truncatingIfNeeded: wide &>> 32) ^ (product &>> 31)
    return product
  }
}
extension Int64: FlaggingInteger {
  @inline(__always) static func multiply(_ left: Int64, _ right: Int64, _ flags: inout Int64)
    -> Int64
  {
    multiplyFullWidth(left, right, &flags)
  }
}
extension Int128: FlaggingInteger {
  @inline(__always) static func multiply(_ left: Int128, _ right: Int128, _ flags: inout Int128)
    -> Int128
  {
    let (product, overflow) = left.multipliedReportingOverflow(by: right)
    if overflow { flags = 1 }
    return product
  }
}

protocol FlaggingOperation {
  static func apply<T: FlaggingInteger>(_ left: T, _ right: T, _ flags: inout T) -> T
  static func isOverflow<T: FlaggingInteger>(_ flags: T) -> Bool
}

/// The sign of the sum differs from both signs exactly when it overflowed.
enum Addition: FlaggingOperation {
  @inline(__always) static func apply<T: FlaggingInteger>(_ left: T, _ right: T, _ flags: inout T)
    -> T
  {
    let sum = left &+ right
    flags |= (left ^ sum) & (right ^ sum)
    return sum
  }
  @inline(__always) static func isOverflow<T: FlaggingInteger>(_ flags: T) -> Bool { flags < 0 }
}

enum Subtraction: FlaggingOperation {
  @inline(__always) static func apply<T: FlaggingInteger>(_ left: T, _ right: T, _ flags: inout T)
    -> T
  {
    let difference = left &- right
    flags |= (left ^ right) & (left ^ difference)
    return difference
  }
  @inline(__always) static func isOverflow<T: FlaggingInteger>(_ flags: T) -> Bool { flags < 0 }
}

enum Multiplication: FlaggingOperation {
  @inline(__always) static func apply<T: FlaggingInteger>(_ left: T, _ right: T, _ flags: inout T)
    -> T
  {
    T.multiply(left, right, &flags)
  }
  @inline(__always) static func isOverflow<T: FlaggingInteger>(_ flags: T) -> Bool { flags != 0 }
}
