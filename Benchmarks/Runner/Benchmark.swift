import BenchmarkSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Generates, loads, runs the queries on all engines in turn, compares answers, reports.
public struct Benchmark {
  public let options: Options
  private let suite: Suite
  private let queries: [(name: String, sql: String)]

  public init(_ suite: Suite, _ options: Options) {
    self.options = options
    self.suite = suite
    queries = suite.queries.filter { options.queries?.contains($0.name) ?? true }
  }

  /// Files of this scale.
  private var directory: String { "\(options.directory)/\(suite.name)-\(options.scale)" }
  private var tables: String { directory + "/tables" }

  /// Writes the .tbl files unless a complete set is there.
  public func generate() throws(BenchmarkError) {
    let mark = tables + "/complete"
    if access(mark, F_OK) == 0 { return }
    try Benchmark.makeDirectories(tables)
    let clock = ContinuousClock()
    let start = clock.now
    let files = try suite.generate(tables, 2)
    let seconds = Benchmark.seconds(clock.now - start)
    for file in files {
      note("\(file.path): \(file.rowCount) rows, \(number(Double(file.byteCount) / 1e6, 1)) MB")
    }
    let rows = Double(files.last?.rowCount ?? 0)
    note(
      "generated in \(number(seconds, 1)) s, \(number(rows / seconds / 1e6, 1)) M \(suite.rowName)/s"
    )
    try Benchmark.touch(mark)
  }

  /// Loads what is not loaded, measures, prints the tables.
  public func run() throws(BenchmarkError) {
    try generate()
    var reports: [EngineReport] = []
    var processes: [EngineProcess] = []
    for name in engineNames() {
      var report = EngineReport(name: name)
      report.load = try load(name)
      let process = try start(name)
      report.version = try process.send("version")["version"]?.string ?? ""
      reports.append(report)
      processes.append(process)
    }
    guard !processes.isEmpty else { throw BenchmarkError("no engine to run; try make peers") }
    let loadBefore = Benchmark.loadAverage()
    for threads in options.threadCounts {
      for process in processes { _ = try process.send("threads", "\(threads)") }
      for query in queries { try measure(query, threads, processes, &reports) }
    }
    for (index, process) in processes.enumerated() {
      reports[index].peakBytes = try process.send("memory")["peakBytes"]?.number ?? 0
      process.quit()
    }
    let report = Report(
      title: suite.title, scale: options.scale, repeats: options.repeats,
      queries: queries.map(\.name),
      engines: reports,
      machine: "\(Benchmark.processor()), load average \(loadBefore) before and "
        + "\(Benchmark.loadAverage()) after")
    print(report.markdown())
  }

  /// The requested engines, or Stoa and the peers whose Python is there.
  private func engineNames() -> [String] {
    if let engines = options.engines { return engines }
    guard access(options.python, X_OK) == 0 else {
      note("no peers at \(options.python) (make peers installs them)")
      return ["stoa"]
    }
    return suite.engines
  }

  /// Where an engine's tables are; plans built by hand run on Stoa's.
  private func warehouse(_ engine: String) -> String {
    "\(directory)/\(engine == "plans" ? "stoa" : engine)"
  }

  private func start(_ engine: String) throws(BenchmarkError) -> EngineProcess {
    let file = "\(warehouse(engine))/\(suite.name)"
    let python = [options.python, "-u"]
    let arguments: [String]
    switch engine {
    case "stoa":
      arguments = [CommandLine.arguments[0], "engine", file + ".stoa", options.memoryLimit ?? ""]
    case "plans": arguments = [CommandLine.arguments[0], "plans", file + ".stoa"]
    case "duckdb":
      arguments = python + ["Benchmarks/peers/duckdb_peer.py", suite.name, file + ".db"]
    case "duckdb-sorted":
      arguments =
        python + ["Benchmarks/peers/duckdb_peer.py", suite.name, file + ".db", "--sorted"]
    case "clickhouse":
      arguments = python + ["Benchmarks/peers/clickhouse_peer.py", suite.name, file]
    default: throw BenchmarkError("unknown engine \(engine)")
    }
    return try EngineProcess(name: engine, arguments: arguments)
  }

  /// Loads in a process of its own (so that its memory does not count for the queries), or reads what an earlier load
  /// noted.
  private func load(_ engine: String) throws(BenchmarkError) -> LoadReport {
    if engine == "plans" { return try load("stoa") }
    let path = warehouse(engine)
    let mark = path + "/load.json"
    if !options.reloads, let text = Benchmark.read(mark), let facts = JSONValue(text) {
      return LoadReport(facts)
    }
    note("loading \(engine)")
    Benchmark.removeTree(path)
    try Benchmark.makeDirectories(path)
    let process = try start(engine)
    _ = try process.send("threads", "\(options.threadCounts.max() ?? 1)")
    let facts = LoadReport(try process.send("load", tables))
    process.quit()
    try Benchmark.write(facts.json, to: mark)
    return facts
  }

