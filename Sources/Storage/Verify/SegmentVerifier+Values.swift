import Catalog
import Encodings
import Kernels
import Vectors

// What the footer says of the values, against the values.
extension SegmentVerifier {
  /// One column: dictionary, chunks, index, statistics.
  mutating func check(_ stored: SegmentColumn, _ reader: SegmentReader) throws(StoaError) {
    let column = definition(of: stored)
    let isShared = checkSharedBlocks(stored, column, reader)
    var dictionary: Vector?
    var isReadable = isShared
    if isShared {
      do throws(StoaError) {
        dictionary = try reader.dictionary(of: column)
      } catch {
        isReadable = false
        add(error, column: column.name, affected: "all rows")
      }
    }
    var sketch = stored.sketch
    for (rowGroup, entry) in stored.chunks.enumerated() {
      try pulse()
      guard isReadable else {
        checkBlock(
          entry.block, number: UInt32(rowGroup), rowGroup: rowGroup, column, reader)
        continue
      }
      check(entry, rowGroup, column, reader, &sketch)
    }
    // The reader knows the dictionary only as long as somebody holds it.
    withExtendedLifetime(dictionary) {}
    checkStatistics(stored, column, sketch)
    if isReadable && isDeep && findings.isEmpty { checkIndex(column, reader) }
  }

  private mutating func check(
    _ entry: ChunkEntry, _ rowGroup: Int, _ column: ColumnDefinition, _ reader: SegmentReader,
    _ sketch: inout DistinctSketch
  ) {
    do throws(StoaError) {
      let chunk = try reader.readChunk(rowGroup, column)
      let values = try chunk.decode(rows: 0..<chunk.rowCount)
      guard chunk.encoding == entry.encoding else {
        return add("the directory names another encoding", rowGroup: rowGroup, column: column.name)
      }
      if let complaint = try SegmentVerifier.complaint(chunk, entry.zone) {
        add(
          "\(complaint); affected: \(SegmentVerifier.rows(rowGroup, reader.footer))",
          rowGroup: rowGroup, column: column.name)
      }
      let start = reader.footer.rowGroups.prefix(rowGroup).reduce(0, +)
      let isRequired = table.columns.contains { $0.id == column.id && !$0.isNullable }
      if isRequired, let row = firstNull(values, start: start) {
        add("row \(row) is NULL in a NOT NULL column", rowGroup: rowGroup, column: column.name)
      }
      if isDeep {
        var found = DistinctSketch()
        found.add(values)
        sketch.merge(found)
        if entry.zone.isSorted, let row = SegmentVerifier.firstDescent(values.flattened()) {
          add(
            "the zone map says sorted, but row \(start + row) is less than the one before",
            rowGroup: rowGroup, column: column.name)
        }
      }
    } catch {
      add(
        error, rowGroup: rowGroup, column: column.name,
        affected: SegmentVerifier.rows(rowGroup, reader.footer))
    }
  }

  /// What is wrong with a zone map; `nil` when it fits.
  private static func complaint(_ chunk: ColumnChunk, _ zone: ZoneMap) throws(StoaError) -> String?
  {
    guard chunk.nullCount == zone.nullCount, chunk.rowCount == zone.rowCount else {
      return "the zone map counts \(zone.nullCount) NULLs where there are \(chunk.nullCount)"
    }
    guard let bounds = try chunk.minMax() else {
      return zone.min.isNull && zone.max.isNull ? nil : "the zone map has bounds of no value"
    }
    let isBelow = !(bounds.min < zone.min) && (!zone.minIsExact || !(zone.min < bounds.min))
    let isAbove: Bool
    if zone.maxIsExact {
      isAbove = !(bounds.max < zone.max) && !(zone.max < bounds.max)
    } else if let cut = zone.max.bytes, let whole = bounds.max.bytes {
      isAbove = whole.starts(with: cut)
    } else {
      isAbove = false
    }
    return isBelow && isAbove ? nil : "the zone map does not fit the values"
  }

