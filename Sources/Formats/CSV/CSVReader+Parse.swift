import Vectors

/// The rows of one block: what was well-formed as a batch, and what was not.
public struct ParsedBlock: Sendable {
  /// Position of the block among all.
  public var index: Int
  /// The file its rows come from.
  public var file: String
  /// The columns with `isRead`, in file order; at most `Batch.maximalCapacity` rows.
  public var batch: Batch
  /// Rows that did not fit, in file order; not more than were asked for.
  public var rejects: [RejectedRow]
  /// All rows that did not fit.
  public var rejectCount: Int
  /// Bytes of text parsed.
  public var byteCount: Int
  /// One-based line of the first row of the block.
  public var firstLine: UInt64
  /// Lines between `firstLine` and the line of each row of the batch; `nil` when every row is one line and none is
  /// missing, so that it is the row's number.
  public var lineOffsets: [UInt32]?

  /// The one-based line on which `row` of the batch begins.
  public func line(ofRow row: Int) -> UInt64 {
    firstLine + UInt64(lineOffsets.map { Int($0[row]) } ?? row)
  }
}

extension CSVReader {
  /// The values of a block. Pure: any worker may call it at any time.
  /// - Parameter rejectLimit: how many rejected rows are described; more are dropped and counted.
  public func parse(_ block: CSVBlock, rejectLimit: Int = .max) throws(StoaError) -> ParsedBlock {
    let run = CSVBlockParser(block, self)
    run.scan()
    try run.requireShortRows(dialect.maximalLineByteCount)
    return run.finish(rejectLimit: rejectLimit)
  }
}

/// One block on its way to a batch.
private final class CSVBlockParser {
  private struct Refusal {
    var start: Int
    var fieldCount: Int
  }

  private let block: CSVBlock
  private let columns: [CSVColumn]
  private let scanner: CSVRowScanner
  private let longDelimiter: [UInt8]?
  private let context: CSVParseContext
  private let sinks: [CSVColumnSink]
  private let rowStarts: Buffer
  private var rowCount = 0
  private var refusals: [Refusal] = []

  init(_ block: CSVBlock, _ reader: CSVReader) {
    self.block = block
    columns = block.fieldOrder.map { order in order.map { reader.columns[$0] } } ?? reader.columns
    longDelimiter = reader.dialect.longDelimiter
    scanner = CSVRowScanner(block, dialect: reader.dialect, columnCount: max(1, columns.count))
    let context = CSVParseContext(block, reader.dialect)
    self.context = context
    let capacity = block.newlineCount
    sinks = reader.columns.indices.filter { reader.columns[$0].isRead }.map {
      CSVColumnSink(
        column: block.fieldOrder?.firstIndex(of: $0) ?? $0, reader.columns[$0], capacity: capacity,
        context: context)
    }
    rowStarts = Buffer(of: UInt32.self, count: capacity + 1)
  }

  func scan() {
    scanner.scan(
      accept: { fields in
        let starts = rowStarts.typed(UInt32.self) + rowCount
        for row in 0..<fields.rowCount { starts[row] = fields.rowStart(row) }
        for sink in sinks { sink.parse(fields, firstRow: rowCount) }
        rowCount += fields.rowCount
      },
      refuse: { start, fieldCount in
        refusals.append(Refusal(start: start, fieldCount: fieldCount))
      })
  }

  /// - Throws: `.input` for the first row of more than `limit` bytes, its newline not counted.
  func requireShortRows(_ limit: Int) throws(StoaError) {
    guard block.byteCount > limit else { return }
    let starts = rowStarts.typed(UInt32.self)
    let all = ((0..<rowCount).map { Int(starts[$0]) } + refusals.map(\.start)).sorted()
    for (index, start) in all.enumerated() {
      // Most rows need no look at their ends.
      let next = index + 1 < all.count ? all[index + 1] : block.byteCount
      guard next - start > limit, scanner.rowEnd(from: start) - 1 - start > limit else { continue }
      throw CSVReader.tooLongError(
        limit, block.file, line: block.firstLine + UInt64(newlines(0, start)))
    }
  }

  func finish(rejectLimit: Int) -> ParsedBlock {
    var batch = Batch(
      columns: sinks.map { $0.finish(count: rowCount, block: block.text) }, rowCount: rowCount)
    let failures = firstFailures()
    var kept: [UInt32]?
    if !failures.isEmpty {
      let rows = keptRows(failures)
      batch = rows.withUnsafeBufferPointer { pointer in
        guard let base = pointer.baseAddress else { return batch.slice(0..<0) }
        return batch.gather(base, count: rows.count)
      }
      kept = rows
    }
    let isRegular = refusals.isEmpty && failures.isEmpty && rowCount == block.newlineCount
    let rejectCount = refusals.count + failures.count
    let rejects = rejectCount == 0 ? [] : describe(failures, limit: rejectLimit)
    return ParsedBlock(
      index: block.index, file: block.file, batch: batch, rejects: rejects,
      rejectCount: rejectCount, byteCount: block.byteCount, firstLine: block.firstLine,
      lineOffsets: isRegular ? nil : lineOffsets(kept))
  }

