import Catalog
import Vectors

// The files that all tables share: WAREHOUSE, CURRENT, TIP, checkpoints and logs. LOCK and LEASES hold nothing that
// anybody relies on: LOCK the number of a process for messages, LEASES no bytes at all.
extension StoreVerifier {
  private var layout: StoreLayout { store.layout }
  private var fileSystem: any FileSystem { store.fileSystem }

  mutating func checkSharedFiles() throws(StoaError) {
    let id = store.id
    check(layout.warehouse, "nothing while CURRENT can be read") { bytes, path throws(StoaError) in
      guard try WarehouseFile(bytes, path: path).id == id, bytes.count == WarehouseFile.byteCount
      else { throw StoaError(.corruption, "the file belongs to another warehouse", path: path) }
    }
    var current: CurrentFile?
    check(layout.current, "commits since an older checkpoint") { bytes, path throws(StoaError) in
      let file = try CurrentFile(bytes, path: path)
      guard file.id == id, bytes.count == CurrentFile.byteCount else {
        throw StoaError(.corruption, "the file belongs to another warehouse", path: path)
      }
      current = file
    }
    let isBusy = isWriterActive
    let tip = checkTip()
    if let tip, !isBusy, tip.log > store.inner.withLock({ $0.log }) {
      add(
        VerifyFinding(
          .error, CurrentFile.name,
          "the file is older than TIP, which names log \(tip.log); affected: commits since an older"
            + " checkpoint"))
    }
    try checkCheckpoints(current)
    try checkLogs(tip, isBusy: isBusy)
    checkState(isBusy: isBusy)
  }

  /// Whether somebody holds the write lock, this process included.
  private var isWriterActive: Bool {
    guard let lock = try? fileSystem.open(layout.lock, .read) else { return false }
    return (try? lock.isLockedElsewhere(0..<1)) ?? false
  }

  /// Reads a file and checks it; what is wrong becomes a finding.
  private mutating func check(
    _ path: String, _ affected: String, _ body: ([UInt8], String) throws(StoaError) -> Void
  ) {
    do throws(StoaError) {
      let bytes = try fileSystem.readAll(path)
      report.fileCount += 1
      report.byteCount += UInt64(bytes.count)
      try body(bytes, path)
    } catch {
      // A writer replaces checkpoints and logs and removes the old ones.
      if error.kind == .io,
        path.hasPrefix(layout.logDirectory + "/")
          || path.hasPrefix(layout.checkpointDirectory + "/"),
        (try? fileSystem.fileSize(path)) == .some(nil)
      {
        return
      }
      let place = error.offset.map { " (offset \($0))" } ?? ""
      add(
        VerifyFinding(
          .error, layout.relative(path), "\(error.message)\(place); affected: \(affected)"))
    }
  }

  /// TIP is overwritten in place, so a bad one is read again.
  private mutating func checkTip() -> TipFile? {
    // Empty after a power loss soon after the warehouse was made: only closing syncs the file.
    let size = try? fileSystem.fileSize(layout.tip)
    if size == .some(nil) || size == 0 {
      if snapshot.commit > 0 {
        add(
          VerifyFinding(
            .warning, TipFile.name,
            "the file is \(size == 0 ? "empty" : "missing"), so the end of the log cannot be told"
              + " from a shorter log"))
      }
      return nil
    }
    if let tip = Recovery.readTip(layout, fileSystem, id: store.id),
      (try? fileSystem.fileSize(layout.tip)) == UInt64(TipFile.byteCount)
    {
      report.fileCount += 1
      report.byteCount += UInt64(TipFile.byteCount)
      return tip
    }
    let id = store.id
    var found: TipFile?
    check(layout.tip, "the end of the log cannot be told from a shorter log") {
      bytes, path throws(StoaError) in
      found = try TipFile(bytes, id: id, path: path)
      guard bytes.count == TipFile.byteCount else {
        throw StoaError(.corruption, "the file has \(bytes.count) bytes", path: path)
      }
    }
    return found
  }

