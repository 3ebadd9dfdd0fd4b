import Catalog
import Vectors

/// Makes a warehouse in an absent or empty directory. WAREHOUSE is written last, so until then the
/// directory counts as empty and the next attempt begins again.
enum Creation {
  /// - Throws: `.usage` when the directory has contents of somebody else, `.busy` when another process is
  ///   making the warehouse.
  static func run(
    _ layout: StoreLayout, _ fileSystem: any FileSystem, id: WarehouseID, now: Int64
  ) throws(StoaError) {
    if try fileSystem.fileSize(layout.root) == nil {
      try fileSystem.makeDirectory(layout.root)
      try fileSystem.syncDirectory(parent(of: layout.root))
    }
    try requireNothingForeign(layout, fileSystem)
    let lock = try fileSystem.open(layout.lock, .updateOrCreate)
    var attempts = 0
    while try !lock.tryLock(0..<1, .exclusive) {
      // Made meanwhile, and written to.
      if try fileSystem.fileSize(layout.warehouse) != nil { return }
      attempts += 1
      guard attempts < 200 else {
        throw StoaError(.busy, "another process is making this warehouse", path: layout.root)
      }
      pauseMilliseconds(5)
    }
    defer { try? lock.unlock(0..<1) }
    if try fileSystem.fileSize(layout.warehouse) != nil { return }
    try requireNoCommit(layout, fileSystem)
    for path in [layout.logDirectory, layout.checkpointDirectory, layout.segmentsDirectory] {
      try fileSystem.makeDirectory(path)
    }
    _ = try fileSystem.open(layout.leases, .updateOrCreate)
    // An older attempt may have left any of these; none of them counts until WAREHOUSE is there.
    try fileSystem.unlink(layout.tip)
    try write(LogHeader(id: id, number: 1, previousCommit: 0).encoded(), layout.log(1), fileSystem)
    try fileSystem.syncDirectory(layout.logDirectory)
    let checkpoint = CheckpointFile(
      id: id, number: 1, log: 1, logOffset: UInt64(LogHeader.byteCount), state: StoreState())
    try write(checkpoint.encoded(), layout.checkpoint(1), fileSystem)
    try fileSystem.syncDirectory(layout.checkpointDirectory)
    try fileSystem.replace(
      CurrentFile.name, in: layout.root,
      with: CurrentFile(id: id, checkpoint: 1, commit: 0).encoded())
    try fileSystem.replace(
      WarehouseFile.name, in: layout.root, with: WarehouseFile(id: id, created: now).encoded())
  }

  /// Writes a new file and syncs it; its directory is the caller's to sync.
  static func write(
    _ bytes: [UInt8], _ path: String, _ fileSystem: any FileSystem
  ) throws(StoaError) {
    let file = try fileSystem.open(path, .create)
    try file.write(bytes, at: 0)
    try file.sync()
  }

  private static func requireNothingForeign(
    _ layout: StoreLayout, _ fileSystem: any FileSystem
  ) throws(StoaError) {
    guard let names = try fileSystem.list(layout.root) else {
      throw StoaError(.io, "not a directory", path: layout.root)
    }
    let foreign = names.filter { !StoreLayout.ownNames.contains($0) }
    guard foreign.isEmpty else {
      throw StoaError(
        .usage, "the directory is not a warehouse and not empty",
        hint: "Name a new or empty directory", path: layout.root)
    }
  }

  /// What an attempt to make a warehouse leaves has no commit: the first log and checkpoint, and no others. Looked at
  /// under the lock: another process may have made the warehouse meanwhile, and committed.
  private static func requireNoCommit(
    _ layout: StoreLayout, _ fileSystem: any FileSystem
  ) throws(StoaError) {
    let segments = try fileSystem.list(layout.segmentsDirectory) ?? []
    let logs = try fileSystem.list(layout.logDirectory) ?? []
    let checkpoints = try fileSystem.list(layout.checkpointDirectory) ?? []
    let isBegun =
      segments.isEmpty && logs.allSatisfy { "log/\($0)" == layout.relative(layout.log(1)) }
      && checkpoints.allSatisfy {
        "checkpoint/\($0)" == layout.relative(layout.checkpoint(1))
      }
    let logSize = try fileSystem.fileSize(layout.log(1)) ?? 0
    guard isBegun, logSize <= UInt64(LogHeader.byteCount) else {
      throw StoaError(
        .corruption, "the directory holds a warehouse but no \(WarehouseFile.name) file",
        hint: "stoa recover makes it whole again", path: layout.root)
    }
  }

  private static func parent(of path: String) -> String {
    let trimmed = path.hasSuffix("/") ? String(path.dropLast()) : path
    guard let slash = trimmed.lastIndex(of: "/") else { return "." }
    return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
  }
}
