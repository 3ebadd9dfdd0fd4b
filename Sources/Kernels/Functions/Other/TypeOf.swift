import Vectors

extension ScalarFunction {
  static let typeOf = ScalarFunction(
    "typeof", aliases: ["pg_typeof"], .other, help: "Name of the argument's type",
    example: .init(.decimal("1.25"), gives: "DECIMAL(3,2)"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard arguments.types.count == 1 else { return nil }
      let type = arguments.types[0]
      return .make("typeof", [type], .varchar, propagatesNull: false) {
        (_: [Vector], count: Int) throws(StoaError) -> Vector in
        Vector(constant: .string(type.description), type: .varchar, count: count)
      }
    })

  static let hash = ScalarFunction(
    "hash", .other, help: "A BIGINT that is the same for equal arguments, in any process",
    example: .init(.null, gives: "any"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard !arguments.types.isEmpty else { return nil }
      return .make("hash", arguments.types, .bigint, propagatesNull: false) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let buffer = Buffer(of: UInt64.self, count: max(1, count))
        for (number, argument) in arguments.enumerated() {
          Hashing.hash(argument, into: buffer.typed(UInt64.self), combining: number > 0)
        }
        return Vector(flat: buffer, type: .bigint, count: count)
      }
    })
}
