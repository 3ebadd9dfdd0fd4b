import SSBGenerator

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// The Star Schema Benchmark on Stoa and its peers. `ssb --help` lists the options; `ssb engine PATH` is
// the process that runs Stoa for the benchmark.

do {
  let arguments = Array(CommandLine.arguments.dropFirst())
  if arguments.first == "engine", arguments.count == 2 {
    try StoaEngine(path: arguments[1]).serve()
  } else {
    let benchmark = try Benchmark(Options(arguments))
    if benchmark.options.onlyGenerates { try benchmark.generate() } else { try benchmark.run() }
  }
} catch {
  note("Error: \(error)")
  exit(1)
}
