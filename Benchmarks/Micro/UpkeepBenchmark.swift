import Catalog
import Storage
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A stream of rows in random key order into `t(k BIGINT, v INTEGER, s VARCHAR, x DOUBLE) ORDER BY (k)`, 1,000 a
/// commit, with upkeep after each commit: bytes that flush and merge write for each byte of the table at the end,
/// and how fast they do.
enum UpkeepBenchmark {
  private struct Work {
    var bytes = 0
    var rows = 0
    var seconds = 0.0
    var jobs = 0
  }

  static func run(rowCount: Int) {
    let path = "/tmp/stoa-upkeep-benchmark-\(getpid())"
    defer { _ = system("rm -rf '\(path)'") }
    do throws(StoaError) { try measure(path, rowCount) } catch { print("Error: \(error)") }
  }

  private static let types: [LogicalType] = [.bigint, .integer, .varchar, .double]

  private static func measure(_ path: String, _ rowCount: Int) throws(StoaError) {
    let store = try TableStore.open(
      path: path, mode: .readWrite, budget: MemoryBudget(limit: 2 << 30))
    let create = try store.beginWrite()
    let columns = zip(["k", "v", "s", "x"], types).enumerated().map { index, column in
      ColumnDefinition(id: ColumnID(index + 1), name: column.0, type: column.1)
    }
    try create.apply(
      .createTable(TableDefinition(id: 1, name: "t", columns: columns, sortKey: [1])))
    try create.commit()
    var (flushes, merges) = (Work(), Work())
    var deepest = 0
    var state: UInt64 = 1
    var inserting = 0.0
    for start in stride(from: 0, to: rowCount, by: 1000) {
      let block = makeBlock(start, min(1000, rowCount - start), &state)
      let begin = cpuSeconds()
      let transaction = try store.beginWrite()
      transaction.isSynchronous = false
      try transaction.insert(block, into: 1)
      try transaction.commit()
      inserting += cpuSeconds() - begin
      try settle(store, &flushes, &merges)
      deepest = max(deepest, try store.snapshot().segments(of: 1).count)
    }
    let live = try bytes(store)
    report("flush", flushes)
    report("merge", merges)
    print("  segments at most \(deepest), at the end \(try store.snapshot().segments(of: 1).count)")
    print("  insert \(perSecond(rowCount, inserting)) rows/s of CPU, steps without work included")
    let before = cpuSeconds()
    try store.compact()
    let final = try bytes(store)
    print("  COMPACT \(final >> 20) MB in \(fixed(cpuSeconds() - before)) s of CPU")
    let written = Double(flushes.bytes + merges.bytes)
    print("  write amplification \(fixed(written / Double(max(1, final))))")
    print("  with COMPACT \(fixed((written + Double(final)) / Double(max(1, final))))")
    print("  live before COMPACT \(live >> 20) MB")
    try store.close()
  }

  /// Steps until nothing is left to do, with the time and the new segments of each job.
  private static func settle(
    _ store: TableStore, _ flushes: inout Work, _ merges: inout Work
  ) throws(StoaError) {
    var known = try segments(store)
    var begin = cpuSeconds()
    while try store.step() == .worked {
      let now = try segments(store)
      guard now != known else { continue }
      let added = now.filter { known[$0.key] == nil }
      let isMerge = known.contains { now[$0.key] == nil }
      let seconds = cpuSeconds() - begin
      func add(_ work: inout Work) {
        work.bytes += added.values.reduce(0) { $0 + Int($1.byteCount) }
        work.rows += added.values.reduce(0) { $0 + Int($1.rowCount) }
        work.seconds += seconds
        work.jobs += 1
      }
      if isMerge { add(&merges) } else { add(&flushes) }
      known = now
      begin = cpuSeconds()
    }
  }

  private static func segments(
    _ store: TableStore
  ) throws(StoaError) -> [SegmentID: SegmentDescription] {
    var result: [SegmentID: SegmentDescription] = [:]
    for segment in try store.snapshot().segments(of: 1) {
      result[segment.description.id] = segment.description
    }
    return result
  }

  private static func bytes(_ store: TableStore) throws(StoaError) -> Int {
    try segments(store).values.reduce(0) { $0 + Int($1.byteCount) }
  }

  private static func makeBlock(_ start: Int, _ count: Int, _ state: inout UInt64) -> RowBlock {
    func random(_ limit: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 20) % limit
    }
    let keys = (0..<count).map { _ in Int64(random(1 << 40)) }
    let numbers = (0..<count).map { _ in Int32(random(1_000_000)) }
    let doubles = (0..<count).map { _ in Double(random(100_000)) / 100 }
    var texts = VectorBuilder(type: .varchar, capacity: count)
    for _ in 0..<count {
      var text = "customer \(random(200_000)) of the list"
      text.withUTF8 { texts.append(bytes: UnsafeRawBufferPointer($0)) }
    }
    return RowBlock(
      columns: [1, 2, 3, 4],
      batch: Batch(
        columns: [
          Vector.make(.bigint, keys), Vector.make(.integer, numbers), texts.finish(),
          Vector.make(.double, doubles),
        ], rowCount: count))
  }

  private static func report(_ name: String, _ work: Work) {
    let megabytes = Double(work.bytes) / 1_048_576
    print(
      "  \(name): \(work.jobs) jobs, \(work.rows) rows, \(fixed(megabytes)) MB,"
        + " \(fixed(megabytes / max(work.seconds, 1e-9))) MB/s,"
        + " \(perSecond(work.rows, work.seconds)) rows/s")
  }

  private static func perSecond(_ count: Int, _ seconds: Double) -> Int {
    Int(Double(count) / max(seconds, 1e-9))
  }

  private static func fixed(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
  }

  /// Of this process: user and system.
  private static func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
