import Vectors

/// Texts put together. `||` is NULL when an operand is; `concat` and `concat_ws` skip NULLs.
enum Concatenation {
  /// Arguments become text; there must be at least `minimum`.
  static func resolve(
    _ name: String, _ types: [LogicalType], minimum: Int, propagatesNull: Bool,
    _ kernel: @escaping BoundFunction.Kernel
  ) -> BoundFunction? {
    guard types.count >= minimum else { return nil }
    return .make(
      name, types.map { _ in .varchar }, .varchar, propagatesNull: propagatesNull, kernel: kernel)
  }

  static let operatorKernel: BoundFunction.Kernel = {
    (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
    let (left, right) = (RowReader<StringView>(arguments[0]), RowReader<StringView>(arguments[1]))
    return try TextKernels.build(arguments, count) { (row: Int, bytes: inout [UInt8]) in
      left[row].withBytes { bytes.append(contentsOf: $0) }
      right[row].withBytes { bytes.append(contentsOf: $0) }
    }
  }

  /// `||` of BLOBs; texts are BLOBs only as literals.
  static func ofBlobs(_ arguments: ScalarFunction.Arguments) -> BoundFunction? {
    for (number, type) in arguments.types.enumerated()
    where ImplicitCast.cost(type, .blob, literal: arguments.literal(number)) == nil {
      return nil
    }
    return .make("||", [.blob, .blob], .blob) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      try operatorKernel(arguments, count).retyped(.blob)
    }
  }

  static let concatKernel: BoundFunction.Kernel = {
    (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
    let readers = arguments.map { RowReader<StringView>($0) }
    return try TextKernels.build(arguments, count, propagatesNull: false) {
      (row: Int, bytes: inout [UInt8]) in
      for (reader, argument) in zip(readers, arguments) where argument.isValid(row) {
        reader[row].withBytes { bytes.append(contentsOf: $0) }
      }
    }
  }

  static let joinKernel: BoundFunction.Kernel = {
    (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
    let readers = arguments.map { RowReader<StringView>($0) }
    let separators = arguments[0].flattened()
    return try TextKernels.build(
      arguments, count, validity: separators.validity, propagatesNull: false
    ) { (row: Int, bytes: inout [UInt8]) in
      var isFirst = true
      for number in 1..<arguments.count where arguments[number].isValid(row) {
        if !isFirst { readers[0][row].withBytes { bytes.append(contentsOf: $0) } }
        readers[number][row].withBytes { bytes.append(contentsOf: $0) }
        isFirst = false
      }
    }
  }
}

extension ScalarFunction {
  static let concatenateOperator = ScalarFunction(
    "||", .text, help: "Two texts put together; NULL when one is",
    example: .init(.text("ab"), .text("cd"), gives: "abcd"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard arguments.types.count == 2 else { return nil }
      if arguments.types.contains(.blob) { return Concatenation.ofBlobs(arguments) }
      guard arguments.types.contains(where: { $0 == .varchar || $0 == .null })
      else { return nil }
      return Concatenation.resolve(
        "||", arguments.types, minimum: 2, propagatesNull: true, Concatenation.operatorKernel)
    })

  static let concat = ScalarFunction(
    "concat", .text, help: "All arguments as text put together, NULLs skipped",
    example: .init(.text("a"), .null, .integer(1), gives: "a1"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      Concatenation.resolve(
        "concat", arguments.types, minimum: 1, propagatesNull: false, Concatenation.concatKernel)
    })

  static let concatWithSeparator = ScalarFunction(
    "concat_ws", .text,
    help: "All arguments but the first as text, the first between them, NULLs skipped",
    example: .init(.text("-"), .text("a"), .null, .text("c"), gives: "a-c"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      Concatenation.resolve(
        "concat_ws", arguments.types, minimum: 2, propagatesNull: false, Concatenation.joinKernel)
    })
}
