import Catalog
import Vectors

// From a backup to a warehouse, and the check of a backup. Files are copied, never linked, so that the backup stays
// what it is; each copy is compared with the manifest. WAREHOUSE is written last: what an interrupted restore
// leaves does not open.
extension Backup {
  /// Whether a directory is a backup, complete or not, rather than a warehouse.
  public static func isBackup(
    _ path: String, fileSystem: any FileSystem = RealFileSystem.shared
  ) -> Bool {
    let names = (try? fileSystem.list(path)) ?? nil
    guard let names, !names.contains(WarehouseFile.name) else { return false }
    return names.contains(BackupManifest.name) || names.contains(identityName)
  }

  /// Compares every file with the manifest and goes on past damage.
  /// - Throws: when there is no manifest, or what `pulse` throws.
  public static func verify(
    _ directory: String, fileSystem: any FileSystem = RealFileSystem.shared,
    pulse: () throws(StoaError) -> Void = { () throws(StoaError) in }
  ) throws(StoaError) -> VerifyReport {
    let manifest = try BackupManifest.read(directory, fileSystem)
    var report = VerifyReport()
    for entry in manifest.files {
      try pulse()
      report.fileCount += 1
      report.byteCount += entry.byteCount
      do throws(StoaError) {
        try requireGood(entry, directory, fileSystem)
      } catch {
        report.findings.append(VerifyFinding(.error, entry.path, error.message))
      }
    }
    return report
  }

  /// Makes a warehouse of a backup.
  /// - Parameter target: a new or empty directory.
  /// - Throws: `.corruption` when the backup is incomplete or damaged; `target` is then no warehouse.
  public static func restore(
    _ directory: String, to target: String, fileSystem: any FileSystem = RealFileSystem.shared,
    pulse: () throws(StoaError) -> Void = { () throws(StoaError) in }
  ) throws(StoaError) -> Summary {
    let manifest = try BackupManifest.read(directory, fileSystem)
    try makeEmptyDirectory(target, fileSystem)
    let layout = StoreLayout(root: target)
    for path in [layout.logDirectory, layout.checkpointDirectory, layout.segmentsDirectory] {
      try fileSystem.makeDirectory(path)
    }
    var directories: Set<String> = []
    let copier = FileCopy(fileSystem: fileSystem)
    for entry in manifest.files where entry.path != identityName {
      try pulse()
      let path = "\(target)/\(entry.path)"
      let folder = parent(of: path)
      if directories.insert(folder).inserted { try fileSystem.makeDirectory(folder) }
      let found = try copier.copy("\(directory)/\(entry.path)", to: path)
      guard found.byteCount == entry.byteCount, found.checksum == entry.checksum else {
        throw StoaError(
          .corruption, "the file is not the one in the manifest",
          hint: "stoa verify on the backup lists all damage",
          path: "\(directory)/\(entry.path)")
      }
      try requireGood(entry, target, fileSystem)
    }
    _ = try fileSystem.open(layout.leases, .updateOrCreate)
    for folder in directories.sorted() + [layout.segmentsDirectory, target] {
      try fileSystem.syncDirectory(folder)
    }
    try finish(manifest, directory, layout, fileSystem)
    var summary = Summary()
    summary.commit = manifest.commit
    summary.fileCount = manifest.files.count
    summary.byteCount = manifest.files.reduce(0) { $0 + $1.byteCount }
    return summary
  }

  /// The last step, after which the warehouse opens; then it is opened.
  private static func finish(
    _ manifest: BackupManifest, _ directory: String, _ layout: StoreLayout,
    _ fileSystem: any FileSystem
  ) throws(StoaError) {
    guard let identity = manifest.files.first(where: { $0.path == identityName }) else {
      throw StoaError(.corruption, "the backup lacks \(identityName)", path: directory)
    }
    try requireGood(identity, directory, fileSystem)
    let bytes = try fileSystem.readAll("\(directory)/\(identityName)")
    guard try WarehouseFile(bytes, path: layout.warehouse).id == manifest.warehouse else {
      throw StoaError(.corruption, "the backup is of several warehouses", path: directory)
    }
    try fileSystem.replace(WarehouseFile.name, in: layout.root, with: bytes)
    let found = try Recovery(layout: layout, fileSystem: fileSystem, stopsAtTip: false)
    if let damage = found.damage { throw damage }
    guard found.state.commit == manifest.commit else {
      throw StoaError(
        .corruption,
        "the restored warehouse is at commit \(found.state.commit) instead of"
          + " \(manifest.commit)", path: layout.root)
    }
  }
}
