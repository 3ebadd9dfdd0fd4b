import Catalog
import Storage
import Vectors

/// The last phase of a load: rows in final order become row groups, by all threads; keys are checked on the way.
final class LoadWriting {
  /// A row group on its way to the segment.
  private struct Group {
    var encoded: EncodedRowGroup
    /// The table's columns, kept only when some key has to look at them.
    var columns: [Vector]
    var origins: [Int64]
    var rowCount: Int
  }

  /// The few rows of a small load of a table that refers to itself, looked at when all keys are known.
  private struct SelfReference {
    let check: ForeignKeyCheck
    var rows: [(columns: [Vector], keys: [Vector], origins: [Int64])] = []
  }

  private let loader: TableLoader
  /// The warehouse before these rows, with what the transaction did earlier.
  private let before: Snapshot
  private let columnCount: Int
  private let uniques: [UniqueCheck]
  private var selfReferences: [SelfReference]
  private var writtenCount = 0

  init(_ loader: TableLoader) throws(StoaError) {
    self.loader = loader
    before = loader.transaction.view
    columnCount = loader.definition.columns.count
    var uniques: [UniqueCheck] = []
    for key in loader.definition.keys {
      uniques.append(
        try UniqueCheck(
          key, of: loader.definition, before: before, budget: loader.transaction.store.budget))
    }
    self.uniques = uniques
    selfReferences = loader.foreignKeys.filter(\.isOwn).map { SelfReference(check: $0) }
  }

  /// Loads of at most this many bytes, and rows by the options of the store, stay in memory and in the log.
  static let inlineByteLimit = 2 << 20
  /// Rows that are looked at together.
  private static let groupRowCount = 16_384

  func run() throws(StoaError) -> [SegmentDescription] {
    if let few = loader.few, few.rowCount > 0 { return try insert(few) }
    let limit = loader.transaction.store.inlineRowLimit
    return loader.stage.isSmall(rows: limit, bytes: LoadWriting.inlineByteLimit)
      ? try insertInline() : try writeSegments()
  }

  /// A small load: rows of the commit record and the memtable.
  private func insertInline() throws(StoaError) -> [SegmentDescription] {
    let rows = try loader.stage.sortedRows()
    var blocks: [RowBlock] = []
    while let plan = try rows.nextGroup(capacity: LoadWriting.groupRowCount) {
      let vectors = (0..<columnCount).map { plan.table.gather($0, plan.rows, count: plan.count) }
      let origins = self.origins(plan)
      try checkKeys(columns: vectors, origins: origins, isInline: true)
      blocks.append(
        RowBlock(
          columns: loader.definition.columns.map(\.id),
          batch: Batch(columns: vectors, rowCount: plan.count)))
    }
    try finishKeys()
    for block in blocks { try loader.transaction.insert(block, into: loader.definition.id) }
    return []
  }

  /// The same for rows that were never staged.
  private func insert(_ rows: FewRows) throws(StoaError) -> [SegmentDescription] {
    let sortColumns = loader.definition.sortKey.compactMap { loader.definition.index(of: $0) }
    let vectors = rows.sorted(by: sortColumns)
    let columns = Array(vectors.prefix(columnCount))
    let origins =
      loader.carriesOrigins
      ? vectors[columnCount].flattened().withValues(as: Int64.self) {
        Array(UnsafeBufferPointer(start: $0, count: rows.rowCount))
      } : []
    try checkKeys(columns: columns, origins: origins, isInline: true)
    try finishKeys()
    try loader.transaction.insert(
      RowBlock(
        columns: loader.definition.columns.map(\.id),
        batch: Batch(columns: columns, rowCount: rows.rowCount)), into: loader.definition.id)
    return []
  }

  private func origins(_ plan: GroupPlan) -> [Int64] {
    guard loader.carriesOrigins else { return [] }
    let origins = plan.table.gather(columnCount, plan.rows, count: plan.count)
    return origins.withValues(as: Int64.self) {
      Array(UnsafeBufferPointer(start: $0, count: plan.count))
    }
  }

