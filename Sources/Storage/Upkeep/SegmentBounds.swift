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

/// Segments as sorted runs: within a run each segment ends before the next begins. There are as many runs as segments
/// overlap at the worst place.
struct SegmentRuns {
  private(set) var runs: [[SegmentBounds]] = []

  /// Greedy: each segment, in the order of first keys, goes to the first run that has ended. That needs as few runs
  /// as there are (interval partitioning).
  init(_ segments: [SegmentBounds]) {
    for segment in segments.sorted(by: { $0.begins(before: $1) }) {
      let ended = runs.firstIndex { $0[$0.count - 1].ends(before: segment) }
      if let ended { runs[ended].append(segment) } else { runs.append([segment]) }
    }
  }

  /// Calls `body` with the segments that overlap at the first key of each segment.
  static func sweep(_ segments: [SegmentBounds], _ body: ([SegmentBounds]) -> Void) {
    var overlapping: [SegmentBounds] = []
    for segment in segments.sorted(by: { $0.begins(before: $1) }) {
      overlapping.removeAll { $0.ends(before: segment) }
      overlapping.append(segment)
      body(overlapping)
    }
  }

  /// How many segments overlap at the worst place.
  static func depth(_ segments: [SegmentBounds]) -> Int {
    var depth = 0
    sweep(segments) { depth = max(depth, $0.count) }
    return depth
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

/// The segments of a table by the run they were written as: those of one flush, load or merge have the same commit.
/// Runs of one size are what merges join, so that each row moves from size to size and is written but a few times.
struct RunTiers {
  private let options: UpkeepOptions
  private var runs: [[SegmentBounds]] = []
  private var runOf: [SegmentID: Int] = [:]
  private var sizes: [UInt64] = []
  private let segments: [SegmentBounds]

  init(_ segments: [SegmentBounds], _ options: UpkeepOptions) {
    self.options = options
    self.segments = segments
    let groups = Dictionary(grouping: segments) { $0.description.commit }
    for commit in groups.keys.sorted() {
      for run in SegmentRuns(groups[commit] ?? []).runs {
        for segment in run { runOf[segment.id] = runs.count }
        let byteCount = run.reduce(0) { $0 &+ $1.description.byteCount }
        sizes.append(max(byteCount, options.smallestRunByteCount))
        runs.append(run)
      }
    }
  }

  /// Segments to be merged: of runs of about one size, `fanIn` or more of which overlap somewhere; or of the smallest
  /// ones where so many overlap that reading suffers. Segments of these runs that overlap no other stay.
  func merge() -> [SegmentBounds]? {
    var best: [Int] = []
    var place: SegmentBounds?
    SegmentRuns.sweep(segments) { overlapping in
      guard overlapping.count >= options.fanIn, overlapping.count > best.count,
        let chosen = choose(overlapping.compactMap { runOf[$0.id] }), chosen.count > best.count
      else { return }
      best = chosen
      place = overlapping.first { runOf[$0.id] == chosen[0] }
    }
    guard let place else { return nil }
    return SegmentRuns.components(best.flatMap { runs[$0] }).first { component in
      component.contains { $0 === place }
    }
  }

  /// Runs, the smallest first, as long as the largest is no more than twice the mean.
  private func choose(_ overlapping: [Int]) -> [Int]? {
    let sorted = overlapping.sorted { (sizes[$0], $0) < (sizes[$1], $1) }
    var total: UInt64 = 0
    var count: Int?
    for (index, run) in sorted.enumerated() {
      total &+= sizes[run]
      let mean = total / UInt64(index + 1)
      if index + 1 >= options.fanIn, sizes[run] <= mean &* 2 { count = index + 1 }
    }
    if count == nil, sorted.count > options.overlapLimit * 3 / 4 { count = options.fanIn }
    return count.map { Array(sorted.prefix(min($0, MergedRows.runLimit))) }
  }
}
