import Catalog
import Encodings
import Vectors

/// Rows of the row group that `append` is filling.
struct PendingRows {
  private let types: [LogicalType]
  private var parts: [Batch] = []
  private(set) var rowCount = 0

  init(_ definition: TableDefinition) { types = definition.columns.map(\.type) }

  mutating func append(_ batch: Batch, _ range: Range<Int>) {
    guard !range.isEmpty else { return }
    parts.append(batch.slice(range))
    rowCount += range.count
  }

  /// The rows as one vector per column; nothing is copied when they came as one batch.
  mutating func take() -> (vectors: [Vector], rowCount: Int) {
    defer {
      parts = []
      rowCount = 0
    }
    if parts.count == 1 { return (parts[0].columns, rowCount) }
    let vectors = types.indices.map { column -> Vector in
      var builder = VectorBuilder(type: types[column], capacity: rowCount)
      for part in parts { builder.append(part.columns[column]) }
      return builder.finish()
    }
    return (vectors, rowCount)
  }
}

/// What a segment writer remembers of one column.
struct ColumnState {
  /// Rows of one row group as numbers of entries of the row group, and those as numbers of `dictionary`.
  struct Kept {
    let rowGroup: Int
    let local: Buffer
    let numbers: [UInt32]
    let rowCount: Int
    let validity: Validity?

    /// A code of the sorted dictionary per row.
    func codes(ranks: [UInt32]) -> Buffer {
      let buffer = Buffer(of: UInt32.self, count: max(1, rowCount))
      let target = buffer.typed(UInt32.self)
      let source = local.typed(UInt16.self)
      let final = numbers.map { ranks[Int($0)] }
      if final.isEmpty {
        target.update(repeating: 0, count: rowCount)
        return buffer
      }
      final.withUnsafeBufferPointer { final in
        for row in 0..<rowCount { target[row] = final[Int(source[row])] }
      }
      return buffer
    }
  }

  var chunks: [Int: ChunkEntry] = [:]
  var sketch = DistinctSketch()
  var dictionary = TextDictionary()
  var kept: [Kept] = []
  var hasGivenUp = false
  var bitmaps = BitmapCollector()
  /// Codes of the dictionary's entries by number, once they are sorted.
  var ranks: [UInt32]?

  var byteCount: Int {
    dictionary.byteCount + bitmaps.byteCount
      + kept.reduce(0) {
        $0 + $1.local.byteCount + $1.numbers.count * 4 + ($1.validity == nil ? 0 : $1.rowCount / 8)
      }
  }

  /// Keeps the rows of one row group; returns the numbers of its entries.
  mutating func keep(_ codes: LocalCodes, rowGroup: Int) -> [UInt32] {
    let dictionary = dictionary
    let numbers = codes.entries.withValues(as: StringView.self) { views in
      (0..<codes.entries.count).map { dictionary.number(of: views[$0]) }
    }
    kept.append(
      Kept(
        rowGroup: rowGroup, local: codes.codes, numbers: numbers, rowCount: codes.rowCount,
        validity: codes.validity))
    return numbers
  }

  /// Ends the dictionary of texts of `type`, and a bitmap index with it; returns the rows that relied on it.
  mutating func giveUp(_ type: LogicalType) -> [(rowGroup: Int, codes: LocalCodes)] {
    hasGivenUp = true
    bitmaps.giveUp()
    defer {
      kept = []
      dictionary = TextDictionary()
    }
    return kept.map { group in
      let entries = dictionary.vector(group.numbers, type: type)
      let codes = LocalCodes(
        entries: entries, codes: group.local, rowCount: group.rowCount, validity: group.validity)
      return (group.rowGroup, codes)
    }
  }

  /// The entries in order of their bytes, and the place of each provisional number among them.
  func sorted(type: LogicalType) -> (entries: Vector, ranks: [UInt32]) {
    let order = dictionary.sortedNumbers()
    var ranks = [UInt32](repeating: 0, count: order.count)
    for (rank, number) in order.enumerated() { ranks[Int(number)] = UInt32(rank) }
    return (dictionary.vector(order, type: type), ranks)
  }
}

extension SegmentColumn {
  /// Statistics of a column from the zone maps of its chunks.
  init(
    _ definition: ColumnDefinition, _ chunks: [ChunkEntry], _ sketch: DistinctSketch,
    dictionaryEntryCount: Int, _ dictionaryBlocks: [BlockLocation]
  ) {
    self.init(
      id: definition.id, type: definition.type, isSorted: SegmentColumn.isSorted(chunks),
      nullCount: 0, minimum: .null, maximum: .null, minimumIsExact: true, maximumIsExact: true,
      sketch: sketch, dictionaryEntryCount: dictionaryEntryCount,
      dictionaryBlocks: dictionaryBlocks, bitmapBlocks: [], chunks: chunks)
    for zone in chunks.map(\.zone) {
      nullCount += UInt64(zone.nullCount)
      guard !zone.min.isNull else { continue }
      if minimum.isNull || zone.min < minimum {
        minimum = zone.min
        minimumIsExact = zone.minIsExact
      } else if zone.min == minimum && !zone.minIsExact {
        minimumIsExact = false
      }
      if maximum.isNull || maximum < zone.max {
        maximum = zone.max
        maximumIsExact = zone.maxIsExact
      } else if zone.max == maximum && !zone.maxIsExact {
        maximumIsExact = false
      }
    }
  }

  private static func isSorted(_ chunks: [ChunkEntry]) -> Bool {
    guard chunks.allSatisfy(\.zone.isSorted) else { return false }
    return zip(chunks, chunks.dropFirst()).allSatisfy { before, after in
      before.zone.maxIsExact && after.zone.minIsExact && !(after.zone.min < before.zone.max)
    }
  }
}
