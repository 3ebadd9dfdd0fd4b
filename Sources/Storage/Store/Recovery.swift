import Catalog
import Vectors

/// Finds the newest state that can be read, and says what could not be.
///
/// Nothing is written. The order: WAREHOUSE, TIP, CURRENT, the checkpoint it names, the log from there. A
/// damaged CURRENT or checkpoint is replaced by an older checkpoint and the logs since; any damage to what
/// was acknowledged makes the result read-only, a torn tail nobody was promised does not.
struct Recovery {
  let layout: StoreLayout
  let fileSystem: any FileSystem

  var id = WarehouseID(bytes: [])
  var state = StoreState()
  /// Number of the checkpoint the state began with.
  var checkpoint: UInt64 = 0
  /// The commit of that checkpoint.
  var checkpointCommit: CommitNumber = 0
  /// The log file that gets the next record, and where its good records end.
  var log: UInt64 = 0
  var logEnd: UInt64 = 0
  var logFileSize: UInt64 = 0
  var tip: TipFile?
  /// Set when acknowledged bytes are unreadable: the first such finding.
  var damage: StoaError?
  /// One sentence per finding, naming file and offset.
  var warnings: [String] = []
  var isTailTorn = false

  /// Reads everything.
  /// - Parameters:
  ///   - stopsAtTip: read the log no further than TIP says, because another process is writing.
  /// - Throws: when there is no warehouse, a file is of a newer version, or reading fails.
  ///   - knownID: whose files they are when WAREHOUSE cannot say it.
  init(
    layout: StoreLayout, fileSystem: any FileSystem, stopsAtTip: Bool,
    knownID: WarehouseID? = nil
  ) throws(StoaError) {
    self.layout = layout
    self.fileSystem = fileSystem
    if let knownID { id = knownID } else { try readWarehouse() }
    tip = Recovery.readTip(layout, fileSystem, id: id)
    if tip == nil { try requireKnownTip() }
    let checkpoints = try candidates()
    var isFirst = true
    for number in checkpoints {
      if try read(checkpoint: number, isInForce: isFirst && damage == nil, stopsAtTip: stopsAtTip) {
        try compareWithTip()
        return
      }
      isFirst = false
    }
    throw damage
      ?? StoaError(.corruption, "no checkpoint can be read", path: layout.checkpointDirectory)
  }

  /// TIP, or `nil` when it is missing, damaged or being written.
  static func readTip(
    _ layout: StoreLayout, _ fileSystem: any FileSystem, id: WarehouseID
  ) -> TipFile? {
    for _ in 0..<3 {
      guard let bytes = try? fileSystem.readAll(layout.tip, limit: 4096) else { return nil }
      if let tip = try? TipFile(bytes, id: id, path: layout.tip) { return tip }
    }
    return nil
  }

  /// A TIP that cannot be read may be one of a newer version.
  private func requireKnownTip() throws(StoaError) {
    guard let bytes = try? fileSystem.readAll(layout.tip, limit: 4096) else { return }
    do throws(StoaError) {
      _ = try TipFile(bytes, id: id, path: layout.tip)
    } catch {
      if error.kind == .unsupported { throw error }
    }
  }

  private mutating func found(_ error: StoaError) {
    if damage == nil { damage = error }
    warnings.append(error.description)
  }

  private mutating func readWarehouse() throws(StoaError) {
    do throws(StoaError) {
      id = try WarehouseFile(
        try fileSystem.readAll(layout.warehouse, limit: 4096), path: layout.warehouse
      ).id
    } catch {
      guard error.kind == .corruption else { throw error }
      guard let bytes = try? fileSystem.readAll(layout.current, limit: 4096),
        let current = try? CurrentFile(bytes, path: layout.current)
      else { throw error }
      id = current.id
      found(error)
    }
  }

  /// Numbers of checkpoints to try, best first.
  private mutating func candidates() throws(StoaError) -> [UInt64] {
    var named: UInt64?
    do throws(StoaError) {
      let bytes = try fileSystem.readAll(layout.current, limit: 4096)
      let current = try CurrentFile(bytes, path: layout.current)
      guard current.id == id else {
        throw StoaError(.corruption, "the file belongs to another warehouse", path: layout.current)
      }
      named = current.checkpoint
    } catch {
      guard error.kind != .unsupported else { throw error }
      found(error)
    }
    let names = try fileSystem.list(layout.checkpointDirectory) ?? []
    let others = names.compactMap { StoreLayout.number($0, suffix: "") }.sorted(by: >)
    guard let named else { return others }
    return [named] + others.filter { $0 < named }
  }

