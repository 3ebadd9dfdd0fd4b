import Catalog
import Encodings
import Synchronization
import Vectors

/// An open warehouse: snapshots for readers, transactions for writers.
///
/// Any number of transactions of one process are open at a time; they meet when they commit. Other processes are
/// kept out by the lock file while this one writes. Lock order: `upkeep` (one job at a time) · `writers` (who holds the lock file) · `commits`
/// (puts commits in order) · `syncs` (who syncs the log) · `inner` · the lease table · the cache. File calls that
/// can block happen outside `inner`, except the 64 bytes of TIP, writes to the log, and what a refresh reads.
public final class TableStore: Sendable {
  struct Inner {
    /// What new snapshots get: the newest state that is durable.
    var state: StoreState
    /// The newest state written to the log; ahead of `state` while a sync is on its way.
    var tail: StoreState
    /// Segments of both.
    var references: [SegmentID: SegmentReference] = [:]
    var log: UInt64
    /// Where the synced records end, and where all written ones do.
    var logEnd: UInt64
    var tailEnd: UInt64
    /// Length of the log file, with zeros written ahead.
    var logSize: UInt64
    /// The end that TIP has.
    var tipEnd: UInt64 = 0
    /// The last commit known to be durable.
    var syncedCommit: CommitNumber
    var checkpoint: UInt64
    /// The commit before the first record of the log.
    var logCommit: CommitNumber
    /// Why nothing may be written any more: damage found, or a sync that failed.
    var refusal: StoaError?
    var warnings: [String]
    /// Next id for a segment being written; ids of failed loads are not used again by this process.
    var nextSegmentID: SegmentID
    var statistics: [TableID: [KnownStatistics]] = [:]
    var hasWritten = false
    var hasCommitted = false
    var isClosed = false
    /// Transactions of this process that write; the lock is held while there are any.
    var writerCount = 0
    /// Set while a thread takes the lock or gives it back.
    var isAcquiring = false
    /// Set while a thread syncs the log.
    var isSyncing = false
    /// Transactions of this process that are open, by the commit they began with.
    var openCommits: [CommitNumber: Int] = [:]
    /// What moved rows since the oldest of them began.
    var moves: [RowMove] = []
    /// Counts the rows of memtables.
    var memtables: MemoryReservation
    /// Ids that a commit gave to files which flush and compaction of this process write.
    var reservedIDs: Range<SegmentID> = 0..<0
    /// Start of the second log that is kept, by the clock: when it is older than versions are kept, the first may go.
    var secondLogTimestamp: Int64?
    /// Files that a commit gave up which may not be durable yet.
    var leaving: [LeavingFile] = []
    /// Tables whose directories of segments are known to be durable.
    var durableDirectories: Set<TableID> = []
    /// Segments that overlap in each table, when last looked at.
    var overlaps: [TableID: Int] = [:]
    /// The log that was written to when files that no commit names were last looked for.
    var collectedLog: UInt64 = 0
    /// Whether that is due: once in each log, since processes that end leave files which others still read.
    var hasCollectedOrphans: Bool { collectedLog == log }
    var lastCheckpointFailed = false
    var lockFile: (any File)?
    var tipFile: (any File)?
    /// TIP for writing, and the bytes that this store wrote last; `nil` when it did not or may not have.
    var writableTip: (any File)?
    var writtenTip: [UInt8]?
    /// Whether this store's mark was written into LOCK.
    var hasMarkedLock = false
    var logFile: (any File)?
    /// The lease that the store itself holds on `state.commit`.
    var leasedCommit: CommitNumber
  }

  public let path: String
  public let id: WarehouseID
  public let mode: AccessMode
  public let budget: MemoryBudget
  public let cache: ChunkCache
  let layout: StoreLayout
  let fileSystem: any FileSystem
  let options: StoreOptions
  let leases: LeaseTable
  let inner: Mutex<Inner>
  /// What LOCK holds while this store has the write lock.
  let lockMark = TableStore.makeLockMark()
  let writers = CommitGate()
  let commits = CommitGate()
  let syncs = CommitGate()
  let upkeep = Upkeep()
  let history = HistoryCache()

