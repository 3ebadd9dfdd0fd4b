import Catalog
import Vectors

/// Everything committed at one commit number: what checkpoints hold and what the log changes. A value.
public struct StoreState: Hashable, Sendable {
  /// Number of the last commit; 0 before the first.
  public var commit: CommitNumber = 0
  /// Microseconds since 1970 of the last commit; grows with every commit, whatever the clock does.
  public var timestamp: Int64 = 0
  public var catalog = CatalogState()
  /// Segments of each table, in the order they were added.
  public var segments: [TableID: [SegmentDescription]] = [:]
  /// Above every segment id ever committed.
  public var nextSegmentID: SegmentID = 1

  public init() {}

  /// The state after one more commit.
  /// - Throws: when an edit contradicts the state; the state is then undefined.
  public mutating func apply(
    _ edits: [LogEdit], commit: CommitNumber, timestamp: Int64
  ) throws(StoaError) {
    for edit in edits { try apply(edit, commit: commit) }
    self.commit = commit
    self.timestamp = timestamp
  }

  private mutating func apply(_ edit: LogEdit, commit: CommitNumber) throws(StoaError) {
    switch edit {
    case .catalog(let change):
      try catalog.apply(change)
      if case .dropTable(let id) = change { segments[id] = nil }
    case .addSegment(var segment):
      guard catalog.table(segment.table) != nil else {
        throw StoaError(.inconsistency, "segment \(segment.id) belongs to no table")
      }
      guard !(segments[segment.table] ?? []).contains(where: { $0.id == segment.id }) else {
        throw StoaError(.inconsistency, "segment \(segment.id) was added twice")
      }
      if segment.commit == 0 { segment.commit = commit }
      segments[segment.table, default: []].append(segment)
      nextSegmentID = max(nextSegmentID, segment.id &+ 1)
    case .removeSegment(let table, let id):
      guard let index = segments[table]?.firstIndex(where: { $0.id == id }) else {
        throw StoaError(.inconsistency, "segment \(id) is not there to be removed")
      }
      segments[table]?.remove(at: index)
    }
  }

  /// Edits that rebuild the state from nothing; tables first.
  var edits: [LogEdit] {
    let ids = catalog.tables.keys.sorted()
    let tables = ids.compactMap { catalog.table($0) }.map { LogEdit.catalog(.createTable($0)) }
    return tables + ids.flatMap { segments[$0] ?? [] }.map { LogEdit.addSegment($0) }
  }
}