  /// The leftmost failure of each row that has any, in order of rows.
  private func firstFailures() -> [CSVColumnSink.FailedField] {
    let all = sinks.flatMap(\.failures).sorted { ($0.row, $0.column) < ($1.row, $1.column) }
    var first: [CSVColumnSink.FailedField] = []
    for failure in all where first.last?.row != failure.row { first.append(failure) }
    return first
  }

  private func keptRows(_ failures: [CSVColumnSink.FailedField]) -> [UInt32] {
    var rows: [UInt32] = []
    rows.reserveCapacity(rowCount - failures.count)
    var next = 0
    for row in 0..<rowCount {
      if next < failures.count && failures[next].row == row {
        next += 1
      } else {
        rows.append(UInt32(row))
      }
    }
    return rows
  }

  /// Counts newlines from row start to row start.
  private func lineOffsets(_ kept: [UInt32]?) -> [UInt32] {
    let starts = rowStarts.typed(UInt32.self)
    let count = kept?.count ?? rowCount
    var offsets: [UInt32] = []
    offsets.reserveCapacity(count)
    var at = 0
    var lines: UInt32 = 0
    for index in 0..<count {
      let start = Int(starts[kept.map { Int($0[index]) } ?? index])
      lines += newlines(at, start)
      at = start
      offsets.append(lines)
    }
    return offsets
  }

  private func newlines(_ start: Int, _ end: Int) -> UInt32 {
    var count: UInt32 = 0
    for at in start..<end where context.text[at] == scanner.newline { count += 1 }
    return count
  }

  /// Refused rows and failed fields as rejects, in file order.
  private func describe(_ failures: [CSVColumnSink.FailedField], limit: Int) -> [RejectedRow] {
    let starts = rowStarts.typed(UInt32.self)
    var found: [(start: Int, failure: CSVColumnSink.FailedField?, fieldCount: Int)] = []
    for refusal in refusals { found.append((refusal.start, nil, refusal.fieldCount)) }
    for failure in failures { found.append((Int(starts[failure.row]), failure, 0)) }
    found.sort { $0.start < $1.start }
    var line = block.firstLine
    var at = 0
    return found.prefix(max(0, limit)).map { item in
      line += UInt64(newlines(at, item.start))
      at = item.start
      return reject(item.start, line: line, failure: item.failure, fieldCount: item.fieldCount)
    }
  }

  private func reject(
    _ start: Int, line: UInt64, failure: CSVColumnSink.FailedField?, fieldCount: Int
  ) -> RejectedRow {
    var row = RejectedRow(
      file: block.file, line: line, column: "", value: "", reason: "", raw: rawRow(start))
    guard let failure else {
      row.reason =
        "expected \(columns.count) column\(columns.count == 1 ? "" : "s"), found \(fieldCount)"
      return row
    }
    row.column = columns[failure.column].name
    row.value = shortText(failure.start, failure.end)
    let type = columns[failure.column].type
    switch failure.failure {
    case .invalid: row.reason = "not a valid \(type)"
    case .outOfRange: row.reason = "out of range for \(type)"
    case .invalidUTF8: row.reason = "invalid UTF-8"
    case .isNull: row.reason = "NULL in a NOT NULL column"
    case .afterQuote: row.reason = "text after the closing quote"
    }
    return row
  }

  private func rawRow(_ start: Int) -> [UInt8] {
    var end = scanner.rowEnd(from: start) - 1
    if end > start && context.dropsCarriageReturn && context.text[end - 1] == 13 { end -= 1 }
    let row = UnsafeBufferPointer(start: context.text + start, count: end - start)
    guard let long = longDelimiter else { return Array(row) }
    return row.flatMap { $0 == DelimiterRewriter.standIn ? long : [$0] }
  }

  /// The field without its quotes, cut after 200 bytes.
  private func shortText(_ start: Int, _ end: Int) -> String {
    var start = start
    var end = end
    if context.isQuoted(start, end), let inside = context.inside(start, end) {
      start = inside.start
      end = inside.end
    }
    let isLong = end - start > 200
    let bytes = UnsafeBufferPointer(start: context.text + start, count: min(200, end - start))
    return String(decoding: bytes, as: UTF8.self) + (isLong ? "…" : "")
  }
}
