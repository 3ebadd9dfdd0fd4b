import Encodings
import Storage
import Vectors

/// What bitmap indexes of one segment say about the filters of a scan: rows of a row group are found by uniting
/// the bitmaps of the dictionary entries that pass, and intersecting over filters, before any column is read. A row
/// group without such rows costs no read at all.
///
/// Invariant: a filter that an index decides is decided exactly, so it need not run on the column.
struct BitmapSelection: Sendable {
  private struct Use {
    /// Position among the scan's filters.
    var filter: Int
    var index: BitmapIndex
    /// One flag per dictionary entry.
    var flags: [Bool]
  }

  private let uses: [Use]

  /// - Throws: `.corruption` when an index or a dictionary is damaged.
  init(_ filters: [ScanFilter], _ reader: SegmentReader) throws(StoaError) {
    var uses: [Use] = []
    for (position, filter) in filters.enumerated() where filter.isDecidedByEntries {
      guard let index = try reader.bitmapIndex(of: filter.column),
        let dictionary = try reader.dictionary(of: filter.column)
      else { continue }
      let flags = try BitmapIndex.flags(filter.filter, dictionary: dictionary)
      uses.append(Use(filter: position, index: index, flags: flags))
    }
    self.uses = uses
  }

  /// Rows of the row group that pass every filter the indexes are asked about, and those filters' positions. A
  /// filter that more than half of the rows pass is left to the column: decoding that many bits costs more.
  func rows(
    rowGroup: Int, rowCount: Int
  ) throws(StoaError) -> (rows: RowContainer, decided: Set<Int>)? {
    var found: RowContainer?
    var decided: Set<Int> = []
    for use in uses {
      let passing = try use.index.rows(passing: use.flags, rowGroup: rowGroup)
      guard passing.cardinality * 2 <= rowCount else { continue }
      found = found.map { $0.intersection(passing) } ?? passing
      decided.insert(use.filter)
    }
    return found.map { ($0, decided) }
  }
}

extension ScanFilter {
  /// Whether the entries of the dictionary decide the filter for every row (NULLs never pass).
  var isDecidedByEntries: Bool {
    switch filter.kind {
    case .comparison, .range, .oneOf, .entries: true
    case .isNull, .isNotNull, .keyTable, .keySet: false
    }
  }
}

extension SelectionVector {
  /// Exactly the rows of `container`.
  /// - Throws: `.corruption` when one of them is not below `rowCount`.
  func fill(
    _ container: RowContainer, rowCount: Int, of reader: SegmentReader, rowGroup: Int
  ) throws(StoaError) {
    var filled = 0
    var last = -1
    container.forEach { row in
      positions[filled] = UInt16(truncatingIfNeeded: row)
      last = row
      filled &+= 1
    }
    guard last < rowCount else {
      throw StoaError(
        .corruption, "a bitmap index names row \(last) of \(rowCount)", path: reader.path,
        rowGroup: rowGroup)
    }
    count = filled
  }
}
