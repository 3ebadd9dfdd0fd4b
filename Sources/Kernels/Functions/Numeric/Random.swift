import Vectors

extension ScalarFunction {
  static let random = ScalarFunction(
    "random", .numeric,
    help: "A random number from 0 up to, not including, 1, another for each row",
    example: .init(gives: "any"),
    .overloads([
      Overload([], .double, isDeterministic: false) {
        (_: [Vector], count: Int) throws(StoaError) -> Vector in
        let result = FlatResult<Double>(count: count)
        var generator = SystemRandomNumberGenerator()
        for row in 0..<count { result.values[row] = Double.random(in: 0..<1, using: &generator) }
        return result.vector(.double, count: count)
      }
    ]))
}
