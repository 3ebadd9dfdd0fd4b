import BenchmarkSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One member of an answer.
private enum Fact {
  case number(Double)
  case string(String)
  case rows([[String]])
}

/// One of the engines of the benchmark that runs in this program, in a process of its own: answers the commands
/// that `Benchmarks/peers/peer.py` lists.
public protocol ServedEngine {
  func version() -> String
  func setThreads(_ count: String) throws
  /// Loads the files of `directory`; rows of the fact table and bytes on disk.
  func load(_ directory: String) throws -> (rows: Int, byteCount: Int)
  /// The rows of the answer, as texts.
  func rows(of sql: String) throws -> [[String]]
}

extension ServedEngine {
  /// Reads commands from standard input until `quit` or its end.
  public func serve() {
    while let line = readLine() {
      let words = line.split(separator: "\t").map(String.init)
      if words.first == "quit" { break }
      do {
        say(try answer(words))
      } catch {
        say(["error": .string("\(error)")])
      }
    }
  }

  private func answer(_ words: [String]) throws -> [String: Fact] {
    switch (words.first, words.count) {
    case ("version", 1): return ["version": .string(version())]
    case ("threads", 2):
      try setThreads(words[1])
      return [:]
    case ("load", 2):
      return try timed {
        let facts = try load(words[1])
        return ["rows": .number(Double(facts.rows)), "byteCount": .number(Double(facts.byteCount))]
      }
    case ("query", 2): return try timed { ["rows": .rows(try rows(of: words[1]))] }
    case ("memory", 1): return ["peakBytes": .number(peakBytes())]
    default: throw BenchmarkError("unknown command \(words)")
    }
  }

  private func timed(_ work: () throws -> [String: Fact]) rethrows -> [String: Fact] {
    let clock = ContinuousClock()
    let start = clock.now
    let cpu = cpuSeconds()
    var facts = try work()
    facts["seconds"] = .number(Benchmark.seconds(clock.now - start))
    facts["cpuSeconds"] = .number(cpuSeconds() - cpu)
    return facts
  }

  private func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// Most resident bytes so far.
  private func peakBytes() -> Double {
    let status = Benchmark.read("/proc/self/status") ?? ""
    for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
      return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) }
        .map { $0 * 1024 } ?? 0
    }
    return 0
  }

  /// One line of JSON on standard output.
  private func say(_ facts: [String: Fact]) {
    let members = facts.map { name, fact in
      let value =
        switch fact {
        case .number(let number): "\(number)"
        case .string(let text): quoted(text)
        case .rows(let rows):
          "["
            + rows.map { "[" + $0.map(quoted).joined(separator: ",") + "]" }
            .joined(separator: ",") + "]"
        }
      return quoted(name) + ":" + value
    }
    print("{" + members.joined(separator: ",") + "}")
    fflush(nil)
  }

  private func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 32: result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
