import Catalog
import Vectors

/// The checkpoints and logs that are there, oldest first, and which of them an earlier version begins with. Headers only
/// are read; commit numbers grow with file numbers, so few of them are.
///
/// A checkpoint that stopped before `CURRENT` named it leaves a checkpoint and a log that look like the next ones while
/// commits go on in the log before: files beyond those in force are no part of the history.
struct HistoryFiles {
  let layout: StoreLayout
  let fileSystem: any FileSystem
  let id: WarehouseID
  /// The checkpoint in force, and the log that is written.
  let lastCheckpoint: UInt64
  let lastLog: UInt64

  /// Numbers of checkpoints, ascending.
  func checkpoints() -> [UInt64] { allCheckpoints().filter { $0 <= lastCheckpoint } }
  /// Numbers of logs, ascending.
  func logs() -> [UInt64] { allLogs().filter { $0 <= lastLog } }

  /// With those that a stopped checkpoint left.
  func allCheckpoints() -> [UInt64] { numbers(layout.checkpointDirectory, suffix: "") }
  /// With those that a stopped checkpoint left.
  func allLogs() -> [UInt64] { numbers(layout.logDirectory, suffix: ".log") }

  private func numbers(_ directory: String, suffix: String) -> [UInt64] {
    ((try? fileSystem.list(directory)) ?? []).compactMap {
      StoreLayout.number($0, suffix: suffix)
    }.sorted()
  }

  /// What a file counts as whose header cannot be read.
  enum Unreadable {
    /// As one that is too new: for whoever removes files, who then keeps more than needed.
    case tooNew
    /// As one that is not there: for whoever reads versions, which begin with other files then.
    case missing
  }

  /// The newest of these checkpoints that is of commit `commit` or an earlier one.
  func last(
    of checkpoints: [UInt64], notAfter commit: CommitNumber, _ unreadable: Unreadable
  ) -> UInt64? {
    last(of: checkpoints, unreadable) { number in
      guard let bytes = header(layout.checkpoint(number), CheckpointFile.headerByteCount),
        let found = try? CheckpointFile.commit(
          of: bytes, id: id, number: number, path: layout.checkpoint(number))
      else { return nil }
      return found <= commit
    }
  }

  /// The commit of the oldest checkpoint after commit `commit`.
  func first(after commit: CommitNumber) -> CommitNumber? {
    for number in checkpoints() {
      let path = layout.checkpoint(number)
      guard let bytes = header(path, CheckpointFile.headerByteCount),
        let found = try? CheckpointFile.commit(of: bytes, id: id, number: number, path: path)
      else { continue }
      if found > commit { return found }
    }
    return nil
  }

  /// The newest of these logs whose first record follows commit `commit` or an earlier one.
  func last(
    ofLogs logs: [UInt64], notAfter commit: CommitNumber, _ unreadable: Unreadable
  ) -> LogHeader? {
    last(of: logs, unreadable) { logHeader($0).map { $0.previousCommit <= commit } }.flatMap(
      logHeader)
  }

  /// The newest of these logs that was begun at or before that time.
  func last(
    ofLogs logs: [UInt64], notAfterTime timestamp: Int64, _ unreadable: Unreadable
  ) -> LogHeader? {
    last(of: logs, unreadable) { logHeader($0).map { $0.previousTimestamp <= timestamp } }
      .flatMap(logHeader)
  }

  /// The header of a log; `nil` when it cannot be read or is no part of the history.
  func logHeader(_ number: UInt64) -> LogHeader? {
    guard number <= lastLog, let bytes = header(layout.log(number), LogHeader.byteCount) else {
      return nil
    }
    return try? LogHeader(bytes, id: id, number: number, path: layout.log(number))
  }

  private func header(_ path: String, _ byteCount: Int) -> [UInt8]? {
    guard let file = try? fileSystem.open(path, .read),
      let buffer = try? file.readBuffer(at: 0, byteCount: byteCount)
    else { return nil }
    return [UInt8](buffer.bytes)
  }

  /// Binary search. A file that does not say whether it is early enough stands in nobody's way when it counts as
  /// missing: the search goes on among the others.
  private func last(
    of numbers: [UInt64], _ unreadable: Unreadable, _ isEarlyEnough: (UInt64) -> Bool?
  ) -> UInt64? {
    var numbers = numbers
    var (lower, upper) = (0, numbers.count)
    while lower < upper {
      let middle = (lower + upper) / 2
      switch (isEarlyEnough(numbers[middle]), unreadable) {
      case (true?, _): lower = middle + 1
      case (false?, _), (nil, .tooNew): upper = middle
      case (nil, .missing):
        numbers.remove(at: middle)
        upper -= 1
      }
    }
    return lower > 0 ? numbers[lower - 1] : nil
  }
}
