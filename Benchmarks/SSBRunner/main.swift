import BenchmarkRunner
import SSBGenerator

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// The Star Schema Benchmark on Stoa and its peers. `ssb --help` lists the options; `ssb engine PATH` is
// the process that runs Stoa for the benchmark, `ssb plans PATH` the one that runs plans built by hand.

do {
  let arguments = Array(CommandLine.arguments.dropFirst())
  if arguments.first == "engine", arguments.count == 3 {
    let engine = try StoaEngine(
      .starSchema(1), path: arguments[1], memoryLimit: arguments[2].isEmpty ? nil : arguments[2])
    engine.serve()
    try engine.close()
  } else if arguments.first == "plans", arguments.count == 2 {
    let engine = try PlansEngine(path: arguments[1])
    engine.serve()
    try engine.close()
  } else {
    let options = try Options(
      arguments, program: "ssb",
      engines:
        "stoa, duckdb-sorted, duckdb, clickhouse, plans (by hand: Q1.1, Q2.1, Q3.1, Q4.1)")
    let benchmark = Benchmark(try .starSchema(options.scale), options)
    if benchmark.options.onlyGenerates { try benchmark.generate() } else { try benchmark.run() }
  }
} catch {
  note("Error: \(error)")
  exit(1)
}
