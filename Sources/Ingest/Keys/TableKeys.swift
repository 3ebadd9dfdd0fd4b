import Catalog
import Encodings
import Kernels
import Storage
import Vectors

/// Reads key columns of the rows that a table has already.
enum TableKeys {
  /// Calls `body` with the columns of each row group of the table.
  /// - Parameter bounds: of the first column, when it is an integer: row groups outside are not read.
  static func read(
    _ columns: [ColumnDefinition], of table: TableID, in snapshot: Snapshot,
    bounds: ClosedRange<Int64>? = nil, _ body: ([Vector]) throws(StoaError) -> Void
  ) throws(StoaError) {
    for group in try snapshot.contents(of: table).rowGroups() where group.liveRowCount > 0 {
      if let bounds, let first = columns.first, let zone = group.zoneMap(first.id),
        isOutside(zone, bounds)
      {
        continue
      }
      try body(try group.liveValues(columns))
    }
  }

  private static func isOutside(_ zone: ZoneMap, _ bounds: ClosedRange<Int64>) -> Bool {
    guard let low = zone.min.integer, let high = zone.max.integer else { return false }
    return low > Int128(bounds.upperBound) || high < Int128(bounds.lowerBound)
  }
}

/// One FOREIGN KEY of the table being loaded.
final class ForeignKeyCheck: Sendable {
  /// Positions of the referring columns in the table.
  let positions: [Int]
  let columnNames: String
  let referencedName: String
  /// Keys there are; `nil` while a table refers to itself, whose keys are known at the end of the load.
  let keys: ReferencedKeys?
  /// For a table that refers to itself: positions of the referenced columns.
  let ownPositions: [Int]
  let violations = Violations()
  let shape: KeyShape

  init(
    _ key: ForeignKeyDefinition, of table: TableDefinition, in transaction: WriteTransaction
  ) throws(StoaError) {
    guard let referenced = transaction.catalog.table(key.referencedTable) else {
      throw StoaError(
        .inconsistency, "a foreign key refers to a table that is gone", table: table.name)
    }
    positions = key.columns.compactMap { table.index(of: $0) }
    let targets = key.referencedColumns.compactMap { referenced.index(of: $0) }
    guard positions.count == key.columns.count, targets.count == positions.count, !targets.isEmpty
    else {
      throw StoaError(
        .inconsistency, "a foreign key names columns that are gone", table: table.name)
    }
    columnNames = positions.map { table.columns[$0].name }.joined(separator: ", ")
    referencedName = referenced.name
    shape = try KeyShape.common(
      positions.map { table.columns[$0].type }, targets.map { referenced.columns[$0].type })
    ownPositions = referenced.id == table.id ? targets : []
    guard referenced.id != table.id else {
      keys = nil
      return
    }
    var batches: [[Vector]] = []
    try TableKeys.read(
      targets.map { referenced.columns[$0] }, of: referenced.id, in: transaction.view
    ) {
      batches.append($0)
    }
    keys = ReferencedKeys(shape, batches)
  }

  /// Counts the rows that refer to nothing.
  func check(_ columns: [Vector], against keys: ReferencedKeys, origin: (Int) -> RowOrigin) {
    let own = positions.map { columns[$0] }
    keys.check(own) { row in
      let origin = origin(row)
      violations.add(
        .init(origin: origin, key: KeyRows(own).text(row)), origin: origin)
    }
  }

  func error(_ origins: RowOrigins, table: TableDefinition) -> StoaError? {
    violations.error(origins, table: table.name, column: columnNames) { count in
      "\(count) row\(count == "1" ? "" : "s") with a \(columnNames) that is not in \"\(referencedName)\""
    }
  }
}

/// One PRIMARY KEY or UNIQUE of the table being loaded. Fed with the rows in their final order, one thread at a time.
final class UniqueCheck {
  private let key: KeyDefinition
  private let definition: TableDefinition
  /// What the table had before the load.
  private let before: Snapshot
  private let positions: [Int]
  /// `nil` when equal keys stand next to each other in the order of the rows and there are no others.
  private let table: (any KeyTable)?
  private let reservation: MemoryReservation
  private var last: (columns: [Vector], origin: Int64)?
  private let comparator: RowComparator
  let violations = Violations()

  init(
    _ key: KeyDefinition, of definition: TableDefinition, before: Snapshot, budget: MemoryBudget
  ) throws(StoaError) {
    self.key = key
    self.definition = definition
    self.before = before
    positions = key.columns.compactMap { definition.index(of: $0) }
    guard positions.count == key.columns.count, !positions.isEmpty else {
      throw StoaError(.inconsistency, "a key names columns that are gone", table: definition.name)
    }
    let prefix = Set(definition.sortKey.prefix(key.columns.count))
    let isAdjacent =
      prefix == Set(key.columns) && before.contents(of: definition.id).isEmpty
    let types = positions.map { definition.columns[$0].type }
    table = isAdjacent ? nil : KeyShape(types).makeTable()
    reservation = MemoryReservation(budget)
    comparator = RowComparator(positions.map { _ in SortSpecification() })
  }

  /// Looks at the next rows.
  func add(_ columns: [Vector], origins: [Int64]) throws(StoaError) {
    let own = positions.map { columns[$0] }
    let rows = KeyRows(own)
    guard let table else { return addAdjacent(rows, origins) }
    table.insert(rows, origins: origins) { row, first in
      violate(rows, row, origins[row], first, isInTable: false)
    }
    try reservation.resize(to: table.byteCount, for: "checking a key for duplicates")
  }

  private func addAdjacent(_ rows: KeyRows, _ origins: [Int64]) {
    guard rows.count > 0 else { return }
    if let last, comparator.compare(last.columns, 0, rows.columns, 0) == 0, !rows.hasNull(0) {
      violate(rows, 0, origins[0], last.origin, isInTable: false)
    }
    for row in 0..<(rows.count - 1)
    where comparator.compare(rows.columns, row, rows.columns, row + 1) == 0 && !rows.hasNull(row) {
      violate(rows, row + 1, origins[row + 1], origins[row], isInTable: false)
    }
    let end = rows.count - 1
    last = (rows.columns.map { $0.slice(end..<(end + 1)) }, origins[end])
  }

  private func violate(
    _ rows: KeyRows, _ row: Int, _ origin: Int64, _ other: Int64, isInTable: Bool
  ) {
    guard violations.count < Violations.sufficientCount else { return }
    // The later line is the wrong one, whatever the order of sorting.
    let origins = isInTable ? (origin, origin) : (max(origin, other), min(origin, other))
    violations.add(
      .init(
        origin: RowOrigin(bits: origins.0), key: rows.text(row),
        other: isInTable ? nil : RowOrigin(bits: origins.1), isInTable: isInTable),
      origin: RowOrigin(bits: origins.0))
  }

  /// Compares with the rows that the table had before.
  func checkExisting() throws(StoaError) {
    guard let table else { return }
    let columns = positions.map { definition.columns[$0] }
    try TableKeys.read(columns, of: definition.id, in: before, bounds: table.bounds) { vectors in
      let rows = KeyRows(vectors)
      table.find(
        rows, found: { row, origin in violate(rows, row, origin, origin, isInTable: true) },
        missing: { _ in })
    }
  }

  func error(_ origins: RowOrigins) -> StoaError? {
    let names = positions.map { definition.columns[$0].name }.joined(separator: ", ")
    let kind = key.isPrimary ? "primary key" : "unique key"
    return violations.error(origins, table: definition.name, column: names) { count in
      "\(count) duplicate\(count == "1" ? "" : "s") of the \(kind) (\(names))"
    }
  }
}
