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

  /// Records behind the base, in the order of their commits.
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

  /// Where each log ends, as far as it can be read to its end, and the commit it begins after.
  private var spans: [UInt64: (previous: CommitNumber, last: CommitNumber)] = [:]
  private var currentCheckpoint: UInt64?
  private var tipLog: UInt64 = 0
  private let layout: StoreLayout
  private let fileSystem: any FileSystem
  private let id: WarehouseID
  /// Records up to this commit are of no use: a state with them can be read.
  private var base: CommitNumber
  /// Counts the rows of records.
  private let memory: MemoryReservation

  /// - Parameters:
  ///   - tornLog: the log whose last bytes are a commit that was never acknowledged.
  ///   - currentLog: the log that gets the next record; those behind it are no part of the history.
  ///   - base: the newest commit that opening gives.
  ///   - takesNewest: whether the newest checkpoint is a base too.
  /// - Throws: `.unsupported` for a file of a newer version, what `pulse` throws, and when a directory cannot be read.
  init(
    _ layout: StoreLayout, _ fileSystem: any FileSystem, id: WarehouseID, tornLog: UInt64?,
    currentLog: UInt64?,
    tip: TipFile?, base: CommitNumber, takesNewest: Bool, budget: MemoryBudget,
    pulse: () throws(StoaError) -> Void
  ) throws(StoaError) {
    self.base = base
    memory = MemoryReservation(budget)
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
    if takesNewest, let newest { self.base = max(base, newest.state.commit) }
    let logs = (try fileSystem.list(layout.logDirectory) ?? [])
      .compactMap { StoreLayout.number($0, suffix: ".log") }.sorted()
    for number in logs {
      try pulse()
      try read(log: number, isTorn: number == tornLog)
    }
    try checkSpans(upTo: currentLog)
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

  /// Each log begins where the one before it ends; recovery leaves a number out.
  private mutating func checkSpans(upTo currentLog: UInt64?) throws(StoaError) {
    guard let currentLog else { return }
    for (number, span) in spans.sorted(by: { $0.key < $1.key }) where number < currentLog {
      guard let next = spans[number &+ 1], next.previous != span.last else { continue }
      try found(
        StoaError(
          .corruption,
          "the log ends with commit \(span.last), but the next one goes on after \(next.previous)"),
        layout.log(number))
    }
  }

  private mutating func read(log number: UInt64, isTorn: Bool) throws(StoaError) {
    lastLog = max(lastLog, number)
    let path = layout.log(number)
    let bytes: [UInt8]
    do throws(StoaError) { bytes = try fileSystem.readAll(path) } catch {
      return try found(error, path)
    }
    try count(bytes.count)
    defer { memory.set(to: memory.byteCount - bytes.count) }
    do throws(StoaError) {
      let header = try LogHeader(
        Array(bytes.prefix(LogHeader.byteCount)), id: id, number: number, path: path)
      lastMentioned = max(lastMentioned, header.previousCommit)
      spans[number] = (header.previousCommit, header.previousCommit)
    } catch {
      try found(error, path)
    }
    var offset = LogHeader.byteCount
    var isInDamage = false
    while offset < bytes.count, !LogScan.isZero(bytes, from: offset) {
      do throws(StoaError) {
        let (record, byteCount) = try LogScan.record(
          bytes, at: offset, id: id, number: number, path: path)
        try add(record)
        spans[number]?.last = record.commit
        try checkPadding(bytes, record: offset..<(offset + byteCount), path)
        offset += byteCount
        isInDamage = false
      } catch {
        if error.kind == .resource { throw error }
        // What follows was never acknowledged either.
        if isTorn { break }
        let next = nextRecord(bytes, after: offset)
        var error = error
        error.offset = UInt64(offset)
        spans[number] = nil
        if !isInDamage { try found(error, path) }
        isInDamage = true
        offset = next
      }
    }
  }

  private mutating func add(_ record: LogRecord) throws(StoaError) {
    lastMentioned = max(lastMentioned, record.commit)
    guard record.commit > base else { return }
    try count(record.inlineByteCount + 64 * record.edits.count)
    records.append(record)
  }

  private func count(_ byteCount: Int) throws(StoaError) {
    guard memory.tryResize(to: memory.byteCount + byteCount) else {
      throw StoaError(
        .resource, "out of memory: the commits behind commit \(base) do not fit",
        hint: "Give it more with --memory-limit", path: layout.logDirectory)
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
