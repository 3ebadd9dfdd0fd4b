import Stoa
import Synchronization
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Analytical queries of one thread over a table sorted by day, alone and while rows of random days stream into it.
struct QueryBenchmark {
  let options: Options

  private static let createTable = """
    CREATE TABLE sales (day INTEGER, customer INTEGER, product INTEGER, quantity INTEGER,
      price INTEGER, discount INTEGER) ORDER BY (day)
    """
  private static let queries = [
    "SELECT sum(price * discount) FROM sales WHERE day BETWEEN 365 AND 729 AND discount BETWEEN 1 AND 3 AND quantity < 25",
    "SELECT product // 100 AS brand, sum(price) FROM sales WHERE customer < 3000 GROUP BY brand",
    "SELECT day // 30 AS month, count(*), sum(quantity), max(price) FROM sales GROUP BY month",
    "SELECT customer, sum(price) AS total FROM sales WHERE day >= 2000 GROUP BY customer ORDER BY total DESC LIMIT 10",
  ]

  private static func batch(_ ids: Range<Int>) -> Batch {
    func column(_ field: UInt64, _ limit: UInt64) -> Vector {
      Vector.make(
        .integer,
        ids.map { id -> Int32 in
          var z = (UInt64(id) &* 16 &+ field) &* 0x9e37_79b9_7f4a_7c15
          z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
          return Int32((z ^ (z >> 31)) % limit)
        })
    }
    return Batch(
      columns: [
        column(0, 2557), column(1, 30_000), column(2, 20_000), column(3, 50), column(4, 1_000_000),
        column(5, 11),
      ], rowCount: ids.count)
  }

  func run(_ report: inout Report) throws {
    let scratch = try Scratch(in: options.directory)
    let warehouse = try Warehouse.open(scratch.path + "/t.stoa")
    let session = warehouse.makeSession()
    try session.execute(QueryBenchmark.createTable)
    try session.execute("SET threads = 1")
    let loaded = options.rows * 10
    let appender = try session.makeAppender(for: "sales")
    for ids in IngestRows.commits(0..<loaded, of: 65_536) {
      try appender.append(QueryBenchmark.batch(ids))
    }
    try appender.close()
    let batches = IngestRows.commits(0..<100_000, of: 1000).map(QueryBenchmark.batch)
    let rounds = max(10, options.repeats * 5)
    _ = try times(session, rounds: 2)
    let idle = try times(session, rounds: rounds)
    let stream = Stream()
    let start = now()
    onThreads(2) { index in
      do {
        if index == 0 {
          try self.stream(warehouse, batches, stream)
        } else {
          defer { stream.isStopped.store(true, ordering: .relaxed) }
          // Until memtables were flushed a few times.
          while now() - start < 3 { usleep(10_000) }
          let found = try self.times(session, rounds: rounds)
          stream.times.withLock { $0 = found }
        }
      } catch {
        stream.isStopped.store(true, ordering: .relaxed)
        note("Error: \(error)")
      }
    }
    let rate = Double(stream.rowCount.load(ordering: .relaxed)) / (now() - start)
    let during = stream.times.withLock { $0 }
    guard during.count == idle.count else { throw BenchmarkError("queries failed") }
    let ratios = zip(during, idle).map { median($0) / median($1) }
    let milliseconds = { (times: [[Double]]) in
      number(times.reduce(0) { $0 + median($1) } * 1000, 1)
    }
    report.add(
      "4 queries of one thread over \(number(Double(loaded))) rows: ms idle, streaming",
      "\(milliseconds(idle)), \(milliseconds(during))", asked: "")
    report.add(
      "… \(number(rate)) rows/s streaming in: median ratio, worst",
      ""
        + "\(number(median(ratios), 2)), \(number(ratios.max() ?? 0, 2))", asked: "≤ 1.5")
    let longest = during.flatMap { $0 }.max() ?? 0
    report.add("… longest query, ms", number(longest * 1000, 1), asked: "never blocked")
    try warehouse.close()
  }

  /// What the two threads share.
  private final class Stream: Sendable {
    let isStopped = Atomic<Bool>(false)
    let rowCount = Atomic<Int>(0)
    let times = Mutex<[[Double]]>([])
  }

  /// Seconds of each query in each round.
  private func times(_ session: Session, rounds: Int) throws -> [[Double]] {
    var result = [[Double]](repeating: [], count: QueryBenchmark.queries.count)
    for _ in 0..<rounds {
      for (index, query) in QueryBenchmark.queries.enumerated() {
        result[index].append(try seconds { try session.execute(query).drain() })
      }
    }
    return result
  }

  /// 100 commits of 1,000 rows a second.
  private func stream(
    _ warehouse: Warehouse, _ batches: [Batch], _ stream: Stream
  ) throws {
    let appender = try warehouse.makeSession().makeAppender(for: "sales")
    let start = now()
    var commits = 0
    while !stream.isStopped.load(ordering: .relaxed) {
      try appender.append(batches[commits % batches.count])
      try appender.commit()
      commits += 1
      stream.rowCount.store(commits * 1000, ordering: .relaxed)
      let ahead = start + Double(commits) / 100 - now()
      if ahead > 0 { usleep(UInt32(ahead * 1e6)) }
    }
    try appender.close()
  }
}