  /// The first row, counted in the segment, that is NULL and not deleted.
  private func firstNull(_ values: Vector, start: Int) -> Int? {
    guard (0..<values.count).contains(where: { !values.isValid($0) }) else { return nil }
    return (0..<values.count).first {
      !values.isValid($0) && !(deleted?.contains(start + $0) ?? false)
    }.map { start + $0 }
  }

  /// The first row that is less than the one before.
  private static func firstDescent(_ values: Vector) -> Int? {
    guard values.count > 1 else { return nil }
    if values.type == .interval {
      let flat = values.flattened()
      return (1..<flat.count).first {
        RowComparator.compare(flat, $0 - 1, flat, $0, SortSpecification(nullsFirst: false)) > 0
      }
    }
    var last = values.value(at: 0)
    for row in 1..<values.count {
      let value = values.value(at: row)
      if value < last { return row }
      last = value
    }
    return nil
  }

  /// The column's statistics, which the planner believes, against the zone maps and the sketch of all values.
  private mutating func checkStatistics(
    _ stored: SegmentColumn, _ column: ColumnDefinition, _ sketch: DistinctSketch
  ) {
    let expected = SegmentColumn(
      column, stored.chunks, stored.sketch, dictionaryEntryCount: stored.dictionaryEntryCount,
      stored.dictionaryBlocks)
    let isSame =
      expected.nullCount == stored.nullCount && expected.isSorted == stored.isSorted
      && !(expected.minimum < stored.minimum) && !(stored.minimum < expected.minimum)
      && !(expected.maximum < stored.maximum) && !(stored.maximum < expected.maximum)
      && expected.minimumIsExact == stored.minimumIsExact
      && expected.maximumIsExact == stored.maximumIsExact
    if !isSame {
      add("the statistics of the column do not fit its zone maps", column: column.name)
    }
    if sketch != stored.sketch { add("the distinct sketch lacks values", column: column.name) }
  }

  private mutating func checkIndex(_ column: ColumnDefinition, _ reader: SegmentReader) {
    do throws(StoaError) {
      try reader.verifyBitmapIndex(column)
    } catch {
      add(error, column: column.name, affected: "rows that the index finds or hides")
    }
  }

  /// Rows must ascend by the sort key, over row groups too; the first row that does not is reported per group.
  mutating func checkOrder(_ reader: SegmentReader) throws(StoaError) {
    let columns = reader.footer.sortKey.compactMap { reader.column($0) }.map { definition(of: $0) }
    guard !columns.isEmpty, columns.count == reader.footer.sortKey.count else { return }
    var last: [Value]?
    var start = 0
    for rowGroup in reader.footer.rowGroups.indices {
      try pulse()
      var vectors: [Vector] = []
      for column in columns {
        guard let chunk = try? reader.readChunk(rowGroup, column),
          let values = try? chunk.decode(rows: 0..<chunk.rowCount)
        else { break }
        vectors.append(values.flattened())
      }
      // Damage is already reported; what comes behind it is compared among itself.
      if vectors.count == columns.count {
        let (row, end) = SegmentVerifier.firstDisorder(vectors, after: last)
        if let row {
          add("row \(start + row) is out of the order of the sort key", rowGroup: rowGroup)
        }
        last = end
      } else {
        last = nil
      }
      start += reader.footer.rowGroups[rowGroup]
    }
  }

  /// The first row that sorts before the one above it, and the last row.
  private static func firstDisorder(
    _ vectors: [Vector], after previous: [Value]?
  ) -> (row: Int?, last: [Value]?) {
    var last = previous
    var found: Int?
    for row in 0..<(vectors.first?.count ?? 0) {
      let values = vectors.map { $0.value(at: row) }
      if found == nil, let last, precedes(values, last) { found = row }
      last = values
    }
    return (found, last)
  }

  private static func precedes(_ left: [Value], _ right: [Value]) -> Bool {
    for (a, b) in zip(left, right) {
      if a < b { return true }
      if b < a { return false }
    }
    return false
  }
}
