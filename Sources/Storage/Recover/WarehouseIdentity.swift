import Catalog
import Vectors

/// Whose files these are: from WAREHOUSE, or any other file that says it under a checksum that fits.
struct WarehouseIdentity {
  let id: WarehouseID
  /// Why WAREHOUSE itself does not say it; `nil` when it does.
  let damage: StoaError?

  /// - Throws: `.unsupported` for files of a newer version, `.usage` when the directory is none of ours, `.corruption`
  ///   when no file says it.
  static func find(
    _ layout: StoreLayout, _ fileSystem: any FileSystem
  ) throws(StoaError) -> WarehouseIdentity {
    let names = try fileSystem.list(layout.root)
    guard let names else {
      throw StoaError(.io, "there is no warehouse here", path: layout.root)
    }
    guard !Backup.isBackup(layout.root, fileSystem: fileSystem) else {
      throw StoaError(
        .usage, "this is a backup", hint: "stoa restore makes a warehouse of it", path: layout.root)
    }
    guard names.contains(WarehouseFile.name) || names.contains("checkpoint") else {
      throw StoaError(.usage, "the directory is not a warehouse", path: layout.root)
    }
    let damage: StoaError
    do throws(StoaError) {
      let bytes = try fileSystem.readAll(layout.warehouse, limit: 4096)
      let file = try WarehouseFile(bytes, path: layout.warehouse)
      guard bytes.count == WarehouseFile.byteCount else {
        throw StoaError(
          .corruption, "the file has \(bytes.count) bytes", path: layout.warehouse)
      }
      return WarehouseIdentity(id: file.id, damage: nil)
    } catch {
      if error.kind == .unsupported { throw error }
      damage = error
    }
    for claim in try claims(layout, fileSystem) {
      if let id = try claim.id(fileSystem) { return WarehouseIdentity(id: id, damage: damage) }
    }
    throw StoaError(
      .corruption, "no file says whose warehouse this is", hint: "Restore a backup",
      path: layout.root)
  }

  /// A file that says whose it is in its first 64 bytes.
  private struct Claim {
    let path: String
    let magic: [UInt8]
    /// `nil` for CURRENT, whose checksum has no seed.
    var kind: BlockIdentity.FileKind?
    var table: TableID = 0
    var number: UInt64 = 0

    /// The id, when the checksum made with it fits.
    func id(_ fileSystem: any FileSystem) throws(StoaError) -> WarehouseID? {
      do throws(StoaError) {
        let head = try fileSystem.open(path, .read).readBuffer(at: 0, byteCount: 64)
        let bytes = [UInt8](head.bytes)
        let id = WarehouseID(bytes: Array(bytes[16..<32]))
        let seed = kind.map { BlockIdentity(id, $0, table: table, file: number).seed }
        _ = try checkedReader(bytes, magic: magic, byteCount: 64, seed: seed ?? 0, path: path)
        return id
      } catch {
        if error.kind == .unsupported { throw error }
        return nil
      }
    }
  }

  /// Files that may say it, the likeliest first.
  private static func claims(
    _ layout: StoreLayout, _ fileSystem: any FileSystem
  ) throws(StoaError) -> [Claim] {
    var claims = [Claim(path: layout.current, magic: CurrentFile.magic)]
    for name in try fileSystem.list(layout.checkpointDirectory) ?? [] {
      guard let number = StoreLayout.number(name, suffix: "") else { continue }
      claims.append(
        Claim(
          path: layout.checkpoint(number), magic: CheckpointFile.magic, kind: .checkpoint,
          number: number))
    }
    for name in try fileSystem.list(layout.logDirectory) ?? [] {
      guard let number = StoreLayout.number(name, suffix: ".log") else { continue }
      claims.append(
        Claim(path: layout.log(number), magic: LogHeader.magic, kind: .log, number: number))
    }
    for directory in try fileSystem.list(layout.segmentsDirectory) ?? [] {
      guard let table = TableID(directory) else { continue }
      for name in try fileSystem.list(layout.tableDirectory(table)) ?? [] {
        guard let number = StoreLayout.number(name, suffix: ".seg") else { continue }
        claims.append(
          Claim(
            path: layout.segment(table, number), magic: SegmentHeader.magic, kind: .segment,
            table: table, number: number))
      }
    }
    return claims
  }
}