  private func writeSegments() throws(StoaError) -> [SegmentDescription] {
    loader.report(.sorting, rowCount: 0)
    let rows = try loader.stage.sortedRows()
    let options = loader.transaction.store.segmentOptions
    let writer = try loader.transaction.makeTableWriter(loader.definition.id, options: options)
    let encoder = try writer.encoder()
    let check = loader.options.checkCancellation
    let isSmall = loader.stage.rowCount <= options.rowGroupCapacity
    try OrderedPipeline.run(
      threads: isSmall ? 1 : loader.options.threads,
      produce: { () throws(StoaError) -> GroupPlan? in
        try check?()
        return try rows.nextGroup(capacity: options.rowGroupCapacity)
      },
      transform: { (plan: GroupPlan) throws(StoaError) -> Group in
        try self.encode(plan, encoder)
      },
      consume: { (group: Group) throws(StoaError) in
        try self.checkKeys(columns: group.columns, origins: group.origins, isInline: false)
        try writer.write(group.encoded)
        self.writtenCount += group.rowCount
        self.loader.report(.writing, rowCount: self.writtenCount)
      })
    let segments = try writer.finish()
    try checkLoadedKeys(segments.map(\.id))
    try checkOwnReferences(segments.map(\.id))
    try finishKeys()
    return segments
  }

  /// Looks for duplicates with the key runs of the segments just written.
  private func checkLoadedKeys(_ segments: [SegmentID]) throws(StoaError) {
    guard !uniques.isEmpty else { return }
    let view = loader.transaction.view.contents(of: loader.definition.id)
    for check in uniques {
      try check.addLoaded(
        segments, view: view, checkCancellation: loader.options.checkCancellation
      ) { (rows: [Int]) throws(StoaError) -> [Int64] in try self.origins(ofRows: rows) }
    }
  }

  /// Looks for rows just written that refer to nothing in the table itself.
  private func checkOwnReferences(_ segments: [SegmentID]) throws(StoaError) {
    guard !selfReferences.isEmpty else { return }
    let view = loader.transaction.view.contents(of: loader.definition.id)
    for reference in selfReferences {
      try reference.check.checkWritten(
        segments, loader.definition, view: view,
        checkCancellation: loader.options.checkCancellation
      ) { (rows: [Int]) throws(StoaError) -> [Int64] in try self.origins(ofRows: rows) }
    }
  }

  /// Origins of rows by their place in the final order, ascending. Sorts or merges all rows once more: nobody pays for
  /// origins unless something is wrong.
  private func origins(ofRows rows: [Int]) throws(StoaError) -> [Int64] {
    let sorted = try loader.stage.sortedRows()
    var found: [Int64] = []
    var start = 0
    while found.count < rows.count,
      let plan = try sorted.nextGroup(capacity: LoadWriting.groupRowCount)
    {
      let origins = self.origins(plan)
      while found.count < rows.count, rows[found.count] < start + plan.count {
        found.append(origins[rows[found.count] - start])
      }
      start += plan.count
    }
    return found
  }

  private func encode(_ plan: GroupPlan, _ encoder: RowGroupEncoder) throws(StoaError) -> Group {
    let vectors = (0..<columnCount).map { plan.table.gather($0, plan.rows, count: plan.count) }
    let encoded = try encoder.encode(vectors, rowCount: plan.count)
    guard loader.carriesOrigins else {
      return Group(encoded: encoded, columns: [], origins: [], rowCount: plan.count)
    }
    return Group(
      encoded: encoded, columns: vectors, origins: origins(plan), rowCount: plan.count)
  }

  private func checkKeys(
    columns: [Vector], origins: [Int64], isInline: Bool
  ) throws(StoaError) {
    for check in uniques where isInline || check.isPrefix {
      try check.add(columns, origins: origins)
      if check.violations.count >= Violations.sufficientCount,
        let error = check.error(loader.origins)
      {
        throw error
      }
    }
    // Of segments they are read again.
    for index in selfReferences.indices where isInline {
      let check = selfReferences[index].check
      selfReferences[index].rows.append(
        (
          check.positions.map { columns[$0] }, check.ownPositions.map { columns[$0] }, origins
        ))
    }
  }

  /// What can be known only when all rows have passed.
  private func finishKeys() throws(StoaError) {
    for check in uniques {
      if let error = check.error(loader.origins) { throw error }
    }
    for reference in selfReferences { try reference.check.checkOwn(reference.rows) }
    try loader.checkForeignKeys()
    addValidator()
  }

  /// Others may commit between this load and its own commit.
  private func addValidator() {
    let definition = loader.definition
    guard !definition.keys.isEmpty || !definition.foreignKeys.isEmpty else { return }
    let budget = loader.transaction.store.budget
    loader.transaction.addValidator(named: "keys of \(definition.id)") {
      (view: CommitView) throws(StoaError) in
      // A table of this very transaction is not there yet.
      let now = view.newest.catalog.table(definition.id) ?? definition
      try CommitChecks(definition: now, budget: budget).check(view)
    }
  }
}
