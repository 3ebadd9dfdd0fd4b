import Catalog
import Encodings
import Vectors

/// Prints any file of a warehouse in the field names of the byte diagrams. Goes on past damage, which it
/// reports in lines that begin with `damaged:`; needs nothing but the file itself.
public struct Inspector {
  let fileSystem: any FileSystem
  let output: (String) -> Void

  /// Inspects the file (or warehouse directory) at `path`.
  /// - Throws: only when the file cannot be read at all, or is none of ours.
  public static func inspect(
    _ path: String, fileSystem: any FileSystem = RealFileSystem.shared,
    output: @escaping (String) -> Void
  ) throws(StoaError) {
    let inspector = Inspector(fileSystem: fileSystem, output: output)
    if let names = try fileSystem.list(path) { return try inspector.directory(path, names) }
    try inspector.file(path)
  }

  /// The small files of a warehouse, then the checkpoint and the log in force.
  private func directory(_ path: String, _ names: [String]) throws(StoaError) {
    guard names.contains(WarehouseFile.name) else {
      throw StoaError(.usage, "the directory is not a warehouse", path: path)
    }
    for name in [WarehouseFile.name, CurrentFile.name, TipFile.name] where names.contains(name) {
      try file("\(path)/\(name)")
    }
    for folder in ["checkpoint", "log"] {
      for name in try fileSystem.list("\(path)/\(folder)") ?? [] {
        try file("\(path)/\(folder)/\(name)")
      }
    }
  }

  private func file(_ path: String) throws(StoaError) {
    let file = try fileSystem.open(path, .read)
    let size = try file.size()
    let head = try file.readBuffer(at: 0, byteCount: Int(min(8, size)))
    let magic = [UInt8](head.bytes)
    switch magic {
    case SegmentHeader.magic: return try segment(file, size: size)
    case WarehouseFile.magic: output("warehouse file \(path), \(size) bytes")
    case CurrentFile.magic: output("current file \(path), \(size) bytes")
    case TipFile.magic: output("tip file \(path), \(size) bytes")
    case LogHeader.magic: output("log file \(path), \(size) bytes")
    case CheckpointFile.magic: output("checkpoint file \(path), \(size) bytes")
    default: return try unknown(file, size: size)
    }
    let bytes = try fileSystem.readAll(path)
    attempt {
      () throws(StoaError) in
      switch magic {
      case WarehouseFile.magic: try warehouse(bytes, path)
      case CurrentFile.magic: try current(bytes, path)
      case TipFile.magic: try tip(bytes, path)
      case LogHeader.magic: try log(bytes, path)
      default: try checkpoint(bytes, path)
      }
    }
  }

  /// A segment may have lost its beginning and still have its end.
  private func unknown(_ file: any File, size: UInt64) throws(StoaError) {
    let trailer = UInt64(SegmentFooter.trailerByteCount)
    if size >= trailer {
      let tail = try file.readBuffer(at: size - 8, byteCount: 8)
      if [UInt8](tail.bytes) == SegmentFooter.endMagic { return try segment(file, size: size) }
    }
    if file.path.hasSuffix(".seg") { return try segment(file, size: size) }
    if try named(file, size: size) { return }
    throw StoaError(
      .corruption, "the file begins like no file of a warehouse", path: file.path, offset: 0)
  }

  /// Runs `body`; an error becomes a line.
  func attempt(_ body: () throws(StoaError) -> Void) {
    do throws(StoaError) {
      try body()
    } catch {
      output("damaged: \(error)")
    }
  }

  /// `good` or `damaged`, for a checksum.
  static func verdict(_ isGood: Bool) -> String { isGood ? "good" : "damaged" }
}

// The small files and the log.
extension Inspector {
  /// A file whose beginning is damaged, or that has no fields, is told by its name; false for other names.
  private func named(_ file: any File, size: UInt64) throws(StoaError) -> Bool {
    let path = file.path
    let parts = path.split(separator: "/").map(String.init)
    let name = parts.last ?? ""
    let folder = parts.dropLast().last ?? ""
    let kind: String
    let describe: ([UInt8], String) throws(StoaError) -> Void
    switch name {
    case WarehouseFile.name: (kind, describe) = ("warehouse", warehouse)
    case CurrentFile.name: (kind, describe) = ("current", current)
    case TipFile.name: (kind, describe) = ("tip", tip)
    case "LOCK": (kind, describe) = ("lock", lock)
    case "LEASES": (kind, describe) = ("leases", { (_, _) throws(StoaError) in })
    case _ where name.hasSuffix(".log"): (kind, describe) = ("log", log)
    case _ where folder == "checkpoint" && UInt64(name) != nil:
      (kind, describe) = ("checkpoint", checkpoint)
    default: return false
    }
    output("\(kind) file \(path), \(size) bytes")
    let bytes = try fileSystem.readAll(path)
    attempt { () throws(StoaError) in
      if kind != "lock" && kind != "leases" {
        output("damaged: the file does not begin as it should (file \(path), offset 0)")
      }
      try describe(bytes, path)
    }
    return true
  }