  private mutating func checkCheckpoints(_ current: CurrentFile?) throws(StoaError) {
    let id = store.id
    for name in (try? fileSystem.list(layout.checkpointDirectory)) ?? [] {
      try pulse()
      guard let number = StoreLayout.number(name, suffix: ""), number <= current?.checkpoint ?? .max
      else {
        add(VerifyFinding(.note, "checkpoint/\(name)", "no commit needs the file"))
        continue
      }
      let isInForce = number == current?.checkpoint
      let affected =
        isInForce
        ? "the state is rebuilt from an older checkpoint and writing is refused"
        : "the way back should the newest checkpoint be damaged"
      check(layout.checkpoint(number), affected) { bytes, path throws(StoaError) in
        let file = try CheckpointFile(bytes, id: id, number: number, path: path)
        guard file.id == id, file.number == number else {
          throw StoaError(.corruption, "the file is another checkpoint", path: path)
        }
        guard isInForce, let current, file.state.commit != current.commit else { return }
        throw StoaError(
          .corruption, "the checkpoint is of commit \(file.state.commit), not \(current.commit)",
          path: path)
      }
    }
  }

  private mutating func checkLogs(_ tip: TipFile?, isBusy: Bool) throws(StoaError) {
    let names = (try? fileSystem.list(layout.logDirectory)) ?? []
    // What a checkpoint that was not finished leaves is begun anew by the next one.
    let newest = store.inner.withLock { $0.log }
    var numbers: [UInt64] = []
    for name in names {
      if let number = StoreLayout.number(name, suffix: ".log"), number <= newest {
        numbers.append(number)
      } else {
        add(VerifyFinding(.note, "log/\(name)", "no commit needs the file"))
      }
    }
    numbers.sort()
    var before: (number: UInt64, lastCommit: CommitNumber)?
    for number in numbers {
      try pulse()
      var torn: UInt64?
      let previous = before
      before = nil
      let isLast = number == numbers.last
      let (id, end) = (store.id, tip?.log == number ? tip?.offset ?? 0 : 0)
      check(layout.log(number), "the commits behind it in this log") {
        bytes, path throws(StoaError) in
        var bytes = bytes
        if isBusy, isLast, end > 0, UInt64(bytes.count) > end {
          bytes.removeLast(bytes.count - Int(end))
        }
        let found = try StoreVerifier.checkLog(
          bytes, id: id, number: number, syncedEnd: end, isLast: isLast, path: path)
        torn = found.torn
        before = (number, found.lastCommit)
        guard let previous, previous.number &+ 1 == number else { return }
        guard previous.lastCommit == found.firstCommit &- 1 else {
          throw StoaError(
            .corruption,
            "the log goes on after commit \(found.firstCommit &- 1), but the one before ends with"
              + " \(previous.lastCommit)", path: path)
        }
      }
      if let torn, !(isBusy && isLast) {
        add(
          VerifyFinding(
            .warning, "log/\(fileNumber(number)).log",
            "bytes of a commit that was never acknowledged from offset \(torn) on"))
      }
    }
  }

