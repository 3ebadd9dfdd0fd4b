import SSBGenerator

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

func logarithm(_ value: Double) -> Double { log(value) }
func exponential(_ value: Double) -> Double { exp(value) }

/// What the command line asks for.
struct Options {
  static let usage = """
    Usage: ssb [options]            run the benchmark and print its tables
           ssb generate [options]   only write the .tbl files

      --scale N            scale factor, 0.01…1000 (default 1)
      --repeats N          timed runs of each query (default 7)
      --threads A,B        thread counts (default 1,2)
      --engines A,B        of stoa, duckdb-sorted, duckdb, clickhouse (default: all that are installed), and
                           plans (plans built by hand for Q1.1, Q2.1, Q3.1, Q4.1)
      --queries A,B        only these, e.g. Q1.1,Q2.1
      --directory PATH     where files go (default .build/bench)
      --python PATH        Python with the peers (default .build/peers/bin/python)
      --reload             load again although a loaded warehouse is there

    """

  var onlyGenerates = false
  var scale = 1.0
  var repeats = 7
  var threadCounts = [1, 2]
  var engines: [String]?
  var queries: [String]?
  var directory = ".build/bench"
  var python = ".build/peers/bin/python"
  var reloads = false

  init(_ arguments: [String]) throws(SSBError) {
    var rest = arguments[...]
    if rest.first == "generate" {
      onlyGenerates = true
      rest.removeFirst()
    }
    while let option = rest.popFirst() {
      if option == "--help" || option == "-h" {
        print(Options.usage)
        exit(0)
      }
      if option == "--reload" {
        reloads = true
        continue
      }
      guard let value = rest.popFirst() else { throw SSBError("\(option) needs a value") }
      try set(option, value)
    }
  }

  private mutating func set(_ option: String, _ value: String) throws(SSBError) {
    let words = value.split(separator: ",").map(String.init)
    switch option {
    case "--scale": scale = try Options.number(option, Double(value))
    case "--repeats": repeats = max(1, try Options.number(option, Int(value)))
    case "--threads":
      threadCounts = []
      for word in words { threadCounts.append(max(1, try Options.number(option, Int(word)))) }
    case "--engines": engines = words
    case "--queries": queries = words
    case "--directory": directory = value
    case "--python": python = value
    default: throw SSBError("unknown option \(option)")
    }
  }

  private static func number<T>(_ option: String, _ value: T?) throws(SSBError) -> T {
    guard let value else { throw SSBError("\(option) needs a number") }
    return value
  }

  /// Files of this scale.
  var scaleDirectory: String { "\(directory)/ssb-\(scale)" }
}
