import BenchmarkRunner
import BenchmarkSupport
import SSBGenerator

extension Suite {
  /// The Star Schema Benchmark at a scale factor.
  static func starSchema(_ factor: Double) throws(BenchmarkError) -> Suite {
    let scale = try SSBScale(factor: factor)
    return Suite(
      name: "ssb", title: "Star Schema Benchmark", rowName: "line orders",
      queries: SSBQueries.all, createStatements: SSBSchema.createStatements,
      copyStatements: { directory in
        SSBTable.allCases.map { SSBSchema.copyStatement($0, directory: directory) }
      },
      factTable: "lineorder",
      generate: { (directory, threadCount) throws(BenchmarkError) in
        try SSBGenerator(scale: scale).write(to: directory, threadCount: threadCount)
      },
      engines: ["stoa", "duckdb-sorted", "duckdb", "clickhouse"])
  }
}
