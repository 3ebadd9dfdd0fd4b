import Catalog
import Vectors

// The write lock: byte 0 of LOCK, taken by the first transaction of a process that writes and given back by the last.
//
// Whoever takes it writes into LOCK who that is before anything else: the process id, for messages, and a number
// drawn when the store was opened. A store that still finds its own number there knows that nobody had the lock in
// the meantime; together with a TIP that is byte for byte the one it wrote last, that spares it looking at CURRENT,
// the logs and the log's end again. A commit of one row is short enough for those looks to be felt.
//
//   LOCK: decimal process id · space · 16 hex digits · spaces up to 31 bytes · newline
extension TableStore {
  /// Enters this process, or one more transaction of it, as the writer. The first takes the lock of the warehouse
  /// and brings the state up to the end of the log; the last to leave gives it back.
  func acquireWriting(timeoutMilliseconds: Int? = nil) throws(StoaError) {
    if let refusal { throw refusal }
    let wait = timeoutMilliseconds ?? options.lockTimeoutMilliseconds
    let deadline = monotonicMilliseconds() &+ Int64(wait)
    if try enterWriters(until: deadline, wait) { return }
    do throws(StoaError) {
      let file = try takeLock(until: deadline, wait)
      do throws(StoaError) {
        let hadItLast = try markLock(file)
        try prepareToWrite(hadItLast: hadItLast)
      } catch {
        try? file.unlock(0..<1)
        throw error
      }
    } catch {
      leaveAcquiring(isWriter: false)
      throw error
    }
    leaveAcquiring(isWriter: true)
  }

  /// Counts one more writer when this process has the lock; false when the caller is to take it.
  private func enterWriters(until deadline: Int64, _ wait: Int) throws(StoaError) -> Bool {
    // A thread of this process that takes the lock or gives it back is not in anybody's way for long.
    let deadline = max(deadline, monotonicMilliseconds() &+ 2000)
    return try writers.withLock { () throws(StoaError) in
      while true {
        let state = inner.withLock { inner -> (isClosed: Bool, isAcquiring: Bool, count: Int) in
          (inner.isClosed, inner.isAcquiring, inner.writerCount)
        }
        if state.isClosed { throw StoaError(.usage, "the warehouse is closed", path: path) }
        if !state.isAcquiring {
          inner.withLock {
            if state.count > 0 { $0.writerCount += 1 } else { $0.isAcquiring = true }
          }
          return state.count > 0
        }
        guard monotonicMilliseconds() < deadline else {
          throw StoaError(
            .busy, "another process is writing; waited \(wait) ms for it", path: path)
        }
        writers.wait(until: CommitGate.moment(after: 10))
      }
    }
  }

  /// The lock is taken, or given back; others may go on.
  func leaveAcquiring(isWriter: Bool) {
    writers.withLock {
      inner.withLock {
        $0.isAcquiring = false
        if isWriter { $0.writerCount += 1 }
      }
      writers.signalAll()
    }
  }

  private func takeLock(until deadline: Int64, _ wait: Int) throws(StoaError) -> any File {
    let file = try lockFile()
    while try !file.tryLock(0..<1, .exclusive) {
      guard monotonicMilliseconds() < deadline else {
        throw StoaError(
          .busy, "another process (\(holder(file))) is writing; waited \(wait) ms for it",
          path: path)
      }
      pauseMilliseconds(2)
    }
    return file
  }

  /// Under the lock: writes into LOCK who has it.
  /// - Returns: whether it said so already, so that nobody else had the lock since this store had it last.
  /// - Throws: when that cannot be written; another store would take its own mark for still being there.
  func markLock(_ file: any File) throws(StoaError) -> Bool {
    let isMarked = inner.withLock { inner -> Bool in
      guard inner.hasMarkedLock else { return false }
      return (try? file.holds(lockMark, at: 0)) ?? false
    }
    if isMarked { return true }
    // Forgotten first: whatever fails between here and the next TIP, everything is looked at again then.
    inner.withLock {
      $0.hasMarkedLock = true
      $0.writtenTip = nil
    }
    try file.write(lockMark, at: 0)
    return false
  }

  /// What LOCK holds while this store has it: 32 bytes.
  static func makeLockMark() -> [UInt8] {
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    let number = String(repeating: "0", count: 16 - digits.count) + digits
    let text = Array("\(currentProcessID()) \(number)".utf8).prefix(31)
    return text + [UInt8](repeating: 0x20, count: 31 - text.count) + [0x0a]
  }