  /// Loads one checkpoint and the log behind it; false when the checkpoint is unreadable.
  private mutating func read(
    checkpoint number: UInt64, isInForce: Bool, stopsAtTip: Bool
  ) throws(StoaError) -> Bool {
    let path = layout.checkpoint(number)
    let file: CheckpointFile
    do throws(StoaError) {
      file = try CheckpointFile(try fileSystem.readAll(path), id: id, number: number, path: path)
    } catch {
      guard error.kind != .unsupported else { throw error }
      found(error)
      return false
    }
    state = file.state
    checkpoint = number
    checkpointCommit = file.state.commit
    log = file.log
    logEnd = file.logOffset
    var next: UInt64? = file.log
    while let current = next {
      let isExact = try replay(
        current, from: current == file.log ? file.logOffset : nil, stopsAtTip)
      // Only a state that is read-only anyway may go on into a log that no checkpoint names.
      next = !isInForce && isExact && continues(current &+ 1) ? current &+ 1 : nil
    }
    return true
  }

  private func continues(_ number: UInt64) -> Bool {
    guard let bytes = try? fileSystem.readAll(layout.log(number)) else { return false }
    let header = try? LogHeader(
      Array(bytes.prefix(LogHeader.byteCount)), id: id, number: number, path: layout.log(number))
    return header?.previousCommit == state.commit
  }

  /// Applies the records of one log file; false when it does not end exactly.
  private mutating func replay(
    _ number: UInt64, from start: UInt64?, _ stopsAtTip: Bool
  ) throws(StoaError) -> Bool {
    let path = layout.log(number)
    var bytes: [UInt8]
    do throws(StoaError) {
      bytes = try fileSystem.readAll(path)
      _ = try LogHeader(
        Array(bytes.prefix(LogHeader.byteCount)), id: id, number: number, path: path)
    } catch {
      guard error.kind != .unsupported else { throw error }
      found(error)
      return false
    }
    let syncedEnd = tip?.log == number ? tip?.offset ?? 0 : 0
    if stopsAtTip, syncedEnd > 0, UInt64(bytes.count) > syncedEnd {
      bytes.removeLast(bytes.count - Int(syncedEnd))
    }
    log = number
    logFileSize = UInt64(bytes.count)
    let scan = try LogScan(
      bytes, id: id, number: number, from: start ?? UInt64(LogHeader.byteCount),
      after: state.commit,
      syncedEnd: syncedEnd, path: path)
    return try apply(scan, path: path)
  }

  private mutating func apply(_ scan: LogScan, path: String) throws(StoaError) -> Bool {
    let before = state
    for (index, record) in scan.records.enumerated() {
      do throws(StoaError) {
        try state.apply(record.edits, commit: record.commit, timestamp: record.timestamp)
      } catch {
        // Half of the commit may be applied. A copy for each record would take longer than all the rest.
        state = before
        for good in scan.records[..<index] {
          try state.apply(good.edits, commit: good.commit, timestamp: good.timestamp)
        }
        found(
          StoaError(
            .corruption, "commit \(record.commit) contradicts the state: \(error.message)",
            path: path))
        return false
      }
    }
    logEnd = scan.end
    switch scan.ending {
    case .exact: return true
    case .torn:
      isTailTorn = true
      warnings.append(
        "dropped \(scan.fileSize - scan.end) bytes of an unfinished commit"
          + " (file \(path), offset \(scan.end))")
    case .damaged(let message):
      found(StoaError(.corruption, message, path: path, offset: scan.end))
    }
    return false
  }

  private mutating func compareWithTip() throws(StoaError) {
    guard let tip, tip.commit > state.commit, damage == nil else { return }
    found(
      StoaError(
        .corruption,
        "commit \(tip.commit) was acknowledged but commit \(state.commit) is the last found",
        path: layout.log(tip.log), offset: logEnd))
  }
}
