import Vectors

/// Loops for functions whose work per row is more than the loop: the body sees valid rows only and may throw.
/// Arguments are flat or constant.
enum RowKernels {
  static func unary<A: BitwiseCopyable, R: PhysicalValue>(
    _ arguments: [Vector], _ count: Int, _ type: LogicalType, zero: R,
    _ body: (A) throws(StoaError) -> R
  ) throws(StoaError) -> Vector {
    let result = FlatResult<R>(count: count)
    let validity = VectorForms.commonValidity(arguments)
    let first = RowReader<A>(arguments[0])
    if let validity {
      for row in 0..<count {
        result.values[row] = validity.isValid(row) ? try body(first[row]) : zero
      }
    } else {
      for row in 0..<count { result.values[row] = try body(first[row]) }
    }
    withExtendedLifetime(arguments) {}
    return result.vector(type, count: count, validity: validity)
  }

  static func binary<A: BitwiseCopyable, B: BitwiseCopyable, R: PhysicalValue>(
    _ arguments: [Vector], _ count: Int, _ type: LogicalType, zero: R,
    _ body: (A, B) throws(StoaError) -> R
  ) throws(StoaError) -> Vector {
    let result = FlatResult<R>(count: count)
    let validity = VectorForms.commonValidity(arguments)
    let first = RowReader<A>(arguments[0])
    let second = RowReader<B>(arguments[1])
    if let validity {
      for row in 0..<count {
        result.values[row] = validity.isValid(row) ? try body(first[row], second[row]) : zero
      }
    } else {
      for row in 0..<count { result.values[row] = try body(first[row], second[row]) }
    }
    withExtendedLifetime(arguments) {}
    return result.vector(type, count: count, validity: validity)
  }
}

extension BoundFunction {
  /// A function whose `kernel` sees only flat vectors and constants that are not NULL (see
  /// `VectorForms.apply`); the other forms are taken care of.
  static func make(
    _ name: String, _ argumentTypes: [LogicalType], _ resultType: LogicalType,
    isDeterministic: Bool = true, propagatesNull: Bool = true, kernel: @escaping Kernel
  ) -> BoundFunction {
    BoundFunction(
      name: name, argumentTypes: argumentTypes, resultType: resultType,
      isDeterministic: isDeterministic, propagatesNull: propagatesNull
    ) { (arguments: [Vector], rowCount: Int) throws(StoaError) -> Vector in
      guard isDeterministic else { return try kernel(arguments, rowCount) }
      return try VectorForms.apply(
        arguments, rowCount: rowCount, resultType: resultType, propagatesNull: propagatesNull,
        kernel)
    }
  }
}