  /// A file that nobody needs once commit `commit` is durable and nobody reads a version before `removedBy`.
  struct LeavingFile {
    var commit: CommitNumber
    var removedBy: CommitNumber
    var path: String
  }

  /// Opens the warehouse in the directory `path`; mode `.readWrite` makes it when absent.
  /// - Throws: when there is none or it is of a newer version. Damage does not prevent opening: see
  ///   `warnings` and `refusal`.
  public static func open(
    path: String, fileSystem: any FileSystem = RealFileSystem.shared, mode: AccessMode,
    budget: MemoryBudget, options: StoreOptions = StoreOptions()
  ) throws(StoaError) -> TableStore {
    let layout = StoreLayout(root: path)
    if try fileSystem.fileSize(layout.warehouse) == nil {
      guard mode == .readWrite else {
        throw StoaError(.io, "there is no warehouse here", path: path)
      }
      try Creation.run(
        layout, fileSystem, id: options.newWarehouseID ?? .random(), now: options.clock())
    }
    return try TableStore(layout, fileSystem, mode, budget, options)
  }

  private init(
    _ layout: StoreLayout, _ fileSystem: any FileSystem, _ mode: AccessMode, _ budget: MemoryBudget,
    _ options: StoreOptions
  ) throws(StoaError) {
    // Without it other processes would remove files that are read here; so only a missing one is done without.
    let hasLeases = try fileSystem.fileSize(layout.leases) != nil
    let leaseFile = hasLeases ? try fileSystem.open(layout.leases, .read) : nil
    leases = LeaseTable(file: leaseFile, fileSystem: fileSystem)
    let found = try TableStore.recover(layout, fileSystem, leases)
    path = layout.root
    id = found.id
    self.layout = layout
    self.fileSystem = fileSystem
    self.mode = mode
    self.budget = budget
    self.options = options
    cache = ChunkCache(budget: budget)
    let refusal: StoaError? =
      mode == .readOnly
      ? StoaError(.readOnly, "the warehouse was opened read-only", path: layout.root)
      : found.damage.map { TableStore.refusal(after: $0) }
    inner = Mutex(
      Inner(
        state: found.state, tail: found.state, log: found.log, logEnd: found.logEnd,
        tailEnd: found.logEnd, logSize: found.logFileSize, syncedCommit: found.state.commit,
        checkpoint: found.checkpoint, logCommit: found.checkpointCommit,
        refusal: refusal, warnings: TableStore.warnings(found),
        nextSegmentID: found.state.nextSegmentID, memtables: MemoryReservation(budget),
        leasedCommit: found.state.commit))
    inner.withLock { inner in
      rebuildReferences(&inner)
      inner.memtables.set(to: inner.tail.memtableByteCount)
    }
    if mode == .readWrite, found.damage == nil, found.tip?.isClosed == false || found.isTailTorn {
      tidyAfterUncleanStop()
    }
  }

  /// Reads the state and takes a lease on it; again when a writer moved on in between.
  private static func recover(
    _ layout: StoreLayout, _ fileSystem: any FileSystem, _ leases: LeaseTable
  ) throws(StoaError) -> Recovery {
    var attempt = 0
    while true {
      attempt += 1
      let found: Recovery
      do throws(StoaError) {
        found = try Recovery(
          layout: layout, fileSystem: fileSystem,
          stopsAtTip: isWriterActive(layout, fileSystem))
      } catch {
        // A checkpoint may have been replaced and removed while it was being read.
        if error.kind == .io, attempt < 3 { continue }
        throw error
      }
      try leases.take(found.state.commit)
      let tip = Recovery.readTip(layout, fileSystem, id: found.id)
      if tip == found.tip || attempt >= 5 { return found }
      leases.release(found.state.commit)
    }
  }

  private static func isWriterActive(
    _ layout: StoreLayout, _ fileSystem: any FileSystem
  ) -> Bool {
    guard let lock = try? fileSystem.open(layout.lock, .read) else { return false }
    return (try? lock.isLockedElsewhere(0..<1)) ?? false
  }

  /// What was found, and what became of it.
  private static func warnings(_ found: Recovery) -> [String] {
    guard found.damage != nil else { return found.warnings }
    return found.warnings + [
      "the warehouse is open for reading only, as of commit \(found.state.commit), the last good one"
    ]
  }

