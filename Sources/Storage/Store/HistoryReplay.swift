import Catalog
import Vectors

/// One log file of the history, read whole.
struct HistoryLog {
  /// What the header of a record says; not yet checked against its checksum.
  struct RecordHeader {
    var offset: Int
    var commit: CommitNumber
    var timestamp: Int64
  }

  let header: LogHeader
  let bytes: [UInt8]
  let path: String
  let id: WarehouseID

  init(_ files: HistoryFiles, number: UInt64) throws(StoaError) {
    path = files.layout.log(number)
    id = files.id
    bytes = try files.fileSystem.readAll(path)
    header = try LogHeader(
      Array(bytes.prefix(LogHeader.byteCount)), id: files.id, number: number, path: path)
  }

  /// Headers of the records, as far as they follow each other. A writer may be at work behind the last one.
  var headers: [RecordHeader] {
    var headers: [RecordHeader] = []
    var offset = LogHeader.byteCount
    var next = header.previousCommit &+ 1
    while offset + LogRecord.headerByteCount <= bytes.count {
      var reader = ByteReader(
        Array(bytes[offset..<(offset + LogRecord.headerByteCount)]), path: path)
      guard let magic = try? reader.take(4), magic == LogRecord.magic,
        let byteCount = try? reader.u32(), let commit = try? reader.u64(), commit == next,
        let timestamp = try? reader.u64()
      else { break }
      let end = (offset + LogRecord.headerByteCount + Int(byteCount) + 7) & ~7
      guard end <= bytes.count else { break }
      headers.append(
        RecordHeader(offset: offset, commit: commit, timestamp: Int64(bitPattern: timestamp)))
      offset = end
      next &+= 1
    }
    return headers
  }

  /// The record at `offset`, its checksum verified.
  func record(at offset: Int) throws(StoaError) -> LogRecord {
    try LogScan.record(bytes, at: offset, id: id, number: header.number, path: path).record
  }
}

/// Goes through the commits from a checkpoint on, with the state before and after each.
struct HistoryReplay {
  private let files: HistoryFiles
  private(set) var state = StoreState()
  /// The log with the record after `state`.
  private var log: UInt64 = 0
  private let memory: MemoryReservation

  /// - Parameter memory: counts the log file that is read and the rows of memtables, at the end only these.
  init(_ files: HistoryFiles, memory: MemoryReservation) {
    self.files = files
    self.memory = memory
  }

  private func count(_ log: HistoryLog? = nil) throws(StoaError) {
    try memory.resize(
      to: state.memtableByteCount &+ (log?.bytes.count ?? 0), for: "an earlier version")
  }

  /// Takes the newest state that is not after `commit`: of a checkpoint, or `known` if that is newer.
  /// - Throws: `.corruption` when there is none that can be read.
  mutating func begin(at commit: CommitNumber, known: StoreState? = nil) throws(StoaError) {
    var checkpoints = files.checkpoints()
    var damage: StoaError?
    while let number = files.last(of: checkpoints, notAfter: commit, .missing) {
      checkpoints.removeAll { $0 >= number }
      let path = files.layout.checkpoint(number)
      do throws(StoaError) {
        let file = try CheckpointFile(
          try files.fileSystem.readAll(path), id: files.id, number: number, path: path)
        state = file.state
        log = file.log
        break
      } catch {
        guard error.kind != .unsupported else { throw error }
        damage = damage ?? error
      }
    }
    if let known, known.commit > state.commit || log == 0, known.commit <= commit {
      state = known
      log = files.last(ofLogs: files.logs(), notAfter: known.commit, .missing)?.number ?? 0
    }
    guard log > 0 else {
      throw damage
        ?? StoaError(
          .corruption, "no checkpoint leads to version \(commit)",
          path: files.layout.checkpointDirectory)
    }
  }

  /// Applies commits up to `last`.
  /// - Throws: what the log cannot give, and `.resource` when the version does not fit into memory.
  mutating func run(to last: CommitNumber) throws(StoaError) {
    try run(to: last, copies: false) { (_, _, _) throws(StoaError) in }
  }

  /// Applies commits up to `last` and shows each, with the states before and after it.
  /// - Throws: what the log cannot give, and what `visit` throws.
  mutating func walk(
    to last: CommitNumber,
    _ visit: (LogRecord, _ before: StoreState, _ after: StoreState) throws(StoaError) -> Void
  ) throws(StoaError) {
    try run(to: last, copies: true, visit)
  }

  private mutating func run(
    to last: CommitNumber, copies: Bool,
    _ visit: (LogRecord, _ before: StoreState, _ after: StoreState) throws(StoaError) -> Void
  ) throws(StoaError) {
    try count()
    while state.commit < last {
      let current = try HistoryLog(files, number: log)
      try count(current)
      let start = state.commit
      guard current.header.previousCommit <= start else {
        throw StoaError(.corruption, "the log begins after commit \(start)", path: current.path)
      }
      for header in current.headers where header.commit > start && header.commit <= last {
        let record = try current.record(at: header.offset)
        let before = copies ? state : nil
        do throws(StoaError) {
          try state.apply(record.edits, commit: record.commit, timestamp: record.timestamp)
        } catch {
          throw StoaError(
            .corruption, "commit \(record.commit) contradicts the state: \(error.message)",
            path: current.path, offset: UInt64(header.offset))
        }
        if record.inlineByteCount > 0 { try count(current) }
        if let before { try visit(record, before, state) }
      }
      guard state.commit < last else { return try count() }
      guard let next = files.logHeader(log &+ 1), next.previousCommit == state.commit else {
        throw StoaError(
          .corruption, "the log ends at commit \(state.commit), before \(last)",
          path: current.path)
      }
      log &+= 1
    }
  }
}
