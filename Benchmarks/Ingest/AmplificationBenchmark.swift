import Catalog
import Storage
import Vectors

/// A stream of rows in random order of their key into `t(k BIGINT, v INTEGER, s VARCHAR, x DOUBLE) ORDER BY (k)`, 1,000 a
/// commit, with upkeep after each: bytes written to files for each byte of the table at the end.
struct AmplificationBenchmark {
  let options: Options

  func run(_ report: inout Report) throws {
    let scratch = try Scratch(in: options.directory)
    let files = CountingFileSystem()
    let store = try TableStore.open(
      path: scratch.path + "/t.stoa", fileSystem: files, mode: .readWrite,
      budget: MemoryBudget(limit: 2 << 30))
    try createTable(store)
    var state: UInt64 = 1
    for ids in IngestRows.commits(0..<options.streamRows, of: 1000) {
      let transaction = try store.beginWrite()
      transaction.isSynchronous = false
      try transaction.insert(block(ids, &state), into: 1)
      try transaction.commit()
      while try store.step() == .worked {}
    }
    let streamed = files.otherByteCount.load(ordering: .relaxed)
    let log = files.logByteCount.load(ordering: .relaxed)
    try store.compact()
    let compacted = files.otherByteCount.load(ordering: .relaxed)
    let table = try store.snapshot().segments(of: 1).reduce(0) {
      $0 + Double($1.description.byteCount)
    }
    try store.close()
    report.add(
      "bytes written for each of the table, \(number(Double(options.streamRows))) rows; with COMPACT",
      "\(number(Double(streamed) / table, 2)), \(number(Double(compacted) / table, 2))",
      asked: "≤ 4 of 50,000,000")
    report.add(
      "… of the log besides; table, MB",
      "\(number(Double(log) / table, 2)), \(number(table / 1e6))", asked: "")
  }

  private func createTable(_ store: TableStore) throws {
    let types: [LogicalType] = [.bigint, .integer, .varchar, .double]
    let columns = zip(["k", "v", "s", "x"], types).enumerated().map { index, column in
      ColumnDefinition(id: ColumnID(index + 1), name: column.0, type: column.1)
    }
    let create = try store.beginWrite()
    try create.apply(
      .createTable(TableDefinition(id: 1, name: "t", columns: columns, sortKey: [1])))
    try create.commit()
  }

  private func block(_ ids: Range<Int>, _ state: inout UInt64) -> RowBlock {
    let rows = IngestRows.batch(ids)
    let keys = ids.map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int64((state >> 20) % (1 << 40))
    }
    return RowBlock(
      columns: [1, 2, 3, 4],
      batch: Batch(
        columns: [Vector.make(.bigint, keys), rows.columns[2], rows.columns[3], rows.columns[4]],
        rowCount: ids.count))
  }
}
