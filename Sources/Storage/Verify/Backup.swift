import Catalog
import Vectors

/// A backup: the state of one commit in a directory of its own, taken while others read and write.
///
/// Segments never change, so they are hard links where the file system allows it, and copies elsewhere; memtables
/// and deleted rows stand in a checkpoint written for the backup. Each backup is complete: an incremental one only
/// spends no space and no reading on segments that the earlier backup has. Nothing opens a backup as a warehouse
/// by accident, because the identity file has another name until `restore` gives it its own. MANIFEST is written
/// when everything else is durable and was read back.
public struct Backup {
  /// The name of WAREHOUSE in a backup.
  static let identityName = "WAREHOUSE.backup"

  /// What was done.
  public struct Summary: Hashable, Sendable {
    public var commit: CommitNumber = 0
    public var fileCount = 0
    public var byteCount: UInt64 = 0
    /// Segments that became hard links, and those taken from the earlier backup.
    public var linkedCount = 0
    public var reusedCount = 0
  }

  let store: TableStore
  let snapshot: Snapshot
  let target: StoreLayout
  let earlier: (directory: String, manifest: BackupManifest)?
  let copies: Bool
  let pulse: () throws(StoaError) -> Void
  private var manifest: BackupManifest
  private var summary = Summary()

  private var fileSystem: any FileSystem { store.fileSystem }

  /// Backs the warehouse up as it is now.
  /// - Parameters:
  ///   - target: a new or empty directory.
  ///   - earlier: the directory of a backup of the same warehouse.
  ///   - copies: copy segments even where they could be linked, to have them twice on the disk.
  ///   - pulse: called between files; throws to end the backup, which is then incomplete.
  /// - Throws: `.corruption` for a damaged segment: a backup holds nothing that could not be read.
  public static func run(
    _ store: TableStore, to target: String, incrementalTo earlier: String? = nil,
    copies: Bool = false,
    pulse: @escaping () throws(StoaError) -> Void = { () throws(StoaError) in }
  ) throws(StoaError) -> Summary {
    let fileSystem = store.fileSystem
    var known: (directory: String, manifest: BackupManifest)?
    if let earlier {
      let manifest = try BackupManifest.read(earlier, fileSystem)
      guard manifest.warehouse == store.id else {
        throw StoaError(.usage, "the earlier backup is of another warehouse", path: earlier)
      }
      known = (earlier, manifest)
    }
    try requireWhole(store)
    try makeEmptyDirectory(target, fileSystem)
    let snapshot = try store.snapshot()
    var backup = Backup(
      store: store, snapshot: snapshot, target: StoreLayout(root: target), earlier: known,
      copies: copies, pulse: pulse,
      manifest: BackupManifest(
        warehouse: store.id, commit: snapshot.commit, timestamp: snapshot.timestamp))
    try backup.run()
    return backup.summary
  }

  /// A backup of the last good commit would pass for one of the newest.
  private static func requireWhole(_ store: TableStore) throws(StoaError) {
    let found = try Recovery(
      layout: store.layout, fileSystem: store.fileSystem, stopsAtTip: true)
    guard let damage = found.damage else { return }
    throw StoaError(
      .corruption, "a damaged warehouse is not backed up: \(damage.message)",
      hint: "stoa verify says what is affected", path: damage.path, offset: damage.offset)
  }

  /// A new directory, or one with nothing in it.
  static func makeEmptyDirectory(
    _ path: String, _ fileSystem: any FileSystem
  ) throws(StoaError) {
    if let names = try fileSystem.list(path) {
      guard names.isEmpty else {
        throw StoaError(
          .usage, "the directory is not empty", hint: "Name a new or empty directory", path: path)
      }
    } else {
      try fileSystem.makeDirectory(path)
    }
    try fileSystem.syncDirectory(parent(of: path))
  }

  static func parent(of path: String) -> String {
    var trimmed = path[...]
    while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
    guard let slash = trimmed.lastIndex(of: "/") else { return "." }
    return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
  }

  private mutating func run() throws(StoaError) {
    for path in [target.logDirectory, target.checkpointDirectory, target.segmentsDirectory] {
      try fileSystem.makeDirectory(path)
    }
    for table in snapshot.catalog.sortedTables { try addSegments(of: table) }
    try fileSystem.syncDirectory(target.segmentsDirectory)
    try addState()
    try fileSystem.syncDirectory(target.root)
    try Backup.requireGood(manifest, target.root, fileSystem, except: reused, pulse: pulse)
    try fileSystem.replace(BackupManifest.name, in: target.root, with: manifest.encoded())
    summary.commit = snapshot.commit
    summary.fileCount = manifest.files.count
    summary.byteCount = manifest.files.reduce(0) { $0 + $1.byteCount }
  }

  /// Paths that the earlier backup vouches for.
  private var reused: Set<String> {
    Set(earlier?.manifest.files.map(\.path) ?? [])
      .intersection(manifest.files.map(\.path)).filter { $0.hasSuffix(".seg") }
  }

