import CKernels
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Reads delimited files into batches: any worker calls `nextBlock`, which is cheap and serial (it cuts some whole
/// rows off the input under a lock), and then `parse(block)`, which is the work and runs in parallel.
///
/// Cutting needs to know whether a newline is inside quotes. Blocks begin at a row start, so the state there is known; a
/// block without any quote is cut at its last newline, one with quotes is walked from quote to quote.
public final class CSVReader: @unchecked Sendable {
  /// Bytes a block should have.
  public static let defaultBlockByteCount = 512 << 10
  /// Rows a block has at most; more are cut off for the next.
  static let maximalRowCount = Batch.maximalCapacity

  /// How the files are written.
  public let dialect: CSVDialect
  /// The columns of the file, in its order.
  public let columns: [CSVColumn]
  /// Bytes to read in all (compressed ones where there is compression), when known.
  public let totalByteCount: Int?
  /// Names every header must have; files may order them as they like. `nil` leaves headers unread.
  private let headerNames: [String]?

  private let inputs: [TextInput]
  private let targetByteCount: Int
  private let lock = TextLock()
  // Everything below is guarded by `lock`.
  private var nextInput = 0
  private var source: (any ByteSource)?
  private var sourceEnded = false
  /// Text read but not yet handed out.
  private var pending: Buffer
  private var pendingCount = 0
  private var isAtFileStart = true
  /// Per field of the open file the column it is, when its header has another order.
  private var fieldOrder: [Int]?
  private var line: UInt64 = 1
  private var blockCount = 0
  private var finishedByteCount = 0
  private var isClosed = false

  /// A reader at the beginning of the first input.
  /// - Parameter headerNames: per column its name in the headers, when several files are to be matched by name.
  /// - Throws: `.usage` when the dialect contradicts itself.
  public init(
    _ inputs: [TextInput], dialect: CSVDialect, columns: [CSVColumn], headerNames: [String]? = nil,
    blockByteCount: Int = CSVReader.defaultBlockByteCount
  ) throws(StoaError) {
    try dialect.validate()
    self.inputs = inputs
    self.dialect = dialect
    self.columns = columns
    self.headerNames = inputs.count > 1 && headerNames?.count == columns.count ? headerNames : nil
    targetByteCount = max(16, blockByteCount)
    pending = Buffer(byteCount: targetByteCount + 1)
    var total: Int? = 0
    for input in inputs { total = total.flatMap { sum in input.byteCount.map { sum + $0 } } }
    totalByteCount = total
  }

  /// Bytes taken from the files so far.
  public var consumedByteCount: Int {
    lock.withLock { finishedByteCount + (source?.consumedByteCount ?? 0) }
  }

  /// The next rows in file order, or `nil` at the end of the last file. After an error there are no more blocks.
  /// - Throws: `.io` or `.input` when a file cannot be read, is binary, has a row beyond the maximal size or a
  ///   quoted field that never ends.
  public func nextBlock() throws(StoaError) -> CSVBlock? {
    lock.lock()
    defer { lock.unlock() }
    guard !isClosed else { return nil }
    do {
      while true {
        guard try openNext() else {
          isClosed = true
          return nil
        }
        if let block = try cut() { return block }
      }
    } catch {
      isClosed = true
      throw error
    }
  }

  /// Makes later calls of `nextBlock` return `nil`.
  public func close() { lock.withLock { isClosed = true } }

  /// Opens the next file unless one is open; false at the end of all.
  private func openNext() throws(StoaError) -> Bool {
    guard source == nil else { return true }
    guard nextInput < inputs.count else { return false }
    let plain = try inputs[nextInput].open()
    source = dialect.longDelimiter.map { DelimiterSource(plain, dialect, $0) } ?? plain
    if let objects = dialect.objects {
      source = JSONLinesSource(
        plain, keys: objects.keys, skipsOthers: objects.skipsOthers,
        limit: dialect.maximalLineByteCount)
    }
    nextInput += 1
    sourceEnded = false
    isAtFileStart = true
    fieldOrder = nil
    line = 1
    pendingCount = 0
    return true
  }

  private func closeSource() {
    finishedByteCount += source?.consumedByteCount ?? 0
    source = nil
  }

  /// Cuts one block from the open file; `nil` when it is exhausted.
  private func cut() throws(StoaError) -> CSVBlock? {
    var wanted = targetByteCount
    while true {
      try fill(wanted)
      if isAtFileStart {
        // Either the header is dropped and the room is filled again, or it is not all there yet.
        if !(try skipPrologue()) { wanted = try grown(wanted) }
        continue
      }
      guard pendingCount > 0 else {
        closeSource()
        return nil
      }
      if let block = try cutPending() { return block }
      wanted = try grown(wanted)
    }
  }

  /// Reads until `count` bytes are pending or the file ends. Room for one more byte is kept.
  private func fill(_ count: Int) throws(StoaError) {
    if pending.byteCount < count + 1 { pending = copyOfPending(from: 0, capacity: count + 1) }
    guard !sourceEnded, pendingCount < count, let source else { return }
    let got = try source.readFully(
      into: pending.pointer + pendingCount, count: count - pendingCount)
    sourceEnded = got < count - pendingCount
    pendingCount += got
  }

  private func grown(_ wanted: Int) throws(StoaError) -> Int {
    let limit = dialect.maximalLineByteCount
    guard pendingCount < limit else {
      throw CSVReader.tooLongError(limit, source?.name, line: line)
    }
    return min(max(wanted, pendingCount) * 2, max(limit + 1, wanted + 1))
  }

  static func tooLongError(_ limit: Int, _ path: String?, line: UInt64) -> StoaError {
    StoaError(
      .input, "a row is longer than \(limit) bytes",
      hint: "Check the quotes, or raise max_line_size", path: path, line: line)
  }

  private func copyOfPending(from start: Int, capacity: Int) -> Buffer {
    let copy = Buffer(byteCount: max(capacity, pendingCount - start + 1))
    copy.pointer.copyMemory(from: pending.pointer + start, byteCount: pendingCount - start)
    return copy
  }

  /// Hands out the first `end` pending bytes as a block and keeps the rest.
  private func handOut(_ end: Int, _ survey: stoa_text_survey) -> CSVBlock {
    let block = CSVBlock(
      index: blockCount, file: source?.name ?? "", firstLine: line, text: pending, byteCount: end,
      newlineCount: Int(survey.newline_count), hasQuotes: survey.has_quote != 0,
      hasHighBytes: survey.has_high != 0, fieldOrder: fieldOrder)
    blockCount += 1
    line += survey.newline_count
    pending = copyOfPending(from: end, capacity: targetByteCount + 1)
    pendingCount -= end
    return block
  }

  private func drop(_ count: Int) {
    memmove(pending.pointer, pending.pointer + count, pendingCount - count)
    pendingCount -= count
  }
}

extension CSVReader {
  /// The longest stretch of whole rows that is pending; `nil` when not even one row is.
  private func cutPending() throws(StoaError) -> CSVBlock? {
    if sourceEnded { terminateLastRow() }
    let text = UnsafePointer(pending.typed(UInt8.self))
    let all = survey(pendingCount)
    guard all.has_nul == 0 else { throw binaryError() }
    var end = 0
    if all.has_quote != 0, let quoting = CSVQuoting(dialect) {
      let found = quoting.lastRowEnd(text, count: pendingCount)
      if sourceEnded, let open = found.openQuote { throw unclosedError(open) }
      end = found.end
    } else {
      end = stoa_last_byte(text, pendingCount, dialect.newline) + 1
    }
    guard end > 0 else { return nil }
    let whole = end == pendingCount ? all : survey(end)
    guard whole.newline_count > UInt64(CSVReader.maximalRowCount) else {
      return handOut(end, whole)
    }
    return handOutFewer(end, whole)
  }

  /// Cuts fewer rows than fit the text because they are so short. Halving keeps quoted newlines right: each
  /// candidate is judged from the block's start.
  private func handOutFewer(_ end: Int, _ survey: stoa_text_survey) -> CSVBlock {
    let text = UnsafePointer(pending.typed(UInt8.self))
    var limit = end
    var best = (end: end, survey: survey)
    while best.survey.newline_count > UInt64(CSVReader.maximalRowCount) {
      limit /= 2
      let cut =
        survey.has_quote != 0
        ? CSVQuoting(dialect)?.lastRowEnd(text, count: limit).end ?? 0
        : stoa_last_byte(text, limit, dialect.newline) + 1
      // A quoted field with more newlines than that: take it all, one row is one row.
      guard cut > 0 else { break }
      best = (cut, self.survey(cut))
    }
    return handOut(best.end, best.survey)
  }

  private func survey(_ count: Int) -> stoa_text_survey {
    var survey = stoa_survey_text(
      pending.typed(UInt8.self), count, dialect.newline, dialect.quote ?? dialect.newline)
    if dialect.quote == nil { survey.has_quote = 0 }
    return survey
  }

  /// Gives the last row of a file the newline it may lack; there is room for it.
  private func terminateLastRow() {
    let text = pending.typed(UInt8.self)
    guard pendingCount > 0, text[pendingCount - 1] != dialect.newline else { return }
    text[pendingCount] = dialect.newline
    pendingCount += 1
  }

  /// Drops the byte-order mark, the lines to skip and the header; false when they are not all there yet.
  private func skipPrologue() throws(StoaError) -> Bool {
    let text = UnsafePointer(pending.typed(UInt8.self))
    var start = 0
    if pendingCount >= 3, text[0] == 0xEF, text[1] == 0xBB, text[2] == 0xBF { start = 3 }
    if TextSample.isUTF16(Array(UnsafeBufferPointer(start: text, count: min(2, pendingCount)))) {
      throw TextSample.utf16Error(source?.name)
    }
    var lines = UInt64(0)
    var remaining = dialect.skippedLineCount
    let needsHeader = dialect.hasHeader
    while remaining > 0 || needsHeader || dialect.skipsLeadingComments {
      if start == pendingCount && !sourceEnded { return false }
      let isComment =
        remaining == 0 && dialect.skipsLeadingComments && start < pendingCount
        && text[start] == CSVHeader.commentMark
      let isHeader = remaining == 0 && !isComment
      if isHeader && !needsHeader { break }
      guard let end = rowEnd(from: start, quoted: isHeader) else {
        guard sourceEnded else { return false }
        if memchr(text, 0, pendingCount) != nil { throw binaryError() }
        start = pendingCount
        break
      }
      if isHeader, let headerNames, nextInput > 1 {
        let row = Array(UnsafeBufferPointer(start: text + start, count: end - start))
        fieldOrder = try CSVHeader.order(
          row, dialect, expected: headerNames, path: source?.name, first: inputs.first?.name,
          line: line + lines)
      }
      lines += survey(start, end)
      start = end
      if isHeader { break }
      remaining = max(0, remaining - 1)
    }
    drop(start)
    line += lines
    isAtFileStart = false
    return true
  }

  /// Newlines in a part of the pending text.
  private func survey(_ start: Int, _ end: Int) -> UInt64 {
    stoa_survey_text(pending.typed(UInt8.self) + start, end - start, dialect.newline, 0)
      .newline_count
  }

  /// Where the row that begins at `start` ends; `nil` when its newline is not there yet.
  private func rowEnd(from start: Int, quoted: Bool) -> Int? {
    let text = UnsafePointer(pending.typed(UInt8.self))
    var at = start
    var isFieldStart = true
    let quoting = quoted ? CSVQuoting(dialect) : nil
    while at < pendingCount {
      let byte = text[at]
      if isFieldStart, let quoting, byte == quoting.quote {
        guard let next = quoting.closing(text, from: at + 1, to: pendingCount) else { return nil }
        at = next
        isFieldStart = false
        continue
      }
      at += 1
      if byte == dialect.newline { return at }
      isFieldStart = byte == dialect.delimiter
    }
    return nil
  }

  private func binaryError() -> StoaError {
    let text = pending.typed(UInt8.self)
    var at = 0
    if let found = memchr(text, 0, pendingCount) {
      at = UnsafeRawPointer(text).distance(to: UnsafeRawPointer(found))
    }
    return StoaError(
      .input, "the file holds binary data (a zero byte), not text", path: source?.name,
      line: line + survey(0, at))
  }

  private func unclosedError(_ offset: Int) -> StoaError {
    StoaError(
      .input, "a quoted field never ends", hint: "If quotes are ordinary characters, set QUOTE ''",
      path: source?.name, line: line + survey(0, offset))
  }
}

/// A mutex around the reader's state.
final class TextLock: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  init() { pthread_mutex_init(mutex, nil) }
  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }
  func lock() { pthread_mutex_lock(mutex) }
  func unlock() { pthread_mutex_unlock(mutex) }
  func withLock<R>(_ body: () -> R) -> R {
    lock()
    defer { unlock() }
    return body()
  }
}
