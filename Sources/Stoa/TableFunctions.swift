import Executor
import SQL

/// Table functions that every session knows.
extension Session {
  static let tableFunctions: [any TableFunctionBinding] =
    [
      SeriesBinding(name: "range"), SeriesBinding(name: "generate_series"),
      SystemFunctionBinding(
        name: "stoa_versions", columns: VersionTable.columns,
        text: "Versions of the warehouse that can be read",
        example: "SELECT count(*) > 0 FROM stoa_versions()"),
      SystemFunctionBinding(
        name: "stoa_space", columns: SpaceTable.columns,
        text: "Where the bytes of the warehouse are and why they are still there",
        example: "SELECT sum(bytes) > 0 FROM stoa_space()"),
      SystemFunctionBinding(
        name: "stoa_functions", columns: FunctionTable.columns,
        text: "All functions with help and an example",
        example: "SELECT signature FROM stoa_functions() WHERE name = 'sqrt'"),
    ] + FileFunctions.bindings
}

/// `range(stop)`, `range(start, stop[, step])` without its end; `generate_series` with it.
struct SeriesBinding: TableFunctionBinding {
  let name: String

  var help: TableFunctionHelp? {
    let end = name == "range" ? "without the end" : "with the end"
    return TableFunctionHelp(
      signature: "\(name)([start,] stop[, step])",
      text: "Whole numbers from start (0) to stop, \(end), step (1) apart",
      example: "SELECT count(*) FROM \(name)(1, 10, 3)")
  }

  func bind(_ arguments: [Value], named: [String: Value]) throws(StoaError) -> BoundTableFunction {
    guard named.isEmpty else { throw StoaError(.binding, "\(name) has no named arguments") }
    guard (1...3).contains(arguments.count) else {
      throw StoaError(.binding, "\(name) takes one to three arguments, not \(arguments.count)")
    }
    var numbers: [Double] = []
    for argument in arguments {
      guard let integer = argument.integer, Int64(exactly: integer) != nil else {
        throw StoaError(.binding, "\(name) takes BIGINT arguments that are not NULL")
      }
      numbers.append(Double(integer))
    }
    let start = numbers.count == 1 ? 0 : numbers[0]
    let stop = numbers.count == 1 ? numbers[0] : numbers[1]
    let step = numbers.count == 3 ? numbers[2] : 1
    let estimate = step == 0 ? 0 : max(0, (stop - start) / step)
    return BoundTableFunction(
      columns: [OutputColumn(name: name, type: .bigint)], arguments: arguments,
      estimatedRows: estimate)
  }
}
