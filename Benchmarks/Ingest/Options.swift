#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the command line asks for.
struct Options {
  static let parts = [
    "texts", "appender", "single", "clients", "queries", "scan", "amplification", "crash", "delete",
  ]
  static let usage = """
    Usage: ingest [part …] [options]

    Parts, all of them unless some are named:
      texts           durable commits of 1,000-row INSERT … VALUES texts, one client
      appender        the same rows through Appender, 1,000 a commit
      single          durable commits of single rows, one client
      clients         the same by 16 threads
      queries         one-thread queries while 100,000 rows/s stream in, against idle
      scan            a full scan after streaming and COMPACT, against one load of the same rows
      amplification   bytes written for each byte of the table, rows in random order of their key
      crash           opening after kill -9 of the writer
      delete          DELETE of a tenth of a table by a range of its sort key

    Options:
      --repeats N         runs of each measurement (default 3)
      --rows N            rows of a run of texts and appender (default 500,000); others follow
      --stream-rows N     rows of amplification (default 5,000,000; the figure is asked for 50,000,000)
      --delete-rows N     rows of delete (default 6,000,000; the figure is asked for 60,000,000)
      --directory PATH    where warehouses go (default .build/ingest)
      --python PATH       Python with DuckDB (default .build/peers/bin/python)

    """

  var chosen: [String] = []
  var repeats = 3
  var rows = 500_000
  var streamRows = 5_000_000
  var deleteRows = 6_000_000
  var directory = ".build/ingest"
  var python = ".build/peers/bin/python"

  init(_ arguments: [String]) throws(BenchmarkError) {
    var rest = arguments[...]
    while let word = rest.popFirst() {
      if word == "--help" || word == "-h" {
        print(Options.usage)
        exit(0)
      }
      guard word.hasPrefix("--") else {
        guard Options.parts.contains(word) else { throw BenchmarkError("there is no part \(word)") }
        chosen.append(word)
        continue
      }
      guard let value = rest.popFirst() else { throw BenchmarkError("\(word) needs a value") }
      switch word {
      case "--repeats": repeats = try Options.count(word, value)
      case "--rows": rows = try Options.count(word, value)
      case "--stream-rows": streamRows = try Options.count(word, value)
      case "--delete-rows": deleteRows = try Options.count(word, value)
      case "--directory": directory = value
      case "--python": python = value
      default: throw BenchmarkError("unknown option \(word)")
      }
    }
    if chosen.isEmpty { chosen = Options.parts }
  }

  private static func count(_ option: String, _ value: String) throws(BenchmarkError) -> Int {
    guard let number = Int(value), number > 0 else {
      throw BenchmarkError("\(option) needs a number above 0")
    }
    return number
  }
}
