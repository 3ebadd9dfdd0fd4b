import Stoa

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Durable commits of small and large texts, and of rows without SQL, side by side with SQLite in this process and
/// DuckDB in its Python.
struct CommitBenchmark {
  let options: Options

  private func warehouse(_ scratch: Scratch) throws -> Warehouse {
    let warehouse = try Warehouse.open(scratch.path + "/t.stoa")
    try warehouse.makeSession().execute(IngestRows.createTable)
    return warehouse
  }

  private func count(_ session: Session) throws -> Int {
    guard case .integer(let count)? = try session.execute("SELECT count(*) FROM t").nextRow()?[0]
    else { return 0 }
    return Int(count)
  }

  // MARK: Texts

  /// Rows per second, and CPU microseconds a row, of texts committed one after the other by one client.
  private func stoa(_ texts: [String], rows: Int) throws -> (rate: Double, cpu: Double) {
    let scratch = try Scratch(in: options.directory)
    let warehouse = try warehouse(scratch)
    let session = warehouse.makeSession()
    let cpu = cpuSeconds()
    let time = try seconds { for text in texts { try session.execute(text) } }
    let used = cpuSeconds() - cpu
    guard try count(session) == rows else { throw BenchmarkError("rows are missing") }
    try warehouse.close()
    return (Double(rows) / time, used / Double(rows) * 1e6)
  }

  private func sqlite(_ texts: [String], rows: Int, table: String) throws -> Double {
    let scratch = try Scratch(in: options.directory)
    let database = try SQLite(path: scratch.path + "/t.db")
    try database.execute(table)
    return try Double(rows) / seconds { for text in texts { try database.execute(text) } }
  }

  /// Rows per second; `nil` without DuckDB.
  func duckDB(rows: Int, size: Int) throws -> Double? {
    guard access(options.python, X_OK) == 0 else { return nil }
    let scratch = try Scratch(in: options.directory)
    let command =
      "'\(options.python)' Benchmarks/peers/duckdb_ingest.py '\(scratch.path)/t.duckdb' \(rows) \(size)"
    guard let pipe = popen(command, "r") else { throw BenchmarkError("cannot run \(command)") }
    var line = [CChar](repeating: 0, count: 256)
    let answer = fgets(&line, 256, pipe).map { String(cString: $0) } ?? ""
    pclose(pipe)
    let words = answer.split(whereSeparator: \.isWhitespace)
    guard words.count == 2, let rate = Double(words[1]) else {
      throw BenchmarkError("DuckDB does not answer")
    }
    return rate
  }

  func texts(_ report: inout Report) throws {
    let texts = IngestRows.commits(0..<options.rows, of: 1000).map(IngestRows.text)
    var (own, cpu, lite, duck): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
    var byRowNumber: [Double] = []
    for _ in 0..<options.repeats {
      let figures = try stoa(texts, rows: options.rows)
      own.append(figures.rate)
      cpu.append(figures.cpu)
      if SQLite.isInstalled {
        lite.append(try sqlite(texts, rows: options.rows, table: IngestRows.createTable))
        byRowNumber.append(
          try sqlite(texts, rows: options.rows, table: IngestRows.createTableByRowNumber))
      }
      if let rate = try duckDB(rows: 10_000, size: 1000) { duck.append(rate) }
    }
    report.add(
      "texts of 1,000 rows, one client: rows/s", number(median(own)), sqlite: number(median(lite)),
      duckDB: number(median(duck)), asked: "≥ SQLite")
    report.add(
      "… the key its row number (INTEGER PRIMARY KEY)", "", sqlite: number(median(byRowNumber)),
      asked: "")
    report.add(
      "… CPU µs a row, upkeep included", number(median(cpu), 2), asked: "")
  }

  /// Sixteen threads with a session each.
  func clients(_ report: inout Report) throws {
    let rows = max(1600, options.rows / 25) / 16 * 16
    var rates: [Double] = []
    for _ in 0..<options.repeats {
      let scratch = try Scratch(in: options.directory)
      let warehouse = try warehouse(scratch)
      let start = now()
      onThreads(16) { index in
        let session = warehouse.makeSession()
        for id in stride(from: index, to: rows, by: 16) {
          do {
            try session.execute(IngestRows.text(id..<(id + 1)))
          } catch {
            note("Error: \(error)")
            return
          }
        }
      }
      rates.append(Double(rows) / (now() - start))
      guard try count(warehouse.makeSession()) == rows else {
        throw BenchmarkError("rows are missing")
      }
      try warehouse.close()
    }
    report.add(
      "single rows, 16 clients: commits/s", number(median(rates)), asked: "≥ 10 × DuckDB")
  }

  // MARK: Appender

  func appender(_ report: inout Report) throws {
    let commits = IngestRows.commits(0..<options.rows, of: 1000)
    let batches = commits.map(IngestRows.batch)
    let rows = commits.map { $0.map(IngestRows.values) }
    var (batched, boxed): ([Double], [Double]) = ([], [])
    for _ in 0..<options.repeats {
      batched.append(
        try append { appender in
          for batch in batches {
            try appender.append(batch)
            try appender.commit()
          }
        })
      boxed.append(
        try append { appender in
          for commit in rows {
            for row in commit { try appender.append(row) }
            try appender.commit()
          }
        })
    }
    report.add(
      "Appender, batches of 1,000 rows a commit: rows/s", number(median(batched)),
      asked: "≥ 2,000,000")
    report.add(
      "Appender, rows, 1,000 a commit: rows/s", number(median(boxed)), asked: "≥ 2,000,000")
  }

  private func append(_ body: (Appender) throws -> Void) throws -> Double {
    let scratch = try Scratch(in: options.directory)
    let warehouse = try warehouse(scratch)
    let session = warehouse.makeSession()
    let appender = try session.makeAppender(for: "t")
    let time = try seconds { try body(appender) }
    try appender.close()
    guard try count(session) == options.rows else { throw BenchmarkError("rows are missing") }
    try warehouse.close()
    return Double(options.rows) / time
  }
}
