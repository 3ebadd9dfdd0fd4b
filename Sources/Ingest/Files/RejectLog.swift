import Formats
import Storage
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The rows of files that did not fit, in file order: written to a CSV file while the load tolerates them, and the
/// reason why it ends when it does not. Blocks report in any order. Thread-safe.
///
/// Columns of the file: file, line, column, value, reason, raw (the row as it stands in its file).
final class RejectLog: @unchecked Sendable {
  private let limit: Int
  private let table: String
  private let makePath: () throws(StoaError) -> String
  private let lock = CommitGate()
  private var waiting: [Int: ParsedRejects] = [:]
  private var nextPosition = 0
  private var isOver = false
  private var file: UnsafeMutablePointer<FILE>?
  private var filePath: String?
  /// Rejects of all blocks up to `nextPosition`.
  private var countInOrder = 0
  private var totalCount = 0
  private var failure: StoaError?

  struct ParsedRejects {
    var rows: [RejectedRow]
    var count: Int
  }

  /// - Parameters:
  ///   - limit: rejects that are tolerated.
  ///   - makePath: where to write them; asked once, for the first.
  init(limit: Int, table: String, makePath: @escaping () throws(StoaError) -> String) {
    self.limit = limit
    self.table = table
    self.makePath = makePath
  }

  deinit { if let file { fclose(file) } }

  /// Rejects so far, and where they are written.
  var count: Int { lock.withLock { totalCount } }
  var path: String? { lock.withLock { filePath } }

  /// Whether there are too many, so that no further block needs to be read.
  var isExceeded: Bool { lock.withLock { isOver } }

  /// Every block reports, also one without rejects.
  func add(position: Int, _ rejects: ParsedRejects) {
    lock.withLock {
      totalCount += rejects.count
      if totalCount > limit { isOver = true }
      waiting[position] = rejects
      while let next = waiting.removeValue(forKey: nextPosition) {
        nextPosition += 1
        take(next)
      }
    }
  }

  private func take(_ rejects: ParsedRejects) {
    for row in rejects.rows {
      countInOrder += 1
      guard failure == nil else { return }
      if limit > 0 { write(row) }
      if countInOrder > limit { failure = failure ?? error(row) }
    }
  }

  private func error(_ row: RejectedRow) -> StoaError {
    var error = row.error
    error.table = table
    if limit == 0 {
      error.hint =
        "Nothing was loaded; MAX_REJECTS (--max-rejects) leaves such rows out"
    } else {
      error.message =
        "more than \(limit) row\(limit == 1 ? " does" : "s do") not fit, the last: " + error.message
      error.hint =
        "Nothing was loaded" + (filePath.map { "; the rejected rows are in \($0)" } ?? "")
    }
    return error
  }

  /// Completes the file.
  /// - Throws: the first reject too many in file order.
  func finish() throws(StoaError) {
    let error = lock.withLock { () -> StoaError? in
      if let file {
        if fclose(file) != 0 { failure = failure ?? writeError() }
        self.file = nil
      }
      return failure
    }
    if let error { throw error }
  }

  private func write(_ row: RejectedRow) {
    do throws(StoaError) {
      let file = try openFile()
      var line = RejectLog.quoted(Array(row.file.utf8))
      line += [0x2C] + Array(String(row.line).utf8)
      for text in [row.column, row.value, row.reason] {
        line += [0x2C] + RejectLog.quoted(Array(text.utf8))
      }
      line += [0x2C] + RejectLog.quoted(row.raw) + [0x0A]
      if fwrite(line, 1, line.count, file) != line.count { throw writeError() }
    } catch {
      failure = failure ?? error
    }
  }

  private func openFile() throws(StoaError) -> UnsafeMutablePointer<FILE> {
    if let file { return file }
    let path = try makePath()
    filePath = path
    guard let opened = fopen(path, "w") else { throw writeError() }
    file = opened
    fputs("file,line,column,value,reason,raw\n", opened)
    return opened
  }

  private func writeError() -> StoaError {
    StoaError(
      .io, "cannot write the rejected rows: \(String(cString: strerror(errno)))", path: filePath)
  }

  private static func quoted(_ bytes: [UInt8]) -> [UInt8] {
    let isPlain = !bytes.contains { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }
    if isPlain && !bytes.isEmpty { return bytes }
    return [0x22] + bytes.flatMap { $0 == 0x22 ? [0x22, 0x22] : [$0] } + [0x22]
  }
}
