import SSBGenerator
import Stoa

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Stoa as one of the engines of the benchmark: answers the commands that `Benchmarks/peers/peer.py` lists.
struct StoaEngine {
  let path: String

  /// Reads commands from standard input until `quit` or its end.
  func serve() throws {
    let warehouse = try Warehouse.open(path)
    let session = warehouse.makeSession()
    while let line = readLine() {
      let words = line.split(separator: "\t").map(String.init)
      if words.first == "quit" { break }
      do {
        say(try answer(words, session))
      } catch {
        say(["error": .string("\(error)")])
      }
    }
    session.close()
    try warehouse.close()
  }

  private enum Fact {
    case number(Double)
    case string(String)
    case rows([[String]])
  }

  private func answer(_ words: [String], _ session: Session) throws -> [String: Fact] {
    switch (words.first, words.count) {
    case ("version", 1): return ["version": .string(Warehouse.version)]
    case ("threads", 2):
      try session.set("threads", to: words[1])
      return [:]
    case ("load", 2):
      return try timed {
        let rows = try load(words[1], session)
        return [
          "rows": .number(Double(rows)),
          "byteCount": .number(Double(Benchmark.byteCount(of: path))),
        ]
      }
    case ("query", 2):
      return try timed { ["rows": .rows(try rows(of: words[1], session))] }
    case ("memory", 1): return ["peakBytes": .number(peakBytes())]
    default: throw SSBError("unknown command \(words)")
    }
  }

  /// Creates and fills the five tables; returns the rows of `lineorder`.
  private func load(_ directory: String, _ session: Session) throws -> Int {
    for statement in SSBSchema.createStatements { try session.execute(statement).drain() }
    for table in SSBTable.allCases {
      try session.execute(SSBSchema.copyStatement(table, directory: directory)).drain()
    }
    let rows = try rows(of: "SELECT count(*) FROM lineorder", session)
    return rows.first?.first.flatMap(Int.init) ?? 0
  }

  private func rows(of sql: String, _ session: Session) throws -> [[String]] {
    try session.execute(sql).allRows().map { row in
      row.columns.indices.map { row.text($0) ?? "NULL" }
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
