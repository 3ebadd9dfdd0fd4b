import Catalog
import Encodings
import Storage
import Vectors

/// Reads key columns of the rows that a table has already.
enum TableKeys {
  /// Calls `body` with the columns of each row group of the table.
  /// - Parameter bounds: of the first column, when it is an integer: row groups outside are not read.
  static func read(
    _ columns: [ColumnDefinition], of contents: TableContents, bounds: ClosedRange<Int64>? = nil,
    _ body: ([Vector]) throws(StoaError) -> Void
  ) throws(StoaError) {
    for group in try contents.rowGroups() where group.liveRowCount > 0 {
      if let bounds, let first = columns.first, let zone = group.zoneMap(first.id),
        isOutside(zone, bounds)
      {
        continue
      }
      try body(try group.liveValues(columns))
    }
  }

  private static func isOutside(_ zone: ZoneMap, _ bounds: ClosedRange<Int64>) -> Bool {
    guard let low = zone.min.integer, let high = zone.max.integer else { return false }
    return low > Int128(bounds.upperBound) || high < Int128(bounds.lowerBound)
  }
}

extension TableContents {
  /// Bounds of an integer column over all rows, deleted ones included; `nil` when they are not known or there are none.
  func bounds(of column: ColumnID) throws(StoaError) -> ClosedRange<Int64>? {
    var low: Int128 = .max
    var high: Int128 = .min
    for segment in segments {
      guard let stored = try segment.reader().column(column) else { return nil }
      guard !stored.minimum.isNull else { continue }
      guard let least = stored.minimum.integer, let most = stored.maximum.integer else {
        return nil
      }
      low = min(low, least)
      high = max(high, most)
    }
    for number in memtables.indices {
      for group in try rowGroups(ofSource: segments.count + number) {
        guard let zone = group.zoneMap(column) else { return nil }
        guard !zone.min.isNull else { continue }
        guard let least = zone.min.integer, let most = zone.max.integer else { return nil }
        low = min(low, least)
        high = max(high, most)
      }
    }
    guard low <= high, let first = Int64(exactly: low), let last = Int64(exactly: high) else {
      return nil
    }
    return first...last
  }
}