  /// Every record and the padding between them.
  /// - Returns: the commits it holds, and where an unfinished one begins, if there is one.
  private static func checkLog(
    _ bytes: [UInt8], id: WarehouseID, number: UInt64, syncedEnd: UInt64, isLast: Bool,
    path: String
  ) throws(StoaError) -> (firstCommit: CommitNumber, lastCommit: CommitNumber, torn: UInt64?) {
    let header = try LogHeader(
      Array(bytes.prefix(LogHeader.byteCount)), id: id, number: number, path: path)
    let scan = try LogScan(
      bytes, id: id, number: number, from: UInt64(LogHeader.byteCount),
      after: header.previousCommit, syncedEnd: syncedEnd, path: path)
    var offset = LogHeader.byteCount
    while offset < Int(scan.end) {
      var reader = ByteReader(
        Array(bytes[(offset + 4)..<(offset + 8)]), path: path, baseOffset: UInt64(offset + 4))
      let end = offset + LogRecord.headerByteCount + Int(try reader.u32())
      let next = (end + 7) & ~7
      guard bytes[end..<next].allSatisfy({ $0 == 0 }) else {
        throw StoaError(
          .corruption, "a byte between two records is not zero", path: path, offset: UInt64(end))
      }
      offset = next
    }
    let first = header.previousCommit &+ 1
    let last = scan.records.last?.commit ?? header.previousCommit
    switch scan.ending {
    case .exact: return (first, last, nil)
    case .damaged(let message):
      throw StoaError(.corruption, message, path: path, offset: scan.end)
    case .torn:
      // Nothing is left unfinished in a log that has a successor.
      guard isLast else {
        throw StoaError(
          .corruption, "the bytes behind the last commit are damaged", path: path, offset: scan.end)
      }
      return (first, last, scan.end)
    }
  }

  /// What the disk gives when it is opened now must be what this process believes.
  private mutating func checkState(isBusy: Bool) {
    for attempt in 1...3 {
      do throws(StoaError) {
        compare(
          try Recovery(
            layout: layout, fileSystem: fileSystem, stopsAtTip: isBusy || isWriterActive))
        return
      } catch {
        // Files may have been replaced while they were read.
        if error.kind == .io, attempt < 3 { continue }
        let object = error.path.map { layout.relative($0) } ?? "."
        add(VerifyFinding(.error, object, "the warehouse cannot be opened: \(error.message)"))
        return
      }
    }
  }

  private mutating func compare(_ found: Recovery) {
    if let damage = found.damage {
      let object = damage.path.map { layout.relative($0) } ?? "."
      return add(
        VerifyFinding(
          .error, object,
          "opened now, the warehouse is read-only at commit \(found.state.commit):"
            + " \(damage.message)"))
    }
    if found.state.commit < snapshot.commit {
      add(
        VerifyFinding(
          .error, "log",
          "the log ends at commit \(found.state.commit), but \(snapshot.commit) was acknowledged"))
    }
    guard found.state.commit == snapshot.commit else { return }
    let (disk, memory) = (found.state, snapshot.state)
    var parts: [String] = []
    if disk.catalog != memory.catalog { parts.append("definitions") }
    // A table that lost all its segments is named in one and not in the other.
    if disk.segments.filter({ !$0.value.isEmpty }) != memory.segments.filter({ !$0.value.isEmpty })
    {
      parts.append("segments")
    }
    if disk.deletes != memory.deletes { parts.append("deleted rows") }
    if disk.memtables != memory.memtables { parts.append("memtables") }
    if disk.retention != memory.retention { parts.append("retention") }
    guard !parts.isEmpty else { return }
    add(
      VerifyFinding(
        .error, "log",
        "checkpoint and log give other \(parts.joined(separator: ", ")) than this process has"))
  }

  /// Files that the newest state does not name: not wrong, but space.
  mutating func checkStrangers() {
    let names = (try? fileSystem.list(layout.root)) ?? []
    for name in names
    where !StoreLayout.ownNames.contains(name) && name != "loads"
      && name != KeptAside.directoryName
    {
      add(VerifyFinding(.note, name, "the file is no part of the warehouse"))
    }
    for name in (try? fileSystem.list(layout.segmentsDirectory)) ?? [] {
      let directory = "\(layout.segmentsDirectory)/\(name)"
      let named = TableID(name).map { snapshot.state.files(of: $0) } ?? []
      let known = Set(named.map { layout.segment($0.table, $0.id) })
      for file in (try? fileSystem.list(directory)) ?? [] {
        let path = "\(directory)/\(file)"
        guard !known.contains(path) else { continue }
        let size = (try? fileSystem.fileSize(path)).flatMap { $0 } ?? 0
        add(
          VerifyFinding(
            .note, layout.relative(path),
            "\(size) bytes that the newest commit does not need"))
      }
    }
  }
}