  static func refusal(after damage: StoaError) -> StoaError {
    var error = damage
    error.kind = .readOnly
    error.message = "the warehouse is damaged and can only be read: \(damage.message)"
    error.hint = "It is open at the last good commit; stoa recover makes it writable again"
    return error
  }

  /// What was found wrong so far, a sentence each, naming file and offset.
  public var warnings: [String] { inner.withLock { $0.warnings } }

  /// Why writing is refused; `nil` when it is not.
  public var refusal: StoaError? { inner.withLock { $0.refusal } }

  /// Loads of more rows become segments at once.
  public var inlineRowLimit: Int { options.inlineRowLimit }
  /// How segments are written.
  public var segmentOptions: SegmentWriterOptions { options.upkeep.segments }

  /// The newest commit known here.
  public var commit: CommitNumber { inner.withLock { $0.state.commit } }

  /// The newest state. Sees what other processes committed before the call.
  /// - Throws: also when the disk does not say what they committed; an older state is never given out instead.
  public func snapshot() throws(StoaError) -> Snapshot {
    try inner.withLock { inner throws(StoaError) -> Snapshot in
      if inner.isClosed { throw StoaError(.usage, "the warehouse is closed", path: path) }
      if inner.writerCount == 0 { try refresh(&inner) }
      return try makeSnapshot(inner)
    }
  }

  /// Brings the state to the newest commit without reading anything of it, so that an idle process does not keep files that
  /// only earlier versions need.
  public func catchUp() throws(StoaError) {
    try inner.withLock { inner throws(StoaError) in
      if inner.isClosed { throw StoaError(.usage, "the warehouse is closed", path: path) }
      if inner.writerCount == 0 { try refresh(&inner) }
    }
  }

  func makeSnapshot(_ inner: borrowing Inner) throws(StoaError) -> Snapshot {
    try makeSnapshot(inner.state, inner)
  }

  /// The newest state written, whether or not it is durable yet.
  func makeTailSnapshot(_ inner: borrowing Inner) throws(StoaError) -> Snapshot {
    try makeSnapshot(inner.tail, inner)
  }

  private func makeSnapshot(
    _ state: StoreState, _ inner: borrowing Inner
  ) throws(StoaError) -> Snapshot {
    try leases.take(state.commit)
    return Snapshot(
      state: state, references: inner.references,
      lease: SnapshotLease(leases, commit: state.commit), store: self)
  }

  /// Statistics of one table; put together anew for other segments, or when a tenth of the rows in memory is new. Those
  /// of the versions used last are kept.
  func statistics(of table: TableID, in snapshot: Snapshot) throws(StoaError) -> TableStatistics {
    let contents = snapshot.contents(of: table)
    guard let definition = snapshot.catalog.table(table) else {
      return TableStatistics(rowCount: 0)
    }
    let key = KnownStatistics.Key(contents)
    var statistics: TableStatistics
    let known = inner.withLock { $0.statistics[table] }?.last {
      $0.key.isNear(key) && $0.definition == definition
    }
    if let known {
      statistics = known.merged
    } else {
      statistics = TableStatistics.merged(
        definition, try snapshot.readers(of: table), contents.memtables)
      let found = KnownStatistics(key: key, definition: definition, merged: statistics)
      inner.withLock { inner in
        inner.statistics[table] = (inner.statistics[table] ?? []).suffix(3) + [found]
      }
    }
    statistics.rowCount = contents.rowCount
    return statistics
  }

  /// Gives everything back. Rows of a long log are flushed and some merging is done. After a write the log's end
  /// is recorded durably, so that a log that ends earlier is known to be damaged; a long log is checkpointed.
  public func close() throws(StoaError) {
    upkeepBeforeClosing()
    let wasOpen = inner.withLock { inner -> Bool in
      defer { inner.isClosed = true }
      return !inner.isClosed
    }
    guard wasOpen else { return }
    defer { cache.removeAll() }
    history.removeAll()
    try closeCleanly()
    leases.release(inner.withLock { $0.leasedCommit })
  }
}