  /// Empty, or the process id of the last writer.
  private func lock(_ bytes: [UInt8], _ path: String) throws(StoaError) {
    let text = String(decoding: bytes.prefix(20).prefix { $0 &- 0x30 <= 9 }, as: UTF8.self)
    output("  last writer " + (text.isEmpty ? "none" : "process id \(text)"))
  }

  /// The fields that every file begins with; the checksum is judged with `seed`.
  private func head(_ bytes: [UInt8], _ path: String, seed: UInt64) throws(StoaError) -> WarehouseID
  {
    var reader = ByteReader(bytes, path: path)
    try reader.skip(8)
    let version = try reader.u32()
    try reader.skip(4)
    let id = WarehouseID(bytes: try reader.take(16))
    output("  magic \(String(decoding: bytes.prefix(8), as: UTF8.self).filter { $0 != "\0" })")
    output("  version \(version)")
    output("  warehouse id \(id)")
    var tail = ByteReader(bytes, path: path)
    try tail.skip(56)
    let isGood = try tail.u64() == Checksum.compute(Array(bytes.prefix(56)), seed: seed)
    output("  checksum \(Inspector.verdict(isGood))")
    return id
  }

  /// The warehouse id at its place, before anything is verified.
  private func claimedID(_ bytes: [UInt8]) -> WarehouseID {
    WarehouseID(bytes: Array(bytes.dropFirst(16).prefix(16)))
  }

  private func u64(_ bytes: [UInt8], at offset: Int, _ path: String) throws(StoaError) -> UInt64 {
    var reader = ByteReader(bytes, path: path)
    try reader.skip(offset)
    return try reader.u64()
  }

  private func warehouse(_ bytes: [UInt8], _ path: String) throws(StoaError) {
    _ = try head(bytes, path, seed: 0)
    output("  created \(Int64(bitPattern: try u64(bytes, at: 32, path))) µs since 1970")
  }

  private func current(_ bytes: [UInt8], _ path: String) throws(StoaError) {
    _ = try head(bytes, path, seed: 0)
    output("  checkpoint number \(try u64(bytes, at: 32, path))")
    output("  commit number \(try u64(bytes, at: 40, path))")
  }

  private func tip(_ bytes: [UInt8], _ path: String) throws(StoaError) {
    _ = try head(bytes, path, seed: BlockIdentity(claimedID(bytes), .tip, file: 0).seed)
    output("  closed cleanly \(bytes.count > 12 && bytes[12] & 1 == 1)")
    output("  log number \(try u64(bytes, at: 32, path))")
    output("  offset \(try u64(bytes, at: 40, path))")
    output("  commit number \(try u64(bytes, at: 48, path))")
  }

  private func log(_ bytes: [UInt8], _ path: String) throws(StoaError) {
    let number = try u64(bytes, at: 32, path)
    let id = try head(bytes, path, seed: BlockIdentity(claimedID(bytes), .log, file: number).seed)
    output("  log number \(number)")
    output("  previousCommit \(try u64(bytes, at: 40, path))")
    var offset = LogHeader.byteCount
    var isInDamage = false
    while offset < bytes.count {
      if LogScan.isZero(bytes, from: offset) {
        output("\(bytes.count - offset) bytes of zeros written ahead at \(offset)")
        return
      }
      do throws(StoaError) {
        let found = try LogScan.record(bytes, at: offset, id: id, number: number, path: path)
        isInDamage = false
        record(found.record, offset, found.byteCount)
        offset += found.byteCount
      } catch {
        // Records begin at multiples of 8; the next good one may follow.
        if !isInDamage { output("damaged: \(error)") }
        isInDamage = true
        offset += 8
      }
    }
  }

