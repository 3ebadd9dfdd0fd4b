import Stoa

/// What tables are like after ingestion: how fast they are read, how fast a range of them is deleted.
struct TableBenchmark {
  let options: Options

  /// A full scan of rows that streamed in, 1,000 a commit, and were compacted, against the same rows loaded at once.
  func scan(_ report: inout Report) throws {
    let scratch = try Scratch(in: options.directory)
    let count = options.rows * 4
    let streamed = try fill(scratch.path + "/streamed.stoa", count, commitSize: 1000)
    try streamed.makeSession().execute("COMPACT")
    let loaded = try fill(scratch.path + "/loaded.stoa", count, commitSize: count)
    var times: [[Double]] = [[], []]
    let sessions = [streamed, loaded].map { $0.makeSession() }
    for session in sessions { try session.execute("SET threads = 1") }
    for _ in 0..<max(15, options.repeats * 5) {
      for (index, session) in sessions.enumerated() {
        times[index].append(
          try seconds {
            try session.execute(
              "SELECT count(*), sum(id), sum(k + v), max(s), sum(x) FROM t WHERE v >= 0"
            ).drain()
          })
      }
    }
    report.add(
      "full scan after streaming and COMPACT, ms; of a bulk load; ratio",
      "\(number(median(times[0]) * 1000, 1)), \(number(median(times[1]) * 1000, 1)), "
        + number(median(times[0]) / median(times[1]), 2), asked: "≤ 1.1")
    try streamed.close()
    try loaded.close()
  }

  private func fill(_ path: String, _ count: Int, commitSize: Int) throws -> Warehouse {
    let warehouse = try Warehouse.open(path)
    let session = warehouse.makeSession()
    try session.execute(IngestRows.createTable)
    let appender = try session.makeAppender(for: "t")
    for commit in IngestRows.commits(0..<count, of: commitSize) {
      for batch in IngestRows.commits(commit, of: 65_536) {
        try appender.append(IngestRows.batch(batch))
      }
      try appender.commit()
    }
    try appender.close()
    return warehouse
  }

  /// DELETE of a tenth of the rows, from the middle of the table's order.
  func delete(_ report: inout Report) throws {
    let scratch = try Scratch(in: options.directory)
    let warehouse = try Warehouse.open(scratch.path + "/t.stoa")
    let session = warehouse.makeSession()
    try session.execute("CREATE TABLE events (at BIGINT, v INTEGER) ORDER BY (at)")
    let count = options.deleteRows
    let appender = try session.makeAppender(for: "events")
    for ids in IngestRows.commits(0..<count, of: 65_536) {
      try appender.append(
        Batch(
          columns: [
            Vector.make(.bigint, ids.map { Int64($0) * 10 }),
            Vector.make(.integer, ids.map { Int32($0 % 1000) }),
          ], rowCount: ids.count))
    }
    try appender.close()
    var times: [Double] = []
    for run in 0..<options.repeats {
      // Each run another tenth.
      let first = (count / 10 * (2 * run + 1) % count) * 10 + 5
      times.append(
        try seconds {
          try session.execute(
            "DELETE FROM events WHERE at BETWEEN \(first) AND \(first + count - 1)")
        })
    }
    report.add(
      "DELETE of a tenth of \(number(Double(count))) rows by a range of the sort key: s",
      number(median(times), 3), asked: "< 1 of 60,000,000")
    try warehouse.close()
  }
}