  /// One warm-up and the timed runs of one query, engine after engine each time.
  private func measure(
    _ query: (name: String, sql: String), _ threads: Int, _ processes: [EngineProcess],
    _ reports: inout [EngineReport]
  ) throws(BenchmarkError) {
    var seconds = [[Double]](repeating: [], count: processes.count)
    var cpu = [[Double]](repeating: [], count: processes.count)
    var answers: [Answer] = []
    for round in 0...options.repeats {
      for (index, process) in processes.enumerated() {
        let answer = try process.send("query", query.sql)
        if round == 0 {
          answers.append(Answer(answer["rows"]))
        } else {
          seconds[index].append(answer["seconds"]?.number ?? 0)
          cpu[index].append(answer["cpuSeconds"]?.number ?? 0)
        }
      }
    }
    for index in answers.indices {
      guard let difference = answers[index].difference(from: answers[0]) else { continue }
      throw BenchmarkError(
        "\(query.name): \(processes[index].name) and \(processes[0].name) differ: \(difference)")
    }
    for index in processes.indices {
      reports[index].medians[threads, default: []].append(Benchmark.median(seconds[index]))
      reports[index].cpuSeconds[threads, default: []].append(
        cpu[index].reduce(0, +) / Double(cpu[index].count))
    }
    note(
      "\(query.name), \(threads) thread(s), \(answers[0].rowCount) rows: "
        + zip(processes, seconds).map { process, times in
          "\(process.name) \(number(Benchmark.median(times) * 1000, 2)) ms"
        }.joined(separator: ", "))
  }

  /// Tasks that wanted to run in the last minute, on average.
  private static func loadAverage() -> String {
    (read("/proc/loadavg") ?? "").split(separator: " ").first.map(String.init) ?? "?"
  }

  private static func processor() -> String {
    let lines = (read("/proc/cpuinfo") ?? "").split(separator: "\n")
    let model = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
    let name = model.map { $0.drop { $0 == " " } } ?? "processor"
    return "\(sysconf(Int32(_SC_NPROCESSORS_ONLN))) × \(name)"
  }

  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return 0 }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  static func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
  }
}

extension LoadReport {
  init(_ facts: JSONValue) {
    self.init(
      seconds: facts["seconds"]?.number ?? 0, cpuSeconds: facts["cpuSeconds"]?.number ?? 0,
      rows: facts["rows"]?.number ?? 0, byteCount: facts["byteCount"]?.number ?? 0)
  }

  var json: String {
    "{\"seconds\": \(seconds), \"cpuSeconds\": \(cpuSeconds), \"rows\": \(rows), "
      + "\"byteCount\": \(byteCount)}\n"
  }
}

/// A line of progress, apart from the report.
public func note(_ text: String) {
  let bytes = Array((text + "\n").utf8)
  _ = write(2, bytes, bytes.count)
}

// MARK: files

extension Benchmark {
  static func makeDirectories(_ path: String) throws(BenchmarkError) {
    var prefix = path.hasPrefix("/") ? "/" : ""
    for component in path.split(separator: "/") {
      prefix += component + "/"
      if mkdir(prefix, 0o755) != 0 && errno != EEXIST {
        throw BenchmarkError("cannot make \(prefix): \(String(cString: strerror(errno)))")
      }
    }
  }

  static func touch(_ path: String) throws(BenchmarkError) { try write("", to: path) }

  static func write(_ text: String, to path: String) throws(BenchmarkError) {
    guard let file = fopen(path, "w") else {
      throw BenchmarkError("cannot write \(path): \(String(cString: strerror(errno)))")
    }
    fputs(text, file)
    fclose(file)
  }

  static func read(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// Removes a file or a directory with everything in it.
  static func removeTree(_ path: String) {
    for name in entries(path) { removeTree("\(path)/\(name)") }
    remove(path)
  }

  /// Bytes of all files in and below `path`.
  static func byteCount(of path: String) -> Int {
    var status = stat()
    guard lstat(path, &status) == 0 else { return 0 }
    let names = entries(path)
    guard names.isEmpty else { return names.reduce(0) { $0 + byteCount(of: "\(path)/\($1)") } }
    return status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : 0
  }

  /// Names in a directory; none for anything else.
  private static func entries(_ path: String) -> [String] {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
      let directory = opendir(path)
    else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }
}
