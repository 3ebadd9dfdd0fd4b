import Catalog
import Encodings
import Synchronization
import TestSupport
import Testing
import Vectors

@testable import Storage

/// Tables and rows small enough to compare whole.
enum Fixture {
  /// A segment that is nowhere.
  static let description = SegmentDescription(
    table: 2, id: 1, byteCount: 4711, footerChecksum: 0xFEED_F00D, rowCount: 12, commit: 2)

  static let types: [LogicalType] = [
    .integer, .varchar, .decimal(precision: 12, scale: 2), .double,
  ]

  static func table(_ name: String, id: TableID) -> TableDefinition {
    var columns = types.enumerated().map { index, type in
      ColumnDefinition(id: ColumnID(index + 1), name: "c\(index)", type: type)
    }
    columns[0].isNullable = false
    return TableDefinition(id: id, name: name, columns: columns, sortKey: [1])
  }

  /// Rows `range` of an endless table: sorted key, a repeating string, a number, some NULLs.
  static func batch(_ range: Range<Int>) -> Batch {
    let columns: [[Value]] = [
      range.map { .integer(Int128($0)) },
      range.map { $0 % 5 == 3 ? .null : .string("name \($0 % 7) of the rows") },
      range.map { .integer(Int128($0 * 1001)) },
      range.map { $0 % 11 == 0 ? .null : .double(Double($0) / 4) },
    ]
    return Batch(
      columns: zip(types, columns).map { Vector.make($0, $1) }, rowCount: range.count)
  }

  static func options(_ capacity: Int = 16) -> SegmentWriterOptions {
    var options = SegmentWriterOptions()
    options.rowGroupCapacity = capacity
    return options
  }

  static func storeOptions() -> StoreOptions {
    var options = StoreOptions()
    options.newWarehouseID = fixedID
    options.clock = { 1_000_000 }
    options.lockTimeoutMilliseconds = 0
    return options
  }

  static func open(
    _ system: any FileSystem, _ mode: AccessMode = .readWrite, path: String = "w",
    budget: MemoryBudget = MemoryBudget(limit: 64 << 20)
  ) throws -> TableStore {
    try TableStore.open(
      path: path, fileSystem: system, mode: mode, budget: budget, options: storeOptions())
  }

  static func create(_ name: String, in store: TableStore) throws {
    let transaction = try store.beginWrite()
    let id = transaction.catalog.nextTableID
    try transaction.apply(.createTable(table(name, id: id)))
    try transaction.commit()
  }

  static func load(_ range: Range<Int>, into name: String, in store: TableStore) throws {
    let transaction = try store.beginWrite()
    try load(range, into: name, transaction)
    try transaction.commit()
  }

  static func load(_ range: Range<Int>, into name: String, _ transaction: WriteTransaction) throws {
    guard let table = transaction.catalog.table(named: name) else {
      throw StoaError(.binding, "no table \(name)")
    }
    let writer = try transaction.makeTableWriter(table.id, options: options())
    try writer.append(batch(range))
    try writer.finish()
  }

  static func drop(_ name: String, in store: TableStore) throws {
    let transaction = try store.beginWrite()
    guard let table = transaction.catalog.table(named: name) else {
      throw StoaError(.binding, "no table \(name)")
    }
    try transaction.apply(.dropTable(table.id))
    try transaction.commit()
  }

  /// A clock that stands still until a test moves it.
  final class Clock: Sendable {
    private let microseconds: Mutex<Int64>
    init(_ start: Int64 = 1_000_000) { microseconds = Mutex(start) }
    var now: Int64 { microseconds.withLock { $0 } }
    func advance(_ by: Int64) { microseconds.withLock { $0 += by } }
  }

  /// All rows of all tables, in order.
  static func contents(_ store: TableStore) throws -> [String: [[Value]]] {
    let snapshot = try store.snapshot()
    var result: [String: [[Value]]] = [:]
    for table in snapshot.catalog.sortedTables {
      result[table.name] = try rows(table, snapshot.contents(of: table.id))
    }
    return result
  }

  /// Rows of segments, then those of memtables, without deleted ones.
  static func rows(_ table: TableDefinition, _ contents: TableContents) throws -> [[Value]] {
    var result: [[Value]] = []
    func add(_ rows: [[Value]], of id: SegmentID) {
      let deleted = contents.deletes[id] ?? DeleteVector()
      result += rows.indices.filter { !deleted.contains($0) }.map { rows[$0] }
    }
    for segment in contents.segments {
      add(try rows(table, [try segment.reader()]), of: segment.description.id)
    }
    for memtable in contents.memtables {
      var rows: [[Value]] = []
      for block in memtable.blocks {
        for row in 0..<block.rowCount {
          rows.append(table.columns.map { block.vector($0.id)?.value(at: row) ?? .null })
        }
      }
      add(rows, of: memtable.id)
    }
    return result
  }

  /// Adds rows to the transaction's memtable.
  static func insert(_ range: Range<Int>, into name: String, _ transaction: WriteTransaction) throws
  {
    guard let table = transaction.catalog.table(named: name) else {
      throw StoaError(.binding, "no table \(name)")
    }
    try transaction.insert(
      RowBlock(columns: table.columns.map(\.id), batch: batch(range)), into: table.id)
  }

  static func insert(_ range: Range<Int>, into name: String, in store: TableStore) throws {
    let transaction = try store.beginWrite()
    try insert(range, into: name, transaction)
    try transaction.commit()
  }

  /// Deletes rows by number, counted through the sources without regard to what is deleted already.
  static func delete(rows: [Int], of name: String, _ transaction: WriteTransaction) throws {
    guard let table = transaction.catalog.table(named: name) else {
      throw StoaError(.binding, "no table \(name)")
    }
    let contents = transaction.view.contents(of: table.id)
    var positions: [SegmentID: [Int]] = [:]
    for row in rows.sorted() {
      var left = row
      for source in 0..<contents.sourceCount {
        let count =
          source < contents.segments.count
          ? Int(contents.segments[source].description.rowCount)
          : contents.memtables[source - contents.segments.count].rowCount
        if left < count {
          positions[contents.id(ofSource: source), default: []].append(left)
          break
        }
        left -= count
      }
    }
    try transaction.delete(positions.mapValues { DeleteVector(positions: $0) }, from: table.id)
  }

  static func rows(_ table: TableDefinition, _ readers: [SegmentReader]) throws -> [[Value]] {
    var rows: [[Value]] = []
    for reader in readers {
      for group in 0..<reader.rowGroupCount {
        var columns: [[Value]] = []
        for column in table.columns {
          let chunk = try reader.columnChunk(rowGroup: group, column: column)
          columns.append(try chunk.decode(rows: 0..<chunk.rowCount).allValues)
        }
        for row in 0..<reader.rowCount(ofRowGroup: group) { rows.append(columns.map { $0[row] }) }
      }
    }
    return rows
  }

  /// What `rows` gives for these ranges.
  static func expected(_ ranges: [Range<Int>]) -> [[Value]] {
    ranges.flatMap { range -> [[Value]] in
      let columns = batch(range).columns.map(\.allValues)
      return (0..<range.count).map { row in columns.map { $0[row] } }
    }
  }
}
