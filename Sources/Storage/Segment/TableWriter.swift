import Catalog
import Vectors

/// Writes any number of sorted rows of one table, beginning a new segment whenever one is full.
public final class TableWriter {
  public let table: TableID
  private let transaction: WriteTransaction
  private let options: SegmentWriterOptions
  private var current: SegmentWriter?
  /// Segments finished so far.
  public private(set) var segments: [SegmentDescription] = []

  init(transaction: WriteTransaction, table: TableID, options: SegmentWriterOptions) {
    self.transaction = transaction
    self.table = table
    self.options = options
  }

  /// Rows given so far.
  public var rowCount: Int {
    segments.reduce(current?.rowCount ?? 0) { $0 + Int(clamping: $1.rowCount) }
  }

  /// Adds rows, one vector per column of the table in its order.
  public func append(_ batch: Batch) throws(StoaError) {
    var offset = 0
    while offset < batch.rowCount {
      let writer = try openWriter()
      // A batch may cross a row group, after which the segment may be full for lack of memory.
      let groupRoom = options.rowGroupCapacity - writer.rowCount % options.rowGroupCapacity
      let count = min(batch.rowCount - offset, writer.room, groupRoom)
      try writer.append(batch.slice(offset..<(offset + count)))
      offset += count
      if writer.isFull { try finishSegment() }
    }
  }

  /// The encoder for row groups that other threads prepare; good for every segment of the table.
  public func encoder() throws(StoaError) -> RowGroupEncoder { try openWriter().encoder }

  /// Adds an encoded row group behind those before. Not to be mixed with `append`.
  public func write(_ group: EncodedRowGroup) throws(StoaError) {
    let writer = try openWriter()
    try writer.write(group)
    if writer.isFull { try finishSegment() }
  }

  private func openWriter() throws(StoaError) -> SegmentWriter {
    if let current { return current }
    let writer = try transaction.makeSegmentWriter(table, options: options)
    current = writer
    return writer
  }

  private func finishSegment() throws(StoaError) {
    guard let writer = current else { return }
    current = nil
    if let segment = try writer.finish() { segments.append(segment) }
  }

  /// Finishes the last segment. The rows are committed with the transaction.
  @discardableResult
  public func finish() throws(StoaError) -> [SegmentDescription] {
    try finishSegment()
    return segments
  }
}
