import Stoa

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Durable commits of one row each by one client. The sides take turns, a hundred commits at a time, so that a disk
/// that others use is slow for all of them alike; beside them the floor: what the disk does without any database.
struct SingleBenchmark {
  let options: Options

  /// Somebody who makes a row durable, with the time and CPU time that took.
  private final class Side {
    let commit: (Int) throws -> Void
    var seconds = 0.0
    var cpu = 0.0

    init(_ commit: @escaping (Int) throws -> Void) { self.commit = commit }

    func run(_ ids: Range<Int>) throws {
      let (start, used) = (now(), cpuSeconds())
      for id in ids { try commit(id) }
      seconds += now() - start
      cpu += cpuSeconds() - used
    }
  }

  func run(_ report: inout Report) throws {
    let rows = max(100, options.rows / 500)
    let names = ["Stoa", "BIGINT", "INTEGER", "floor"]
    var rates: [String: [Double]] = [:]
    var cpu: [String: [Double]] = [:]
    var duck: [Double] = []
    for _ in 0..<options.repeats {
      for (name, side) in try measured(rows) {
        rates[name, default: []].append(Double(rows) / side.seconds)
        cpu[name, default: []].append(side.cpu / Double(rows) * 1e6)
      }
      if let rate = try CommitBenchmark(options: options).duckDB(rows: 500, size: 1) {
        duck.append(rate)
      }
    }
    let rate = names.map { rates[$0].map { number(median($0)) } ?? "" }
    let used = names.map { cpu[$0].map { number(median($0), 1) } ?? "" }
    report.add(
      "single rows, one client: commits/s", rate[0], sqlite: rate[1],
      duckDB: duck.isEmpty ? "" : number(median(duck)), asked: "≥ 2 × SQLite")
    report.add("… the key its row number (INTEGER PRIMARY KEY)", "", sqlite: rate[2], asked: "")
    report.add(
      "… floor: fdatasync of \(SingleBenchmark.recordByteCount) bytes in a file written ahead, per s",
      rate[3], asked: "")
    report.add("… CPU µs a commit", used[0], sqlite: used[1], asked: "")
    report.add("… CPU µs of the floor", used[3], asked: "")
  }

  private func measured(_ rows: Int) throws -> [(String, Side)] {
    let scratch = try Scratch(in: options.directory)
    let texts = IngestRows.commits(0..<rows, of: 1).map(IngestRows.text)
    let warehouse = try Warehouse.open(scratch.path + "/t.stoa")
    let session = warehouse.makeSession()
    try session.execute(IngestRows.createTable)
    var sides = [("Stoa", Side { try session.execute(texts[$0]) })]
    if SQLite.isInstalled {
      let asked = try SQLite(path: scratch.path + "/bigint.db")
      try asked.execute(IngestRows.createTable)
      sides.append(("BIGINT", Side { try asked.execute(texts[$0]) }))
      let fastest = try SQLite(path: scratch.path + "/integer.db")
      try fastest.execute(IngestRows.createTableByRowNumber)
      sides.append(("INTEGER", Side { try fastest.execute(texts[$0]) }))
    }
    sides.append(("floor", try floor(scratch.path + "/floor")))
    for first in stride(from: 0, to: rows, by: 100) {
      for (_, side) in sides { try side.run(first..<min(rows, first + 100)) }
    }
    guard case .integer(let count)? = try session.execute("SELECT count(*) FROM t").nextRow()?[0],
      count == rows
    else { throw BenchmarkError("rows are missing") }
    try warehouse.close()
    return sides
  }

  /// What a commit of such a row has in the log.
  private static let recordByteCount = 160

  /// One write and one sync a row, at positions that the file has already.
  private func floor(_ path: String) throws -> Side {
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o644)
    let zeros = [UInt8](repeating: 0, count: 4 << 20)
    guard descriptor >= 0, pwrite(descriptor, zeros, zeros.count, 0) == zeros.count,
      fsync(descriptor) == 0
    else { throw BenchmarkError("cannot write \(path)") }
    let size = SingleBenchmark.recordByteCount
    let record = [UInt8](repeating: 1, count: size)
    let places = zeros.count / size
    return Side { id in
      guard pwrite(descriptor, record, size, off_t(id % places * size)) == size,
        fdatasync(descriptor) == 0
      else { throw BenchmarkError("cannot write \(path)") }
    }
  }
}
