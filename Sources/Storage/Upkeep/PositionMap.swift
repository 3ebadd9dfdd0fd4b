import Catalog
import Encodings
import Vectors

// Where rows went that flush or compaction wrote anew. A job needs it for the deletes that come while it works; it is
// kept after that for transactions that began before the job's commit and name rows by their old places.

/// Old places of rows to new ones, of one finished job.
protocol PositionMap: Sendable {
  /// Bytes in memory, roughly.
  var byteCount: Int { get }
  /// Where rows went, counted from the first row of the first new segment, ascending. Rows that were deleted before
  /// the job began went nowhere.
  /// - Parameter rows: by id of their old segment or memtable.
  func newPositions(of rows: [SegmentID: DeleteVector]) -> [Int]
}

/// Rows of memtables that were sorted: the old name of each new row.
struct FlushedPositions: PositionMap {
  struct Source {
    let id: SegmentID
    let start: Int
    let rowCount: Int
  }

  let sources: [Source]
  /// In their new order, named as `RowGathering` does.
  let names: [UInt32]

  var byteCount: Int { names.count * 4 + sources.count * MemoryLayout<Source>.stride }

  func newPositions(of rows: [SegmentID: DeleteVector]) -> [Int] {
    let late = sources.map { source in
      rows[source.id]?.container(of: source.start..<(source.start + source.rowCount))
    }
    guard late.contains(where: { $0 != nil }) else { return [] }
    return names.indices.filter { index in
      let name = Int(names[index])
      return late[name >> 16]?.contains(name & 0xFFFF) == true
    }
  }
}

/// Rows of runs that were merged: which run each new row came from. The n-th row left of a run went to where that run
/// was chosen for the n-th time.
struct MergedPositions: PositionMap {
  /// A row group of a run.
  struct Piece {
    let segment: SegmentID
    /// Position of its first row in the segment.
    let start: Int
    let rowCount: Int
    /// Rows left out, counted from the first.
    let deleted: RowContainer?
  }

  /// Which runs the rows of one new row group came from.
  enum Group {
    case run(Int, rowCount: Int)
    case runs([UInt8])
  }

  let runs: [[Piece]]
  let groups: [Group]

  var byteCount: Int {
    var bytes = 0
    for piece in runs.joined() {
      bytes += MemoryLayout<Piece>.stride + (piece.deleted?.byteCount ?? 0)
    }
    for case .runs(let origins) in groups { bytes += origins.count }
    return bytes + groups.count * MemoryLayout<Group>.stride
  }

  func newPositions(of rows: [SegmentID: DeleteVector]) -> [Int] {
    var late = runs.map { MergedPositions.ranks(of: rows, in: $0)[...] }
    guard late.contains(where: { !$0.isEmpty }) else { return [] }
    var counts = [Int](repeating: 0, count: runs.count)
    var positions: [Int] = []
    var start = 0
    for group in groups {
      switch group {
      case .run(let run, let rowCount):
        while let rank = late[run].first, rank < counts[run] + rowCount {
          positions.append(start + rank - counts[run])
          late[run].removeFirst()
        }
        counts[run] += rowCount
        start += rowCount
      case .runs(let origins):
        for (index, origin) in origins.enumerated() {
          let run = Int(origin)
          if late[run].first == counts[run] {
            positions.append(start + index)
            late[run].removeFirst()
          }
          counts[run] += 1
        }
        start += origins.count
      }
    }
    return positions
  }

  /// Which rows of the run these are, counted without those deleted before the merge, ascending.
  private static func ranks(of rows: [SegmentID: DeleteVector], in run: [Piece]) -> [Int] {
    var ranks: [Int] = []
    var start = 0
    for piece in run {
      defer { start += piece.rowCount - (piece.deleted?.cardinality ?? 0) }
      let range = piece.start..<(piece.start + piece.rowCount)
      guard let late = rows[piece.segment]?.container(of: range) else { continue }
      late.forEach { row in
        guard let deleted = piece.deleted else {
          ranks.append(start + row)
          return
        }
        if !deleted.contains(row) { ranks.append(start + row - deleted.rank(row)) }
      }
    }
    return ranks
  }
}

/// Rows of one table that got new places with one commit.
struct RowMove: Sendable {
  /// A segment or memtable as it was when the job began.
  struct Input: Sendable {
    let rowCount: Int
    let deleted: DeleteVector
  }

  let commit: CommitNumber
  let table: TableID
  let inputs: [SegmentID: Input]
  /// In the order in which the map counts their rows.
  let outputs: [(id: SegmentID, rowCount: Int)]
  let map: any PositionMap
  /// What the map takes of the budget.
  let reservation: MemoryReservation

  /// Where rows went, by id of their new segment.
  func newPlaces(of rows: [SegmentID: DeleteVector]) -> [SegmentID: DeleteVector] {
    RowMove.places(map.newPositions(of: rows), outputs)
  }

  /// Cuts positions, counted through all segments, at their borders.
  static func places(
    _ positions: [Int], _ outputs: [(id: SegmentID, rowCount: Int)]
  ) -> [SegmentID: DeleteVector] {
    var places: [SegmentID: DeleteVector] = [:]
    var start = 0
    var next = 0
    for output in outputs {
      let end = start + output.rowCount
      var last = next
      while last < positions.count, positions[last] < end { last += 1 }
      if last > next {
        places[output.id] = DeleteVector(positions: positions[next..<last].map { $0 - start })
      }
      next = last
      start = end
    }
    return places
  }
}
