import Catalog
import Vectors

extension TableStatistics {
  /// Statistics of a table from the footers of its segments.
  static func merged(
    _ table: TableDefinition, _ segments: [SegmentReader]
  ) -> TableStatistics {
    let rowCount = segments.reduce(0) { $0 + $1.rowCount }
    var statistics = TableStatistics(rowCount: rowCount)
    for column in table.columns {
      statistics.columns[column.id] = ColumnStatistics.merged(column, segments)
    }
    return statistics
  }
}

extension ColumnStatistics {
  fileprivate static func merged(
    _ column: ColumnDefinition, _ segments: [SegmentReader]
  ) -> ColumnStatistics {
    var result = ColumnStatistics()
    var sketch = DistinctSketch()
    var hasUnknownMaximum = false
    for segment in segments {
      guard let stored = segment.column(column.id) else {
        result.addConstant(
          column.initialValue ?? .null, rowCount: segment.rowCount, &sketch, column)
        continue
      }
      result.nullCount += Int(clamping: stored.nullCount)
      sketch.merge(stored.sketch)
      result.widen(stored.minimum)
      result.widen(stored.maximum)
      // A cut string is no upper bound.
      if !stored.maximumIsExact { hasUnknownMaximum = true }
    }
    if hasUnknownMaximum { result.maximum = nil }
    let valueCount = segments.reduce(0) { $0 + $1.rowCount } - result.nullCount
    if !segments.isEmpty {
      result.distinctCount = Swift.min(sketch.estimate, Double(max(0, valueCount)))
    }
    return result
  }

  private mutating func widen(_ value: Value) {
    guard !value.isNull else { return }
    minimum = minimum.map { Swift.min($0, value) } ?? value
    maximum = maximum.map { Swift.max($0, value) } ?? value
  }

  private mutating func addConstant(
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