  private func record(_ record: LogRecord, _ offset: Int, _ byteCount: Int) {
    output("record at \(offset), \(byteCount) bytes")
    output("  commit number \(record.commit)")
    output("  timestamp \(record.timestamp) µs since 1970")
    output("  editCount \(record.edits.count)")
    for edit in record.edits { self.edit(edit) }
  }

  private func checkpoint(_ bytes: [UInt8], _ path: String) throws(StoaError) {
    let number = try u64(bytes, at: 32, path)
    let id = claimedID(bytes)
    _ = try head(bytes, path, seed: BlockIdentity(id, .checkpoint, file: number).seed)
    output("  checkpoint number \(number)")
    output("  commit number \(try u64(bytes, at: 40, path))")
    output("  byteCount \(try u64(bytes, at: 48, path))")
    let file = try CheckpointFile(bytes, id: id, number: number, path: path)
    output("body, checksum good")
    output("  timestamp \(file.state.timestamp) µs since 1970")
    output("  log number \(file.log)")
    output("  log offset \(file.logOffset)")
    output("  nextSegmentID \(file.state.nextSegmentID)")
    output("  nextTableID \(file.state.catalog.nextTableID)")
    for edit in file.state.edits { self.edit(edit) }
  }

  /// A table as one edit makes it.
  private func definition(_ table: TableDefinition, _ verb: String) {
    output("  \(verb) table id \(table.id) \"\(table.name)\" sort key \(table.sortKey)")
    for column in table.columns {
      output(
        "    column id \(column.id) \"\(column.name)\" \(column.type)"
          + (column.isNullable ? "" : " NOT NULL"))
    }
    for key in table.keys {
      output("    \(key.isPrimary ? "primary" : "unique") key columns \(key.columns)")
    }
    for key in table.foreignKeys {
      output(
        "    foreign key columns \(key.columns) references table \(key.referencedTable)"
          + " columns \(key.referencedColumns)" + (key.isValidated ? "" : " not valid"))
    }
    for check in table.checks {
      output("    check (\(check.text))" + (check.isValidated ? "" : " not valid"))
    }
  }

  private func definition(_ object: CatalogObject, _ verb: String) {
    output("  \(verb) \(object.word) id \(object.id) name \(object.name) schema \(object.schema)")
    switch object {
    case .schema: break
    case .view(let view):
      output("    columns \(view.columns.joined(separator: ", ")) reads \(view.dependencies)")
      output("    query \(view.text)")
    case .type(let type): output("    labels \(type.type.count)")
    case .sequence(let sequence):
      output(
        "    start \(sequence.start) increment \(sequence.increment) minimum \(sequence.minimum)"
          + " maximum \(sequence.maximum) generation \(sequence.generation)")
    }
  }

  private func edit(_ edit: LogEdit) {
    switch edit {
    case .catalog(.createTable(let table)): definition(table, "create")
    case .catalog(.alterTable(let table)): definition(table, "alter")
    case .catalog(.dropTable(let id)): output("  drop table id \(id)")
    case .catalog(.createObject(let object)): definition(object, "create")
    case .catalog(.alterObject(let object)): definition(object, "alter")
    case .catalog(.dropObject(let id)): output("  drop object id \(id)")
    case .addSegment(let segment):
      output(
        "  add segment table \(segment.table) id \(segment.id) byteCount \(segment.byteCount)"
          + " rowCount \(segment.rowCount) commit \(segment.commit) load \(segment.load)"
          + " footerChecksum \(String(segment.footerChecksum, radix: 16))")
    case .removeSegment(let table, let id): output("  remove segment table \(table) id \(id)")
    case .deleteRows(let table, let id, let deleted):
      output("  delete rows table \(table) segment \(id) count \(deleted.count)")
    case .insertRows(let table, let id, let block):
      output(
        "  insert rows table \(table) memtable \(id) rowCount \(block.rowCount)"
          + " columns \(block.columns)")
    case .reserveIDs(let next): output("  reserve ids next \(next)")
    case .setProperty(let property, let value): output("  set \(property) \(value)")
    case .keepFrom(let commit, let timestamp):
      output("  keep from commit \(commit) timestamp \(timestamp)")
    case .advanceSequence(let id, let generation, let position):
      output(
        "  numbers of sequence \(id) generation \(generation) last \(position.last)"
          + " called \(position.isCalled)")
    case .retire(let retired):
      let segment = retired.segment
      output(
        "  retired segment \(segment.id) of table \(segment.table) rows \(segment.rowCount)"
          + " removed by commit \(retired.removedBy) timestamp \(retired.removedAt)")
    }
  }
}
