import Catalog
import Storage
import Vectors

// Whether every reference of a load has its row. Which way is cheaper hangs on how many references there are: a few
// are looked up in the referenced table's key runs (`KeyLookup`); for many its keys are read once, into a bitmap or a
// hash table that all workers ask. When those would take too much memory, references are collected and looked up some
// hundred thousand at a time, which reads the runs from end to end each time.

/// One FOREIGN KEY of the table being loaded. Usable by many threads.
final class ForeignKeyCheck: @unchecked Sendable {
  /// References that were not looked up yet.
  private struct Waiting {
    var columns: [Vector]
    var origins: [RowOrigin]
  }

  /// Positions of the referring columns in the table.
  let positions: [Int]
  let columnNames: String
  let referencedName: String
  /// For a table that refers to itself: positions of the referenced columns. Its keys are known at the end of the load.
  let ownPositions: [Int]
  let violations: Violations
  let shape: KeyShape

  private let targets: [ColumnDefinition]
  private let contents: TableContents
  private let reservation: MemoryReservation
  private let lock = CommitGate()
  // Guarded by `lock`.
  private var keys: ReferencedKeys?
  private var mayReadAll: Bool
  private var waiting: [Waiting] = []
  private var waitingCount = 0
  private var seenCount = 0

  /// References that are looked up together.
  private static let batchLength = 262_144
  /// References are looked up one by one while they are fewer than the referenced rows over this.
  private static let lookupShare = 1024
  /// Keys of the referenced table may take this much memory.
  private static let byteLimit = 256 << 20

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
    self.targets = targets.map { referenced.columns[$0] }
    contents = transaction.view.contents(of: referenced.id)
    reservation = MemoryReservation(transaction.store.budget)
    violations = Violations()
    mayReadAll = true
  }

  /// The same key, references of which are looked for in `contents`. Violations have the number of the row for origin.
  private init(_ other: ForeignKeyCheck, in contents: TableContents) {
    positions = other.positions
    columnNames = other.columnNames
    referencedName = other.referencedName
    shape = other.shape
    ownPositions = other.ownPositions
    targets = other.targets
    self.contents = contents
    reservation = MemoryReservation(other.reservation.budget)
    violations = Violations(shownCount: Violations.sufficientCount)
    mayReadAll = true
  }

  /// Whether the table refers to itself.
  var isOwn: Bool { !ownPositions.isEmpty }

  /// Takes the next rows; those that refer to nothing are counted now or when `finish` is called.
  func check(_ columns: [Vector], origin: (Int) -> RowOrigin) throws(StoaError) {
    try check(references: positions.map { columns[$0] }, origin: origin)
  }

  private func check(
    references own: [Vector], origin: (Int) -> RowOrigin
  ) throws(StoaError) {
    let count = own.first?.count ?? 0
    let known = try lock.withLock { () throws(StoaError) -> ReferencedKeys? in
      if let keys { return keys }
      seenCount += count
      if mayReadAll, seenCount > contents.rowCount / ForeignKeyCheck.lookupShare {
        try readAll()
        if let keys { return keys }
      }
      waiting.append(Waiting(columns: own, origins: (0..<count).map(origin)))
      waitingCount += count
      if waitingCount >= ForeignKeyCheck.batchLength { try lookUpWaiting() }
      return nil
    }
    known?.check(own) { row in violate(own, row, origin(row)) }
  }

  /// Looks at all rows that were taken.
  func finish() throws(StoaError) {
    try lock.withLock { () throws(StoaError) in try lookUpWaiting() }
  }

  private func violate(_ columns: [Vector], _ row: Int, _ origin: RowOrigin) {
    violations.add(.init(origin: origin, key: KeyRows(columns).text(row)), origin: origin)
  }

  /// Reads the keys of the referenced table if they are not too large.
  private func readAll() throws(StoaError) {
    mayReadAll = false
    keys = try ReferencedKeys.read(
      shape, targets, contents, byteLimit: ForeignKeyCheck.byteLimit, reservation)
    guard let keys else { return }
    for rows in waiting {
      keys.check(rows.columns) { violate(rows.columns, $0, rows.origins[$0]) }
    }
    waiting = []
    waitingCount = 0
  }

  private func lookUpWaiting() throws(StoaError) {
    guard waitingCount > 0 else { return }
    let columns = waiting[0].columns.indices.map { index in
      Vector.joined(waiting.map { $0.columns[index] })
    }
    let origins = waiting.flatMap(\.origins)
    waiting = []
    waitingCount = 0
    try lookUp(columns) { origins[$0] }
  }

  // MARK: A table that refers to itself

  /// Counts rows of the load that refer neither to rows of the load nor to those that were there.
  func checkOwn(
    _ rows: [(columns: [Vector], keys: [Vector], origins: [Int64])]
  ) throws(StoaError) {
    let loaded = ReferencedKeys(shape, rows.map(\.keys))
    for group in rows {
      var missing: [UInt32] = []
      loaded.check(group.columns) { missing.append(UInt32(truncatingIfNeeded: $0)) }
      guard !missing.isEmpty else { continue }
      let columns = group.columns.map { $0.rows(missing) }
      try lookUp(columns) { RowOrigin(bits: group.origins[Int(missing[$0])]) }
    }
  }

  /// The same for rows of segments that the load has just written: they are read again, and their references looked
  /// up in `view`, which has them, like those to any other table. So nothing is kept while rows pass.
  /// - Parameters:
  ///   - definition: the table.
  ///   - origins: those of rows of the load by their numbers, ascending.
  func checkWritten(
    _ segments: [SegmentID], _ definition: TableDefinition, view: TableContents,
    checkCancellation: (@Sendable () throws(StoaError) -> Void)?,
    origins: ([Int]) throws(StoaError) -> [Int64]
  ) throws(StoaError) {
    let written = ForeignKeyCheck(self, in: view)
    let columns = positions.map { definition.columns[$0] }
    var start = 0
    for source in view.segments.indices
    where segments.contains(view.segments[source].description.id) {
      for group in try view.rowGroups(ofSource: source) {
        try checkCancellation?()
        if written.violations.count >= Violations.sufficientCount { break }
        var references: [Vector] = []
        for column in columns {
          references.append(try group.chunk(column).decode(rows: 0..<group.rowCount))
        }
        try written.check(references: references) { RowOrigin(bits: Int64(start + $0)) }
        start += group.rowCount
      }
    }
    try written.finish()
    let found = written.violations.shown.sorted { $0.origin < $1.origin }
    guard !found.isEmpty else { return }
    for (item, bits) in zip(found, try origins(found.map { Int($0.origin.bits) })) {
      let origin = RowOrigin(bits: bits)
      violations.add(.init(origin: origin, key: item.key), origin: origin)
    }
  }

  private func lookUp(_ columns: [Vector], origin: (Int) -> RowOrigin) throws(StoaError) {
    let probe = KeyProbe(columns, shape)
    var isThere = [Bool](repeating: false, count: probe.count)
    try KeyLookup(targets, in: contents, budget: reservation.budget).find(probe) {
      isThere[$0] = true
    }
    for row in 0..<probe.count where !isThere[row] && !probe.rows.hasNull(row) {
      violate(columns, row, origin(row))
    }
  }

  func error(_ origins: RowOrigins, table: TableDefinition) -> StoaError? {
    violations.error(origins, table: table.name, column: columnNames) { count in
      "\(count) row\(count == "1" ? "" : "s") with a \(columnNames) that is not in \"\(referencedName)\""
    }
  }
}

extension Vector {
  /// The rows of vectors of one type, one behind the other.
  static func joined(_ vectors: [Vector]) -> Vector {
    guard vectors.count != 1 else { return vectors[0] }
    var builder = VectorBuilder(
      type: vectors[0].type, capacity: vectors.reduce(0) { $0 + $1.count })
    for vector in vectors { builder.append(vector) }
    return builder.finish()
  }
}
