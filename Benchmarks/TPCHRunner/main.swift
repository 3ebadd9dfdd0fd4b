import BenchmarkRunner
import BenchmarkSupport
import TPCHGenerator

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// TPC-H on Stoa and its peers. `tpch --help` lists the options; `tpch engine PATH LIMIT` is the process that runs
// Stoa for the benchmark.

do {
  let arguments = Array(CommandLine.arguments.dropFirst())
  if arguments.first == "engine", arguments.count == 3 {
    let engine = try StoaEngine(
      .decisionSupport(1), path: arguments[1],
      memoryLimit: arguments[2].isEmpty ? nil : arguments[2])
    engine.serve()
    try engine.close()
  } else {
    let options = try Options(
      arguments, program: "tpch", engines: "stoa, duckdb, clickhouse")
    let benchmark = Benchmark(try .decisionSupport(options.scale), options)
    if options.onlyGenerates { try benchmark.generate() } else { try benchmark.run() }
  }
} catch {
  note("Error: \(error)")
  exit(1)
}
