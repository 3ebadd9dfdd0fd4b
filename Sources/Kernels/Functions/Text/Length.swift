import Vectors

extension ScalarFunction {
  static let length = ScalarFunction(
    "length", aliases: ["char_length", "character_length", "len"], .text,
    help: "Number of characters (code points) of a text",
    example: .init(.text("étoile"), gives: "6"),
    .overloads([
      Overload([.varchar], .bigint) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try TextKernels.measure(arguments, count, .bigint, zero: 0 as Int64) {
          Int64(UTF8Text.codePointCount($0))
        }
      },
      // Of a BLOB the bytes, as in PostgreSQL.
      Overload([.blob], .bigint) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try TextKernels.measure(arguments, count, .bigint, zero: 0 as Int64) { Int64($0.count) }
      },
    ]))

  static let octetLength = ScalarFunction(
    "octet_length", aliases: ["strlen"], .text, help: "Number of bytes of a text or BLOB",
    example: .init(.text("étoile"), gives: "7"),
    .overloads([
      Overload([.varchar], .bigint) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try TextKernels.measure(arguments, count, .bigint, zero: 0 as Int64) { Int64($0.count) }
      },
      Overload([.blob], .bigint) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try TextKernels.measure(arguments, count, .bigint, zero: 0 as Int64) { Int64($0.count) }
      },
    ]))

  static let bitLength = ScalarFunction(
    "bit_length", .text, help: "Number of bits of a text",
    example: .init(.text("abc"), gives: "24"),
    .overloads([
      Overload([.varchar], .bigint) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try TextKernels.measure(arguments, count, .bigint, zero: 0 as Int64) { Int64($0.count) * 8 }
      }
    ]))
}
