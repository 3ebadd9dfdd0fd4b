import Catalog
import Vectors

/// Everything committed at one commit number: what checkpoints hold and what the log changes. A value.
public struct StoreState: Hashable, Sendable {
  /// Number of the last commit; 0 before the first.
  public var commit: CommitNumber = 0
  /// Microseconds since 1970 of the last commit; grows with every commit, whatever the clock does.
  public var timestamp: Int64 = 0
  public var catalog = CatalogState()
  /// Segments of each table, oldest rows first: by commit, those of one commit in the order they were added.
  public var segments: [TableID: [SegmentDescription]] = [:]
  /// Memtables of each table, oldest first; new rows go to the last.
  public var memtables: [TableID: [Memtable]] = [:]
  /// What is deleted of segments and memtables.
  public var deletes: [TableID: [SegmentID: DeleteVector]] = [:]
  /// Above every segment and memtable id ever committed.
  public var nextSegmentID: SegmentID = 1
  /// How far sequences have given their numbers; where there is none, to `origin`.
  public var sequences: [ObjectID: SequencePosition] = [:]
  /// What is kept of earlier commits.
  public var retention = Retention()

  public init() {}

  /// The state after one more commit.
  /// - Throws: when an edit contradicts the state; the state is then undefined.
  public mutating func apply(
    _ edits: [LogEdit], commit: CommitNumber, timestamp: Int64
  ) throws(StoaError) {
    for edit in edits { try apply(edit, commit: commit, timestamp: timestamp) }
    self.commit = commit
    self.timestamp = timestamp
  }

  /// Applies one edit of commit `commit`.
  mutating func apply(
    _ edit: LogEdit, commit: CommitNumber, timestamp: Int64 = 0
  ) throws(StoaError) {
    switch edit {
    case .catalog(let change):
      try apply(change)
      if case .dropTable(let id) = change {
        for segment in segments[id] ?? [] {
          retention.retire(segment, commit: commit, timestamp: timestamp)
        }
        segments[id] = nil
        memtables[id] = nil
        deletes[id] = nil
      }
    case .addSegment(let segment): try add(segment, commit: commit)
    case .removeSegment(let table, let id):
      if let segment = segments[table]?.first(where: { $0.id == id }) {
        retention.retire(segment, commit: commit, timestamp: timestamp)
      }
      try remove(id, from: table)
    case .deleteRows(let table, let id, let deleted): try delete(deleted, of: id, in: table)
    case .insertRows(let table, let id, let block): try insert(block, memtable: id, of: table)
    case .reserveIDs(let next): nextSegmentID = max(nextSegmentID, next)
    case .setProperty(.retention, let value):
      retention.set(value, commit: commit, timestamp: timestamp)
    case .keepFrom(let oldest, let stamp):
      guard oldest <= commit else {
        throw StoaError(.inconsistency, "versions are kept from commit \(oldest) on, a later one")
      }
      retention.keep(from: oldest, timestamp: stamp)
    case .advanceSequence(let id, let generation, let position):
      guard catalog.sequence(id)?.generation == generation else {
        throw StoaError(.inconsistency, "numbers are taken of sequence \(id), which is not there")
      }
      sequences[id] = position
    case .retire(let retired):
      retention.retire(
        retired.segment, commit: retired.removedBy, timestamp: retired.removedAt)
    }
  }

  /// Also moves the positions of sequences that are made anew or go.
  private mutating func apply(_ change: CatalogEdit) throws(StoaError) {
    var known: SequencePosition?
    if case .alterObject(.sequence(let new)) = change, let old = catalog.sequence(new.id) {
      known = old.generation == new.generation ? sequences[new.id] : position(of: old)
      if old.generation != new.generation, !new.continues { known = nil }
    }
    try catalog.apply(change)
    switch change {
    case .alterObject(.sequence(let new)): sequences[new.id] = known
    case .dropObject(let id): sequences[id] = nil
    default: break
    }
  }

  /// How far the numbers of the sequence are given.
  public func position(of sequence: SequenceDefinition) -> SequencePosition {
    sequences[sequence.id] ?? sequence.origin
  }

  private mutating func add(_ added: SegmentDescription, commit: CommitNumber) throws(StoaError) {
    var segment = added
    guard catalog.table(segment.table) != nil else {
      throw StoaError(.inconsistency, "segment \(segment.id) belongs to no table")
    }
    guard rowCount(of: segment.id, in: segment.table) == nil else {
      throw StoaError(.inconsistency, "segment \(segment.id) was added twice")
    }
    if segment.commit == 0 { segment.commit = commit }
    // Rows that compaction wrote anew go where they were; 0 stands for a commit to come.
    var segments = segments[segment.table] ?? []
    self.segments[segment.table] = nil
    var place = segments.count
    while segment.commit > 0, place > 0,
      segments[place - 1].commit == 0 || segments[place - 1].commit > segment.commit
    {
      place -= 1
    }
    segments.insert(segment, at: place)
    self.segments[segment.table] = segments
    nextSegmentID = max(nextSegmentID, segment.id &+ 1)
  }

