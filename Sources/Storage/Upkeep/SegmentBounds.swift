import Catalog
import Kernels
import Vectors

/// First and last sort key of a segment, all columns of it: what decides whether segments overlap.
final class SegmentBounds {
  let description: SegmentDescription
  /// Two rows, one column per sort column.
  private let keys: [Vector]

  var id: SegmentID { description.id }

  /// - Throws: `.corruption`, or when a file cannot be read.
  init(_ segment: SegmentReference, _ columns: [ColumnDefinition]) throws(StoaError) {
    description = segment.description
    let reader = try segment.reader()
    let last = reader.rowGroupCount - 1
    guard last >= 0 else {
      throw StoaError(.corruption, "the segment has no rows", path: segment.path)
    }
    var keys: [Vector] = []
    for column in columns {
      let first = try SegmentBounds.value(reader, 0, column, 0)
      let end = try SegmentBounds.value(reader, last, column, reader.rowCount(ofRowGroup: last) - 1)
      keys.append(Vector.make(column.type, [first, end]))
    }
    self.keys = keys
  }

  private static func value(
    _ reader: SegmentReader, _ rowGroup: Int, _ column: ColumnDefinition, _ row: Int
  ) throws(StoaError) -> Value {
    let group = RowGroupSource(
      place: .segment(reader, rowGroup: rowGroup), rowCount: reader.rowCount(ofRowGroup: rowGroup),
      deleted: nil, firstRow: 0)
    let chunk = try group.chunk(column)
    guard row >= 0, row < chunk.rowCount else {
      throw StoaError(.corruption, "a row group has no rows", path: reader.path)
    }
    // Decoding begins on a block.
    let start = row & ~1023
    return try chunk.decode(rows: start..<(row + 1)).value(at: row - start)
  }

  /// Whether all rows of this segment may stand before all of `other` in a sorted run.
  func ends(before other: SegmentBounds) -> Bool { compare(1, other, 0) <= 0 }

  /// The order of first keys; older rows first among equal ones.
  func begins(before other: SegmentBounds) -> Bool {
    let order = compare(0, other, 0)
    return order != 0 ? order < 0 : isOlder(than: other)
  }

  func isOlder(than other: SegmentBounds) -> Bool {
    (description.commit, id) < (other.description.commit, other.id)
  }

  private func compare(_ row: Int, _ other: SegmentBounds, _ otherRow: Int) -> Int {
    RowComparator(SortedKeys.specifications(keys.count))
      .compare(keys, row, other.keys, otherRow)
  }
}

/// The segments of a table as sorted runs: within a run each segment ends before the next begins. There are as many
/// runs as segments overlap at the worst place.
struct SegmentRuns {
  private(set) var runs: [[SegmentBounds]] = []
  /// The largest set of segments that a key range has in common.
  private(set) var deepest: [SegmentBounds] = []

  /// Greedy: each segment, in the order of first keys, goes to the first run that has ended. That needs as few runs
  /// as there are (interval partitioning).
  init(_ segments: [SegmentBounds]) {
    for segment in segments.sorted(by: { $0.begins(before: $1) }) {
      let ended = runs.firstIndex { $0[$0.count - 1].ends(before: segment) }
      if let ended { runs[ended].append(segment) } else { runs.append([segment]) }
      let overlapping = runs.compactMap { run -> SegmentBounds? in
        let last = run[run.count - 1]
        return last === segment || !last.ends(before: segment) ? last : nil
      }
      if overlapping.count > deepest.count { deepest = overlapping }
    }
  }

  /// Segments in the order of their keys, those that overlap, directly or through others, together.
  static func components(_ segments: [SegmentBounds]) -> [[SegmentBounds]] {
    var components: [[SegmentBounds]] = []
    for segment in segments.sorted(by: { $0.begins(before: $1) }) {
      let isApart = components.last?.allSatisfy { $0.ends(before: segment) } ?? true
      if isApart { components.append([]) }
      components[components.count - 1].append(segment)
    }
    return components
  }

  /// The runs with the oldest rows first, which decides between equal keys.
  var oldestFirst: [[SegmentBounds]] {
    func oldest(_ run: [SegmentBounds]) -> SegmentBounds {
      run.reduce(run[0]) { $1.isOlder(than: $0) ? $1 : $0 }
    }
    return runs.sorted { oldest($0).isOlder(than: oldest($1)) }
  }
}