  func lockFile() throws(StoaError) -> any File {
    if let file = inner.withLock({ $0.lockFile }) { return file }
    let file: any File
    do throws(StoaError) {
      file = try fileSystem.open(layout.lock, .updateOrCreate)
    } catch {
      var refused = error
      refused.kind = .readOnly
      refused.message = "the warehouse cannot be written: \(error.message)"
      throw refused
    }
    inner.withLock { $0.lockFile = file }
    return file
  }

  /// Gives the write lock back. Should that fail, the file is closed, which gives it back for certain.
  func unlockWriting() {
    guard let file = inner.withLock({ $0.lockFile }) else { return }
    guard (try? file.unlock(0..<1)) == nil, !upkeep.isWritingFiles else { return }
    inner.withLock { $0.lockFile = nil }
  }

  private func holder(_ file: any File) -> String {
    let buffer = Buffer(byteCount: 32)
    let target = UnsafeMutableRawBufferPointer(start: buffer.pointer, count: 32)
    let count = (try? file.read(into: target, at: 0)) ?? 0
    let digits = buffer.bytes.prefix(count).prefix { $0 >= 48 && $0 <= 57 }
    return digits.isEmpty ? "unknown" : "process id " + String(decoding: digits, as: UTF8.self)
  }

  /// Under the lock: catches up with the log, repairs its tail after a writer that died, and marks the
  /// warehouse as being written.
  private func prepareToWrite(hadItLast: Bool) throws(StoaError) {
    try inner.withLock { inner throws(StoaError) in
      if hadItLast, isUntouched(inner) {
        if !inner.hasCollectedOrphans { collectOrphans(&inner) }
        return
      }
      inner.writableTip = nil
      inner.writtenTip = nil
      let tip = Recovery.readTip(layout, fileSystem, id: id)
      let size = try fileSystem.fileSize(layout.log(inner.log))
      let isCurrent =
        tip?.log == inner.log && tip?.offset == inner.logEnd && size == inner.logSize
        && inner.hasWritten && (try? isBehind(inner)) == false
      if !isCurrent {
        let found = try reload(&inner, stopsAtTip: false)
        if let refusal = inner.refusal { throw refusal }
        try repairTail(found, &inner)
        if tip?.log != inner.log || tip?.offset != inner.logEnd { inner.tipEnd = 0 }
      }
      if inner.logFile == nil {
        inner.logFile = try fileSystem.open(layout.log(inner.log), .update)
        inner.logSize = try inner.logFile?.size() ?? 0
      }
      if !inner.hasWritten || tip?.isClosed != false || inner.tipEnd == 0 {
        try writeTip(&inner, isClosed: false)
        inner.tipEnd = inner.logEnd
      }
      if !inner.hasWritten {
        inner.hasWritten = true
      }
      if !inner.hasCollectedOrphans { collectOrphans(&inner) }
    }
  }

  /// Nobody else had the lock since this store had it: whether TIP is also the one that it wrote last, and still in
  /// a directory, so that nobody wrote who does not mark LOCK.
  private func isUntouched(_ inner: borrowing Inner) -> Bool {
    guard inner.hasWritten, inner.logFile != nil, inner.tipEnd == inner.logEnd,
      let tip = inner.writtenTip, let file = inner.writableTip
    else { return false }
    // A warehouse that was removed, or restored in its place, has another TIP.
    return (try? file.holds(tip, at: 0) && file.hasName()) ?? false
  }

  /// Whether something was written that TIP does not say, by a writer that died or could not write TIP: a newer log, or
  /// a record behind the last one known. The log's length does not tell, as zeros are written ahead of it.
  func isBehind(_ inner: borrowing Inner) throws(StoaError) -> Bool {
    if try fileSystem.fileSize(layout.log(inner.log &+ 1)) != nil { return true }
    let file: any File
    if let open = inner.logFile {
      file = open
    } else {
      file = try fileSystem.open(layout.log(inner.log), .read)
    }
    let buffer = Buffer(byteCount: LogRecord.headerByteCount)
    let target = UnsafeMutableRawBufferPointer(
      start: buffer.pointer, count: LogRecord.headerByteCount)
    let count = try file.read(into: target, at: inner.tailEnd)
    return buffer.bytes.prefix(count).contains { $0 != 0 }
  }

  /// Cuts a torn tail off and makes durable what a dead writer wrote but may not have synced.
  private func repairTail(_ found: Recovery, _ inner: inout Inner) throws(StoaError) {
    let isPastTip = found.tip?.log != found.log || found.tip?.offset != found.logEnd
    guard found.logFileSize != found.logEnd || isPastTip else { return }
    let file = try fileSystem.open(layout.log(found.log), .update)
    if found.logFileSize != found.logEnd { try file.truncate(to: found.logEnd) }
    try syncOrRefuse(&inner, file, isLog: true)
    inner.logFile = file
    inner.logSize = found.logEnd
  }
}
