import Catalog
import Vectors

/// All commits that can still be read, whatever is damaged between them, and what is damaged.
///
/// A record's checksum is seeded with its log and offset, so one that fits is a commit that was written there; a
/// record after damage is found by looking at every eighth byte.
struct CommitHistory {
  /// A stretch of a file that holds no record.
  struct Damage {
    let path: String
    let offset: UInt64
    let message: String
  }

  /// Records in the order of their commits, without those that the base has.
  private(set) var records: [LogRecord] = []
  /// Damage of logs, of those also that no commit needs any more.
  private(set) var damages: [Damage] = []
  /// The newest commit that any file mentions.
  private(set) var lastMentioned: CommitNumber = 0
  /// The largest numbers of files that are there, good or not, or that some file names: new ones must not take the
  /// place of those before CURRENT is replaced.
  private(set) var lastCheckpoint: UInt64 = 0
  private(set) var lastLog: UInt64 = 0
  /// The newest checkpoint that can be read and was in force once: CURRENT may be of an older day, but a checkpoint whose
  /// log TIP does not know is of a recovery that was stopped.
  private(set) var newest: CheckpointFile?

  private var currentCheckpoint: UInt64?
  private var tipLog: UInt64 = 0
  private let layout: StoreLayout
  private let fileSystem: any FileSystem
  private let id: WarehouseID

  /// - Parameter tornLog: the log whose last bytes are a commit that was never acknowledged.
  /// - Throws: `.unsupported` for a file of a newer version, what `pulse` throws, and when a directory cannot be read.
  init(
    _ layout: StoreLayout, _ fileSystem: any FileSystem, id: WarehouseID, tornLog: UInt64?,
    tip: TipFile?, pulse: () throws(StoaError) -> Void
  ) throws(StoaError) {
    self.layout = layout
    self.fileSystem = fileSystem
    self.id = id
    lastMentioned = tip?.commit ?? 0
    lastLog = tip?.log ?? 0
    tipLog = lastLog
    if let bytes = try? fileSystem.readAll(layout.current, limit: 4096),
      let current = try? CurrentFile(bytes, path: layout.current), current.id == id
    {
      lastCheckpoint = current.checkpoint
      currentCheckpoint = current.checkpoint
      lastMentioned = max(lastMentioned, current.commit)
    }
    for name in try fileSystem.list(layout.checkpointDirectory) ?? [] {
      try pulse()
      if let number = StoreLayout.number(name, suffix: "") { try read(checkpoint: number) }
    }
    let logs = (try fileSystem.list(layout.logDirectory) ?? [])
      .compactMap { StoreLayout.number($0, suffix: ".log") }.sorted()
    for number in logs {
      try pulse()
      try read(log: number, isTorn: number == tornLog)
    }
    var last: CommitNumber = 0
    let all = records.sorted { $0.commit < $1.commit }
    records = []
    for record in all where record.commit > last {
      records.append(record)
      last = record.commit
    }
    lastMentioned = max(lastMentioned, last)
  }

  private mutating func found(_ error: StoaError, _ path: String) throws(StoaError) {
    if error.kind == .unsupported || error.kind == .cancelled { throw error }
    damages.append(Damage(path: path, offset: error.offset ?? 0, message: error.message))
  }

  private mutating func read(checkpoint number: UInt64) throws(StoaError) {
    lastCheckpoint = max(lastCheckpoint, number)
    let path = layout.checkpoint(number)
    do throws(StoaError) {
      let file = try CheckpointFile(
        try fileSystem.readAll(path), id: id, number: number, path: path)
      lastLog = max(lastLog, file.log)
      lastMentioned = max(lastMentioned, file.state.commit)
      let wasInForce = currentCheckpoint.map { number <= $0 } ?? true || tipLog >= file.log
      if wasInForce, newest.map({ $0.state.commit <= file.state.commit }) ?? true { newest = file }
    } catch {
      try found(error, path)
    }
  }

  private mutating func read(log number: UInt64, isTorn: Bool) throws(StoaError) {
    lastLog = max(lastLog, number)
    let path = layout.log(number)
    let bytes: [UInt8]
    do throws(StoaError) { bytes = try fileSystem.readAll(path) } catch {
      return try found(error, path)
    }
    do throws(StoaError) {
      let header = try LogHeader(
        Array(bytes.prefix(LogHeader.byteCount)), id: id, number: number, path: path)
      lastMentioned = max(lastMentioned, header.previousCommit)
    } catch {
      try found(error, path)
    }
    var offset = LogHeader.byteCount
    var isInDamage = false
    while offset < bytes.count, !LogScan.isZero(bytes, from: offset) {
      do throws(StoaError) {
        let (record, byteCount) = try LogScan.record(
          bytes, at: offset, id: id, number: number, path: path)
        records.append(record)
        try checkPadding(bytes, record: offset..<(offset + byteCount), path)
        offset += byteCount
        isInDamage = false
      } catch {
        let next = nextRecord(bytes, after: offset)
        var error = error
        error.offset = UInt64(offset)
        if !isInDamage, !isTorn { try found(error, path) }
        isInDamage = true
        offset = next
      }
    }
  }

  /// A record is followed by zeros up to a multiple of 8, under no checksum.
  private mutating func checkPadding(
    _ bytes: [UInt8], record: Range<Int>, _ path: String
  ) throws(StoaError) {
    var reader = ByteReader(bytes, in: record, path: path)
    try reader.skip(4)
    let end = record.lowerBound + LogRecord.headerByteCount + Int(try reader.u32())
    guard let bad = (end..<record.upperBound).first(where: { bytes[$0] != 0 }) else { return }
    damages.append(
      Damage(path: path, offset: UInt64(bad), message: "a byte between two records is not zero"))
  }

  /// Where the next bytes are that may be a record.
  private func nextRecord(_ bytes: [UInt8], after offset: Int) -> Int {
    let magic = LogRecord.magic
    return bytes.withUnsafeBytes { raw in
      var at = (offset + 8) & ~7
      while at + LogRecord.headerByteCount <= raw.count {
        if raw[at] == magic[0], raw[at + 1] == magic[1], raw[at + 2] == magic[2],
          raw[at + 3] == magic[3]
        {
          return at
        }
        at += 8
      }
      return raw.count
    }
  }
}
