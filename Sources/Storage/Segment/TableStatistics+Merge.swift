import Catalog
import Vectors

extension TableStatistics {
  /// Statistics of a table from the footers of its segments and from its rows in memory; deleted rows count.
  static func merged(
    _ table: TableDefinition, _ segments: [SegmentReader], _ memtables: [Memtable]
  ) -> TableStatistics {
    let blocks = memtables.flatMap(\.blocks)
    let rowCount =
      segments.reduce(0) { $0 + $1.rowCount } + blocks.reduce(0) { $0 + $1.rowCount }
    var statistics = TableStatistics(rowCount: rowCount)
    for column in table.columns {
      var parts = ColumnParts(column)
      for segment in segments { parts.add(segment) }
      for block in blocks { parts.add(block) }
      statistics.columns[column.id] = parts.finish()
    }
    return statistics
  }
}

/// Statistics of one column while those of its segments and blocks are put together.
private struct ColumnParts {
  private let column: ColumnDefinition
  private var result = ColumnStatistics()
  private var sketch = DistinctSketch()
  private var hasUnknownMaximum = false
  private var rowCount = 0

  init(_ column: ColumnDefinition) { self.column = column }

  mutating func add(_ segment: SegmentReader) {
    rowCount += segment.rowCount
    guard let stored = segment.column(column.id) else {
      return result.addConstant(
        column.initialValue ?? .null, rowCount: segment.rowCount, &sketch, column)
    }
    result.nullCount += Int(clamping: stored.nullCount)
    sketch.merge(stored.sketch)
    result.widen(stored.minimum)
    result.widen(stored.maximum)
    // A cut string is no upper bound.
    if !stored.maximumIsExact { hasUnknownMaximum = true }
  }

  mutating func add(_ block: RowBlock) {
    rowCount += block.rowCount
    guard let zone = block.zoneMap(column.id), let values = block.sketch(column.id) else {
      return result.addConstant(
        column.initialValue ?? .null, rowCount: block.rowCount, &sketch, column)
    }
    result.nullCount += zone.nullCount
    sketch.merge(values)
    result.widen(zone.min)
    result.widen(zone.max)
    if !zone.maxIsExact { hasUnknownMaximum = true }
  }

  func finish() -> ColumnStatistics {
    var result = result
    if hasUnknownMaximum { result.maximum = nil }
    if rowCount > 0 {
      result.distinctCount = min(sketch.estimate, Double(max(0, rowCount - result.nullCount)))
    }
    return result
  }
}

extension ColumnStatistics {
  fileprivate mutating func widen(_ value: Value) {
    guard !value.isNull else { return }
    minimum = minimum.map { Swift.min($0, value) } ?? value
    maximum = maximum.map { Swift.max($0, value) } ?? value
  }

  fileprivate mutating func addConstant(
    _ value: Value, rowCount: Int, _ sketch: inout DistinctSketch, _ column: ColumnDefinition
  ) {
    guard !value.isNull else {
      nullCount += rowCount
      return
    }
    widen(value)
    sketch.add(Vector(constant: value, type: column.type, count: 1))
  }
}

/// Statistics as they were put together, and from what.
struct KnownStatistics: Sendable {
  /// The segments and the number of rows in memory that statistics are made from.
  struct Key: Sendable {
    let segments: [SegmentID]
    let memoryRowCount: Int

    init(_ contents: TableContents) {
      segments = contents.segments.map(\.description.id)
      memoryRowCount = contents.memtables.reduce(0) { $0 + $1.rowCount }
    }

    /// Whether statistics from here are good enough for `other`: they guide plans, answers never depend on them.
    func isNear(_ other: Key) -> Bool {
      segments == other.segments
        && abs(memoryRowCount - other.memoryRowCount) <= memoryRowCount / 10
    }
  }

  let key: Key
  let definition: TableDefinition
  let merged: TableStatistics
}
