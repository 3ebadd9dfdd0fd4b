import Vectors

extension ScalarFunction {
  static let uuid = ScalarFunction(
    "gen_random_uuid", aliases: ["uuid", "uuidv4"], .other,
    help: "A random UUID of version 4, another for each row",
    example: .init(gives: "any"),
    .overloads([
      Overload([], .uuid, isDeterministic: false) {
        (_: [Vector], count: Int) throws(StoaError) -> Vector in
        let result = FlatResult<Int128>(count: count)
        var generator = SystemRandomNumberGenerator()
        for row in 0..<count {
          let bits = UInt128(generator.next()) << 64 | UInt128(generator.next())
          result.values[row] = UUIDBits.random(bits)
        }
        return result.vector(.uuid, count: count)
      }
    ]))
}
