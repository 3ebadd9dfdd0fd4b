/// Window functions, which the binder knows by itself.
extension FunctionHelp {
  static let windows: [FunctionHelp] = [
    window("row_number", "()", "Number of the row within its partition, from 1"),
    window("rank", "()", "Number of the first row that is equal in order, from 1"),
    window("dense_rank", "()", "Number of the group of rows that are equal in order, from 1"),
    window("percent_rank", "()", "Share of the other rows that come before, 0 to 1"),
    window("cume_dist", "()", "Share of the rows that come before or are equal in order"),
    window("ntile", "(n)", "Number of the part that the row is in when there are n equal parts"),
    window("lag", "(x[, distance[, default]])", "x of an earlier row, 1 before if not said"),
    window("lead", "(x[, distance[, default]])", "x of a later row, 1 behind if not said"),
    window("first_value", "(x)", "x of the first row of the frame"),
    window("last_value", "(x)", "x of the last row of the frame"),
    window("nth_value", "(x, n)", "x of row n of the frame, NULL without one"),
  ]

  private static func window(_ name: String, _ arguments: String, _ text: String) -> FunctionHelp {
    let given =
      switch arguments {
      case "()": ""
      case "(n)": "2"
      case "(x, n)": "x, 2"
      default: "x"
      }
    return FunctionHelp(
      window: name, signature: "\(name)\(arguments) OVER (…)", text: text,
      example: "SELECT \(name)(\(given)) OVER (ORDER BY x) FROM range(5) t(x)")
  }
}