  private mutating func addSegments(of table: TableDefinition) throws(StoaError) {
    let segments = snapshot.segments(of: table.id)
    guard !segments.isEmpty else { return }
    try fileSystem.makeDirectory(target.tableDirectory(table.id))
    for segment in segments {
      try pulse()
      try add(segment, of: table)
    }
    try fileSystem.syncDirectory(target.tableDirectory(table.id))
  }

  private mutating func add(
    _ segment: SegmentReference, of table: TableDefinition
  ) throws(StoaError) {
    let description = segment.description
    let path = target.segment(table.id, description.id)
    let name = target.relative(path)
    if let earlier, let entry = earlier.manifest.files.first(where: { $0.path == name }),
      entry.byteCount == description.byteCount,
      (try? fileSystem.fileSize("\(earlier.directory)/\(name)")) == entry.byteCount
    {
      // Ids of segments are used once, so the same name is the same segment.
      let isLinked = !copies && link("\(earlier.directory)/\(name)", path)
      if !isLinked {
        let found = try FileCopy(fileSystem: fileSystem).copy(
          "\(earlier.directory)/\(name)", to: path)
        guard found.checksum == entry.checksum else {
          throw StoaError(
            .corruption, "the file is not the one in the manifest of the earlier backup",
            path: "\(earlier.directory)/\(name)")
        }
      }
      manifest.files.append(entry)
      summary.reusedCount += 1
      return
    }
    try SegmentVerifier.checkBytes(segment, table, store: store, pulse: pulse)
    let copier = FileCopy(fileSystem: fileSystem)
    let found: (checksum: UInt64, byteCount: UInt64)
    if !copies, link(segment.path, path) {
      summary.linkedCount += 1
      found = try copier.checksum(path)
    } else {
      found = try copier.copy(segment.path, to: path)
    }
    manifest.files.append(
      BackupManifest.Entry(path: name, byteCount: found.byteCount, checksum: found.checksum))
  }

  /// Gives the file a second name; false where that is not possible, as between two disks.
  private func link(_ source: String, _ path: String) -> Bool {
    (try? fileSystem.link(source, to: path)) != nil
  }

  /// The checkpoint of the state, an empty log behind it, and the files that lead there.
  private mutating func addState() throws(StoaError) {
    let start = UInt64(LogHeader.byteCount)
    let id = store.id
    try write(
      LogHeader(
        id: id, number: 1, previousCommit: snapshot.commit, previousTimestamp: snapshot.timestamp
      ).encoded(), target.log(1))
    try fileSystem.syncDirectory(target.logDirectory)
    // Earlier versions stay behind; how long later ones are kept is set as it was.
    var state = snapshot.state
    if state.retention.isOn {
      state.retention = Retention()
      state.retention.set(
        snapshot.state.retention.microseconds, commit: state.commit, timestamp: state.timestamp)
    }
    let checkpoint = CheckpointFile(id: id, number: 1, log: 1, logOffset: start, state: state)
    try write(checkpoint.encoded(), target.checkpoint(1))
    try fileSystem.syncDirectory(target.checkpointDirectory)
    try write(
      CurrentFile(id: id, checkpoint: 1, commit: snapshot.commit).encoded(), target.current)
    try write(
      TipFile(id: id, isClosed: true, log: 1, offset: start, commit: snapshot.commit).encoded(),
      target.tip)
    try write(
      WarehouseFile(id: id, created: snapshot.timestamp).encoded(),
      "\(target.root)/\(Backup.identityName)")
  }

  private mutating func write(_ bytes: [UInt8], _ path: String) throws(StoaError) {
    try Creation.write(bytes, path, fileSystem)
    let found = try FileCopy(fileSystem: fileSystem).checksum(path)
    manifest.files.append(
      BackupManifest.Entry(
        path: target.relative(path), byteCount: UInt64(bytes.count), checksum: found.checksum))
  }

  /// Reads files back.
  /// - Throws: for the first that is not what the manifest says.
  static func requireGood(
    _ manifest: BackupManifest, _ directory: String, _ fileSystem: any FileSystem,
    except trusted: Set<String> = [], pulse: () throws(StoaError) -> Void
  ) throws(StoaError) {
    for entry in manifest.files where !trusted.contains(entry.path) {
      try pulse()
      try requireGood(entry, directory, fileSystem)
    }
  }

  static func requireGood(
    _ entry: BackupManifest.Entry, _ directory: String, _ fileSystem: any FileSystem
  ) throws(StoaError) {
    let path = "\(directory)/\(entry.path)"
    let found = try FileCopy(fileSystem: fileSystem).checksum(path)
    guard found.byteCount == entry.byteCount, found.checksum == entry.checksum else {
      throw StoaError(.corruption, "the file is not the one in the manifest", path: path)
    }
  }
}
