import Catalog
import Formats
import Ingest
import Storage
import Testing
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A warehouse in a folder of its own, removed with the value.
final class TestWarehouse {
  let folder: String
  let store: TableStore

  init(memoryLimit: Int = 1 << 30) throws {
    var template = Array("/tmp/stoa-ingest-XXXXXX".utf8CString)
    folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    store = try TableStore.open(
      path: folder + "/w.stoa", mode: .readWrite, budget: MemoryBudget(limit: memoryLimit))
  }

  deinit {
    try? store.close()
    TestWarehouse.remove(folder)
  }

  private static func remove(_ path: String) {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { remove(path + "/" + name) }
      }
      closedir(directory)
      rmdir(path)
    } else {
      unlink(path)
    }
  }

  func write(_ name: String, _ text: String) -> String {
    let path = folder + "/" + name
    let file = fopen(path, "w")!
    fputs(text, file)
    fclose(file)
    return path
  }

  func read(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// Makes a table; column ids are 1, 2, … in order.
  @discardableResult
  func create(
    _ name: String, _ columns: [(String, LogicalType, isNullable: Bool)],
    keys: [KeyDefinition] = [], foreignKeys: [ForeignKeyDefinition] = [], sortKey: [ColumnID] = []
  ) throws -> TableID {
    let transaction = try store.beginWrite()
    let id = transaction.catalog.nextTableID
    try transaction.apply(
      .createTable(
        TableDefinition(
          id: id, name: name,
          columns: columns.enumerated().map {
            ColumnDefinition(
              id: ColumnID($0.offset + 1), name: $0.element.0, type: $0.element.1,
              isNullable: $0.element.isNullable)
          }, keys: keys, foreignKeys: foreignKeys, sortKey: sortKey)))
    try transaction.commit()
    return id
  }

  /// Loads files and commits; an error rolls back.
  @discardableResult
  func load(
    _ files: [String], _ table: String, columns: [String]? = nil, csv: CSVOptions = CSVOptions(),
    _ options: LoadOptions = LoadOptions()
  ) throws(StoaError) -> LoadSummary {
    let transaction = try store.beginWrite()
    do throws(StoaError) {
      let plan = try ImportPlan(
        files: files, table: table, columns: columns, catalog: transaction.catalog, options: csv)
      let summary = try plan.load(in: transaction, options: options)
      try transaction.commit()
      return summary
    } catch {
      transaction.rollback()
      throw error
    }
  }

  /// Appends boxed rows and commits.
  @discardableResult
  func insert(
    _ table: String, _ rows: [[Value]], _ options: LoadOptions = LoadOptions()
  ) throws(StoaError) -> LoadSummary {
    let transaction = try store.beginWrite()
    do throws(StoaError) {
      guard let definition = transaction.catalog.table(named: table) else {
        throw StoaError(.binding, "no table")
      }
      let loader = try TableLoader(into: definition.id, transaction: transaction, options: options)
      for start in stride(from: 0, to: rows.count, by: 100) {
        let part = rows[start..<min(rows.count, start + 100)]
        let columns = definition.columns.enumerated().map { index, column in
          Vector.make(column.type, part.map { $0[index] })
        }
        try loader.append(Batch(columns: columns, rowCount: part.count))
      }
      let summary = try loader.finish()
      try transaction.commit()
      return summary
    } catch {
      transaction.rollback()
      throw error
    }
  }

  /// All rows of a table in the order in which they are stored.
  func rows(_ name: String) throws -> [[Value]] {
    let snapshot = try store.snapshot()
    guard let table = snapshot.catalog.table(named: name) else { return [] }
    var rows: [[Value]] = []
    for group in try snapshot.contents(of: table.id).rowGroups() {
      let columns = try group.liveValues(table.columns)
      for row in 0..<group.liveRowCount { rows.append(columns.map { $0.value(at: row) }) }
    }
    return rows
  }

  func definition(_ name: String) throws -> TableDefinition? {
    try store.snapshot().catalog.table(named: name)
  }
}

/// The error that `body` throws.
func failure(_ body: () throws -> Void) -> StoaError? {
  do {
    try body()
    return nil
  } catch {
    return error as? StoaError
  }
}

func integers(_ values: Int...) -> [Value] { values.map { .integer(Int128($0)) } }
