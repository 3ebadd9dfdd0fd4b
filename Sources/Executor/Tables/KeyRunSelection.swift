import Catalog
import Encodings
import Storage
import Vectors

// A query for one customer out of millions, an UPDATE by key, the join of INSERT … ON CONFLICT: the filter wants a few
// values of a column whose segments have key runs. A look into each run, some 4 KB of it, tells which row groups have
// them; the others are not read. The filter still runs on those that are left, so hashes need no second look here.

/// Row groups that may hold what a filter on a key wants.
final class KeyRunSelection {
  /// With more values, about every row group has one of them.
  private static let valueLimit = 64

  private struct Wanted {
    let column: ColumnID
    let values: Vector
    var numbers: [KeyRunForm: KeyNumbers] = [:]
  }

  private var wanted: [Wanted] = []
  /// Row groups of the segment asked for last; `nil` when its runs say nothing.
  private var last: (reader: SegmentReader, rowGroups: Set<Int>?)?

  /// `nil` when no filter wants few values.
  init?(_ filters: [ScanFilter]) {
    for filter in filters {
      guard let values = KeyRunSelection.values(of: filter) else { continue }
      wanted.append(Wanted(column: filter.column.id, values: values))
    }
    if wanted.isEmpty { return nil }
  }

  /// Whether the row group may hold rows that pass.
  func mayHold(_ rowGroup: Int, of reader: SegmentReader) throws(StoaError) -> Bool {
    if last?.reader !== reader { last = (reader, try rowGroups(of: reader)) }
    return last?.rowGroups?.contains(rowGroup) ?? true
  }

  private func rowGroups(of reader: SegmentReader) throws(StoaError) -> Set<Int>? {
    for index in wanted.indices {
      guard let run = reader.keyRun(of: [wanted[index].column]) else { continue }
      let positions = try run.positions(of: numbers(index, run.form))
      var found: Set<Int> = []
      var starts: [Int] = []
      var start = 0
      for rowGroup in 0..<reader.rowGroupCount {
        starts.append(start)
        start += reader.rowCount(ofRowGroup: rowGroup)
      }
      for position in positions {
        found.insert((starts.firstIndex { $0 > position } ?? starts.count) - 1)
      }
      return found
    }
    return nil
  }

  private func numbers(_ index: Int, _ form: KeyRunForm) -> KeyNumbers {
    if let known = wanted[index].numbers[form] { return known }
    var numbers = KeyNumbers([wanted[index].values], form)
    numbers.sort()
    wanted[index].numbers[form] = numbers
    return numbers
  }

  /// The values that a filter lets pass; `nil` when they are many or not known.
  private static func values(of filter: ScanFilter) -> Vector? {
    guard filter.column.id < SystemColumn.row else { return nil }
    var values: [Value] = []
    switch filter.filter.kind {
    case .comparison(.equal, let value): values = [value]
    case .oneOf(let list): values = list
    case .range(.integer(let lower)?, .integer(let upper)?):
      let (width, isTooWide) = upper.subtractingReportingOverflow(lower)
      guard !isTooWide, width >= 0, width < Int128(valueLimit) else { return nil }
      values = (0...Int(width)).map { .integer(lower + Int128($0)) }
    case .keyTable(let table):
      guard table.count <= 4096 else { return nil }
      for offset in 0..<table.count {
        let key = table.minimum &+ Int64(offset)
        if table.contains(key) { values.append(.integer(Int128(key))) }
        guard values.count <= valueLimit else { return nil }
      }
    case .comparison, .range, .isNull, .isNotNull, .keySet, .entries: return nil
    }
    values.removeAll(where: \.isNull)
    guard values.count <= valueLimit, let type = type(of: filter.column.type) else { return nil }
    var builder = VectorBuilder(type: type, capacity: values.count)
    for value in values {
      switch (value, type) {
      case (.integer, .hugeint), (.double, .double), (.string, .varchar),
        (.bytes, .blob):
        builder.append(value)
      default: return nil
      }
    }
    return builder.finish()
  }

  /// A type that holds whatever a filter compares a column with: equal numbers have equal keys in every width.
  private static func type(of type: LogicalType) -> LogicalType? {
    switch type.physical {
    case .int8, .int16, .int32, .int64, .int128: .hugeint
    case .float32, .float64: .double
    case .string: type == .blob ? .blob : .varchar
    case .bool: nil
    }
  }
}
