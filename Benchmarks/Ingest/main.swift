#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

// Small and large changes that must be durable when acknowledged, and what tables are like under them, beside SQLite and
// DuckDB. `ingest --help` lists the parts; `ingest writer PATH` is the process that the part `crash` kills.

do {
  let arguments = Array(CommandLine.arguments.dropFirst())
  if arguments.first == "writer", arguments.count == 2 {
    try CrashBenchmark.write(arguments[1])
  } else {
    let options = try Options(arguments)
    var report = Report()
    for part in options.chosen {
      note(part)
      switch part {
      case "texts": try CommitBenchmark(options: options).texts(&report)
      case "appender": try CommitBenchmark(options: options).appender(&report)
      case "single": try SingleBenchmark(options: options).run(&report)
      case "clients": try CommitBenchmark(options: options).clients(&report)
      case "queries": try QueryBenchmark(options: options).run(&report)
      case "scan": try TableBenchmark(options: options).scan(&report)
      case "amplification": try AmplificationBenchmark(options: options).run(&report)
      case "crash": try CrashBenchmark(options: options).run(&report)
      default: try TableBenchmark(options: options).delete(&report)
      }
    }
    print("Ingestion, medians of \(options.repeats) runs, \(Report.machine())")
    if SQLite.isInstalled { print("SQLite \(try SQLite.version()), in this process") }
    print("\n" + report.markdown())
  }
} catch {
  note("Error: \(error)")
  exit(1)
}
