import Vectors

/// The arguments of a function by number and row; flat or constant vectors, which must outlive it. For functions
/// whose work per row is more than looking up what it works on.
struct ArgumentReader {
  private let bases: [UnsafeRawPointer]
  private let masks: [Int]
  private let arguments: [Vector]

  init(_ arguments: [Vector]) {
    self.arguments = arguments
    bases = arguments.map { UnsafeRawPointer($0.base) }
    masks = arguments.map { $0.form == .constant ? 0 : -1 }
  }

  @inline(__always)
  func value<T: BitwiseCopyable>(_ number: Int, _ row: Int, _: T.Type) -> T {
    bases[number].assumingMemoryBound(to: T.self)[row & masks[number]]
  }

  func text(_ number: Int, _ row: Int) -> StringView { value(number, row, StringView.self) }
  /// A BIGINT or TIMESTAMP.
  func integer(_ number: Int, _ row: Int) -> Int64 { value(number, row, Int64.self) }
  /// A HUGEINT or INTERVAL.
  func wide(_ number: Int, _ row: Int) -> Int128 { value(number, row, Int128.self) }
  /// An INTEGER or DATE.
  func short(_ number: Int, _ row: Int) -> Int32 { value(number, row, Int32.self) }
  func real(_ number: Int, _ row: Int) -> Double { value(number, row, Double.self) }
  func boolean(_ number: Int, _ row: Int) -> Bool { value(number, row, UInt8.self) != 0 }
  func isValid(_ number: Int, _ row: Int) -> Bool { arguments[number].isValid(row) }

  /// `body` with the bytes of a text.
  @inline(__always)
  func withBytes<R>(
    _ number: Int, _ row: Int, _ body: (UnsafeRawBufferPointer) throws(StoaError) -> R
  ) throws(StoaError) -> R {
    try text(number, row).withBytes(body)
  }

  /// `body` with the bytes of the first two texts.
  @inline(__always)
  func withTwoTexts<R>(
    _ row: Int, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(StoaError) -> R
  ) throws(StoaError) -> R {
    try text(0, row).withBytes { (first: UnsafeRawBufferPointer) throws(StoaError) -> R in
      try text(1, row).withBytes { (second: UnsafeRawBufferPointer) throws(StoaError) -> R in
        try body(first, second)
      }
    }
  }
}

/// Kernels made of what one row is. Rows with a NULL argument are not computed and are NULL.
extension ScalarFunction.Overload {
  /// A text per row, written into an empty array.
  static func text(
    _ parameters: [LogicalType], isVariadic: Bool = false,
    _ body:
      @escaping @Sendable (ArgumentReader, _ row: Int, _ bytes: inout [UInt8]) throws(StoaError) ->
      Void
  ) -> ScalarFunction.Overload {
    .init(parameters, .varchar, isVariadic: isVariadic) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let reader = ArgumentReader(arguments)
      return try TextKernels.build(arguments, count) {
        (row: Int, bytes: inout [UInt8]) throws(StoaError) in
        try body(reader, row, &bytes)
      }
    }
  }

  /// A number, date or truth value per row.
  static func value<R: PhysicalValue>(
    _ parameters: [LogicalType], _ result: LogicalType, zero: R, isVariadic: Bool = false,
    _ body: @escaping @Sendable (ArgumentReader, _ row: Int) throws(StoaError) -> R
  ) -> ScalarFunction.Overload {
    .init(parameters, result, isVariadic: isVariadic) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let reader = ArgumentReader(arguments)
      let made = FlatResult<R>(count: count)
      let validity = VectorForms.commonValidity(arguments)
      for row in 0..<count {
        made.values[row] = validity?.isValid(row) ?? true ? try body(reader, row) : zero
      }
      withExtendedLifetime(arguments) {}
      return made.vector(result, count: count, validity: validity)
    }
  }

  /// The same for results that may be NULL.
  static func optional<R: PhysicalValue>(
    _ parameters: [LogicalType], _ result: LogicalType, zero: R,
    _ body: @escaping @Sendable (ArgumentReader, _ row: Int) throws(StoaError) -> R?
  ) -> ScalarFunction.Overload {
    .init(parameters, result) { (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let reader = ArgumentReader(arguments)
      let made = FlatResult<R>(count: count)
      let validity = VectorForms.commonValidity(arguments)
      var nulls = NullMask(count: count, startingWith: validity)
      for row in 0..<count {
        made.values[row] = zero
        guard validity?.isValid(row) ?? true else { continue }
        if let value = try body(reader, row) {
          made.values[row] = value
        } else {
          nulls.setNull(row)
        }
      }
      withExtendedLifetime(arguments) {}
      return made.vector(result, count: count, validity: nulls.validity)
    }
  }

  static func boolean(
    _ parameters: [LogicalType],
    _ body: @escaping @Sendable (ArgumentReader, _ row: Int) throws(StoaError) -> Bool
  ) -> ScalarFunction.Overload {
    .value(parameters, .boolean, zero: 0 as UInt8) {
      (reader: ArgumentReader, row: Int) throws(StoaError) -> UInt8 in
      try body(reader, row) ? 1 : 0
    }
  }
}
