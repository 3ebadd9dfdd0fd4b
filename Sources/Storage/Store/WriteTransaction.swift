import Catalog
import Synchronization
import Vectors

/// Changes that become visible and durable together, or not at all. Holds the write lock until `commit` or
/// `rollback`; going out of scope rolls back. One thread at a time, segment writers excepted.
public final class WriteTransaction: @unchecked Sendable {
  public let store: TableStore
  /// The state the changes start from; nobody else can change it meanwhile.
  public let snapshot: Snapshot
  /// The catalog with the edits so far.
  public private(set) var catalog: CatalogState
  private var edits: [LogEdit] = []
  /// Files written, for removal; and directories whose entries must be durable before the commit.
  private let written = Mutex<Written>(Written())
  private var isOpen = true

  private struct Written {
    var paths: [String] = []
    var directories: Set<String> = []
    var segments: [SegmentDescription] = []
  }

  init(store: TableStore, snapshot: Snapshot) {
    self.store = store
    self.snapshot = snapshot
    catalog = snapshot.catalog
  }

  deinit { rollback() }

  /// Adds a catalog change.
  /// - Throws: when it contradicts the catalog; the transaction then goes on without it.
  public func apply(_ edit: CatalogEdit) throws(StoaError) {
    try requireOpen()
    try catalog.apply(edit)
    edits += pendingSegments().map { .addSegment($0) }
    edits.append(.catalog(edit))
  }

  /// Takes a committed segment out of its table.
  public func removeSegment(_ segment: SegmentDescription) throws(StoaError) {
    try requireOpen()
    edits.append(.removeSegment(segment.table, segment.id))
  }

  /// A writer for one new segment of the table; its rows belong to the transaction once it is finished.
  /// - Throws: `.binding` when there is no such table.
  public func makeSegmentWriter(
    _ table: TableID, options: SegmentWriterOptions = SegmentWriterOptions()
  ) throws(StoaError) -> SegmentWriter {
    try requireOpen()
    guard let definition = catalog.table(table) else {
      throw StoaError(.binding, "there is no table with id \(table)")
    }
    let id = store.takeSegmentID()
    let layout = store.layout
    let directory = layout.tableDirectory(table)
    if try store.fileSystem.fileSize(directory) == nil {
      try store.fileSystem.makeDirectory(layout.segmentsDirectory)
      try store.fileSystem.makeDirectory(directory)
      written.withLock { _ = $0.directories.insert(layout.segmentsDirectory) }
    }
    let path = layout.segment(table, id)
    written.withLock {
      $0.paths.append(path)
      $0.directories.insert(directory)
    }
    return try SegmentWriter(
      file: try store.fileSystem.open(path, .create), definition: definition, id: id,
      warehouse: store.id, budget: store.budget, options: options, transaction: self)
  }

  /// A writer that begins a new segment whenever one is full.
  public func makeTableWriter(
    _ table: TableID, options: SegmentWriterOptions = SegmentWriterOptions()
  ) throws(StoaError) -> TableWriter {
    TableWriter(transaction: self, table: table, options: options)
  }

  /// Called by a segment writer that is finished; thread-safe.
  func add(_ segment: SegmentDescription) { written.withLock { $0.segments.append(segment) } }

  /// Removes the file of a segment that got no rows.
  func discard(_ id: SegmentID, _ table: TableID) throws(StoaError) {
    let path = store.layout.segment(table, id)
    written.withLock { $0.paths.removeAll { $0 == path } }
    try store.fileSystem.unlink(path)
  }

  /// Segments finished and not yet among the edits, in the order of their ids.
  private func pendingSegments() -> [SegmentDescription] {
    written.withLock { written in
      defer { written.segments = [] }
      return written.segments.sorted { $0.id < $1.id }
    }
  }

  /// Makes everything durable and visible. With no changes it only gives the lock back.
  /// - Returns: the number of the commit, or of the snapshot when nothing changed.
  /// - Throws: when nothing was committed; the transaction is then rolled back. After a failed sync of the
  ///   log the outcome is unknown until the warehouse is opened again.
  @discardableResult
  public func commit() throws(StoaError) -> CommitNumber {
    try requireOpen()
    edits += pendingSegments().map { .addSegment($0) }
    guard !edits.isEmpty else {
      rollback()
      return snapshot.commit
    }
    var mayBeCommitted = false
    do throws(StoaError) {
      for directory in written.withLock({ $0.directories.sorted() }) {
        try syncDirectory(directory)
      }
      let number = try store.commit(edits, mayBeCommitted: &mayBeCommitted)
      isOpen = false
      store.endWrite()
      return number
    } catch {
      // Files that the log may name stay; if it does not, the next writer collects them.
      if mayBeCommitted { written.withLock { $0.paths = [] } }
      rollback()
      throw error
    }
  }

  private func syncDirectory(_ path: String) throws(StoaError) {
    do throws(StoaError) {
      try store.fileSystem.syncDirectory(path)
    } catch {
      syncFailed(error)
      throw error
    }
  }

  /// Nothing is written after a failed sync. A full disk may say so only when syncing; that is no failure of
  /// what was acknowledged.
  func syncFailed(_ error: StoaError) {
    guard error.kind != .resource else { return }
    store.inner.withLock { store.refuseWriting(&$0, after: error) }
  }

  /// Forgets the changes, removes the files written, gives the lock back. Harmless when already done.
  public func rollback() {
    guard isOpen else { return }
    isOpen = false
    for path in written.withLock({ $0.paths }) { try? store.fileSystem.unlink(path) }
    store.endWrite()
  }

  private func requireOpen() throws(StoaError) {
    guard isOpen else { throw StoaError(.usage, "the transaction is already finished") }
  }
}
