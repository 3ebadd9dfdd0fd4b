import BenchmarkRunner
import BenchmarkSupport
import TPCHGenerator

extension Suite {
  /// TPC-H at a scale factor.
  static func decisionSupport(_ factor: Double) throws(BenchmarkError) -> Suite {
    let scale = try TPCHScale(factor: factor)
    return Suite(
      name: "tpch", title: "TPC-H", rowName: "lines", queries: TPCHQueries.all(scale: factor),
      createStatements: TPCHSchema.createStatements,
      copyStatements: { directory in
        TPCHTable.allCases.map { TPCHSchema.copyStatement($0, directory: directory) }
      },
      factTable: "lineitem",
      generate: { (directory, threadCount) throws(BenchmarkError) in
        try TPCHGenerator(scale: scale).write(to: directory, threadCount: threadCount)
      },
      engines: ["stoa", "duckdb"])
  }
}
