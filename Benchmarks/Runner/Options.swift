import BenchmarkSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

func logarithm(_ value: Double) -> Double { log(value) }
func exponential(_ value: Double) -> Double { exp(value) }

/// What the command line asks for.
public struct Options {
  private static func usage(_ program: String, _ engines: String) -> String {
    """
      Usage: \(program) [options]            run the benchmark and print its tables
             \(program) generate [options]   only write the .tbl files

        --scale N            scale factor, 0.01…1000 (default 1)
        --repeats N          timed runs of each query (default 7)
        --threads A,B        thread counts (default 1,2)
        --engines A,B        of \(engines)
        --queries A,B        only these
        --memory-limit SIZE  of Stoa, such as 100MB
        --directory PATH     where files go (default .build/bench)
        --python PATH        Python with the peers (default .build/peers/bin/python)
        --reload             load again although a loaded warehouse is there


    """
  }

  /// Write the files, measure nothing.
  public private(set) var onlyGenerates = false
  public private(set) var scale = 1.0
  var repeats = 7
  var threadCounts = [1, 2]
  var engines: [String]?
  var queries: [String]?
  var directory = ".build/bench"
  var python = ".build/peers/bin/python"
  var reloads = false
  var memoryLimit: String?

  /// - Parameters:
  ///   - arguments: of the command line, without the program.
  ///   - engines: names for the help text.
  public init(
    _ arguments: [String], program: String, engines: String
  ) throws(BenchmarkError) {
    var rest = arguments[...]
    if rest.first == "generate" {
      onlyGenerates = true
      rest.removeFirst()
    }
    while let option = rest.popFirst() {
      if option == "--help" || option == "-h" {
        print(Options.usage(program, engines))
        exit(0)
      }
      if option == "--reload" {
        reloads = true
        continue
      }
      guard let value = rest.popFirst() else { throw BenchmarkError("\(option) needs a value") }
      try set(option, value)
    }
  }

  private mutating func set(_ option: String, _ value: String) throws(BenchmarkError) {
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
    case "--memory-limit": memoryLimit = value
    default: throw BenchmarkError("unknown option \(option)")
    }
  }

  private static func number<T>(_ option: String, _ value: T?) throws(BenchmarkError) -> T {
    guard let value else { throw BenchmarkError("\(option) needs a number") }
    return value
  }
}
