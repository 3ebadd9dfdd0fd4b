import Catalog
import Vectors

/// One commit as SHOW VERSIONS lists it.
public struct VersionSummary: Hashable, Sendable {
  public var commit: CommitNumber
  /// Microseconds since 1970.
  public var timestamp: Int64
  /// What made it, in words; empty when the log does not say.
  public var kinds: [String] = []
  /// Names of the tables it changed, sorted; of dropped ones the names they had.
  public var tables: [String] = []
  /// Rows that came and went; upkeep, which only moves rows, has none of either. `nil` when the log with the commit
  /// is gone.
  public var insertedCount: Int? = 0
  public var deletedCount: Int? = 0
}

extension TableStore {
  /// The commits that can be read, oldest first, up to that of `newest`.
  /// - Returns: also a sentence for every part of the log that cannot be read.
  public func versions(
    before newest: Snapshot
  ) throws(StoaError) -> (versions: [VersionSummary], notices: [String]) {
    let retention = try keptHistory()
    let oldest = retention.isOn ? retention.oldest : newest.commit
    var list = VersionList(first: oldest, last: newest.commit)
    try list.read(historyFiles, MemoryReservation(budget))
    if list.versions.isEmpty || list.versions[0].commit > oldest, oldest == newest.commit {
      // A checkpoint is all that is left of it.
      list.versions.append(
        VersionSummary(
          commit: newest.commit, timestamp: newest.timestamp, insertedCount: nil,
          deletedCount: nil))
    }
    return (list.versions, list.notices)
  }
}

/// Goes through the log from one commit to another and writes down what each did.
private struct VersionList {
  let first: CommitNumber
  let last: CommitNumber
  var versions: [VersionSummary] = []
  var notices: [String] = []

  init(first: CommitNumber, last: CommitNumber) {
    self.first = first
    self.last = last
  }

  /// What cannot be read is left out, up to the next checkpoint.
  mutating func read(_ files: HistoryFiles, _ memory: MemoryReservation) throws(StoaError) {
    var replay = HistoryReplay(files, memory: memory)
    // The commit before tells what the first one did, if something still leads there.
    let before = max(1, first) - 1
    var start =
      files.last(of: files.checkpoints(), notAfter: before, .missing) == nil
      ? first : before
    while true {
      do throws(StoaError) {
        try replay.begin(at: start)
        if replay.state.commit >= first { add(base: replay.state) }
        try replay.walk(to: last) { (record, before, after) throws(StoaError) in
          // After damage an older checkpoint may lead here once more.
          guard record.commit >= max(first, (versions.last?.commit ?? 0) &+ 1) else { return }
          add(record, before, after)
        }
        return
      } catch {
        guard error.kind == .corruption || error.kind == .io else { throw error }
        let reached = max(replay.state.commit, start)
        guard let next = files.first(after: reached), next <= last else {
          notices.append("Versions after \(reached) cannot be listed: \(error.description)")
          return
        }
        notices.append("Versions \(reached &+ 1) to \(next) cannot be listed: \(error.description)")
        start = next
      }
    }
  }

  /// A commit of which only a checkpoint is left.
  private mutating func add(base state: StoreState) {
    guard versions.last?.commit ?? 0 < state.commit, state.commit > 0 else { return }
    versions.append(
      VersionSummary(
        commit: state.commit, timestamp: state.timestamp, insertedCount: nil, deletedCount: nil))
  }

  private mutating func add(_ record: LogRecord, _ before: StoreState, _ after: StoreState) {
    var summary = VersionSummary(commit: record.commit, timestamp: record.timestamp)
    var kinds = record.kinds
    var tables: Set<TableID> = []
    var (inserted, deleted) = (0, 0)
    for edit in record.edits {
      if let table = edit.table { tables.insert(table) }
      if record.kinds.isEmpty { kinds.formUnion(edit.usualKinds) }
      switch edit {
      case .addSegment(let segment): inserted &+= Int(clamping: segment.rowCount)
      case .insertRows(_, _, let block): inserted &+= block.rowCount
      case .deleteRows(_, _, let rows): deleted &+= rows.count
      case .removeSegment(let table, let id):
        deleted &+=
          (before.rowCount(of: id, in: table) ?? 0)
          &- (before.deletes[table]?[id]?.count ?? 0)
      case .catalog(.dropTable(let id)): deleted &+= before.liveRowCount(of: id)
      case .catalog, .reserveIDs, .setProperty, .keepFrom, .retire, .advanceSequence: continue
      }
    }
    summary.kinds = kinds.names
    summary.tables = tables.compactMap {
      (after.catalog.table($0) ?? before.catalog.table($0))?.name
    }.sorted()
    summary.insertedCount = kinds.isUpkeep ? 0 : inserted
    summary.deletedCount = kinds.isUpkeep ? 0 : deleted
    versions.append(summary)
  }
}

extension StoreState {
  /// Rows of the table that are not deleted.
  fileprivate func liveRowCount(of table: TableID) -> Int {
    let inSegments = (segments[table] ?? []).reduce(0) { $0 &+ Int(clamping: $1.rowCount) }
    let inMemory = (memtables[table] ?? []).reduce(0) { $0 &+ $1.rowCount }
    return inSegments &+ inMemory &- (deletes[table] ?? [:]).values.reduce(0) { $0 &+ $1.count }
  }
}

extension LogEdit {
  /// What most likely made it, where the record does not say.
  fileprivate var usualKinds: CommitKinds {
    switch self {
    case .catalog(.createTable): .createTable
    case .catalog(.alterTable): .alterTable
    case .catalog(.dropTable): .dropTable
    case .catalog(.createObject), .catalog(.alterObject): .createObject
    case .catalog(.dropObject): .dropObject
    case .addSegment: .load
    case .insertRows: .insert
    case .deleteRows, .removeSegment: .delete
    case .reserveIDs, .advanceSequence: .reserve
    case .setProperty: .set
    case .keepFrom: .expire
    case .retire: []
    }
  }
}