  private mutating func remove(_ id: SegmentID, from table: TableID) throws(StoaError) {
    if let index = segments[table]?.firstIndex(where: { $0.id == id }) {
      segments[table]?.remove(at: index)
    } else if let index = memtables[table]?.firstIndex(where: { $0.id == id }) {
      memtables[table]?.remove(at: index)
      if memtables[table]?.isEmpty == true { memtables[table] = nil }
    } else {
      throw StoaError(.inconsistency, "segment \(id) is not there to be removed")
    }
    deletes[table]?[id] = nil
    if deletes[table]?.isEmpty == true { deletes[table] = nil }
  }

  private mutating func delete(
    _ deleted: DeleteVector, of id: SegmentID, in table: TableID
  ) throws(StoaError) {
    guard let rowCount = rowCount(of: id, in: table) else {
      throw StoaError(.inconsistency, "rows are deleted of segment \(id), which is not there")
    }
    guard (deleted.last ?? -1) < rowCount else {
      throw StoaError(
        .inconsistency,
        "row \(deleted.last ?? 0) is deleted of segment \(id), which has \(rowCount)"
      )
    }
    guard !deleted.isEmpty else { return }
    deletes[table, default: [:]][id, default: DeleteVector()] =
      (deletes[table]?[id] ?? DeleteVector()).union(deleted)
  }

  private mutating func insert(
    _ block: RowBlock, memtable id: SegmentID, of table: TableID
  ) throws(StoaError) {
    guard catalog.table(table) != nil else {
      throw StoaError(.inconsistency, "rows are inserted into table \(table), which is not there")
    }
    guard !(segments[table] ?? []).contains(where: { $0.id == id }) else {
      throw StoaError(.inconsistency, "rows are inserted into segment \(id)")
    }
    var tables = memtables[table] ?? []
    memtables[table] = nil
    if let index = tables.firstIndex(where: { $0.id == id }) {
      tables[index].append(block)
    } else {
      var memtable = Memtable(id: id)
      memtable.append(block)
      tables.append(memtable)
    }
    memtables[table] = tables
    nextSegmentID = max(nextSegmentID, id &+ 1)
  }

  /// Rows of a segment or memtable, deleted ones included; `nil` when there is none of that id.
  public func rowCount(of id: SegmentID, in table: TableID) -> Int? {
    if let segment = segments[table]?.first(where: { $0.id == id }) {
      return Int(clamping: segment.rowCount)
    }
    return memtables[table]?.first { $0.id == id }?.rowCount
  }

  /// Bytes that memtables of one table take in memory, roughly.
  func memtableByteCount(of table: TableID) -> Int {
    memtables[table]?.reduce(0) { $0 + $1.byteCount } ?? 0
  }

  /// Segments of the table whose files must stay: those of the newest state and those kept for earlier ones.
  func files(of table: TableID) -> [SegmentDescription] {
    (segments[table] ?? []) + (retention.segments[table] ?? []).map(\.segment)
  }

  /// Bytes that memtables take in memory, roughly.
  public var memtableByteCount: Int {
    memtables.values.reduce(0) { $0 + $1.reduce(0) { $0 + $1.byteCount } }
  }

  /// Edits that rebuild the state from nothing; tables first.
  var edits: [LogEdit] {
    let ids = catalog.tables.keys.sorted()
    var edits = catalog.edits.map { LogEdit.catalog($0) }
    for id in ids {
      edits += (segments[id] ?? []).map { .addSegment($0) }
      for memtable in memtables[id] ?? [] {
        let blocks = memtable.rowCount == 0 ? [RowBlock.empty] : memtable.joinedBlocks
        edits += blocks.map { .insertRows(id, memtable: memtable.id, $0) }
      }
      let deleted = deletes[id] ?? [:]
      edits += deleted.keys.sorted().compactMap { key in
        deleted[key].map { .deleteRows(id, key, $0) }
      }
    }
    for sequence in catalog.sortedSequences {
      guard let position = sequences[sequence.id] else { continue }
      edits.append(.advanceSequence(sequence.id, generation: sequence.generation, position))
    }
    return edits + retention.edits
  }
}
