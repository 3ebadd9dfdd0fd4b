import Catalog
import Encodings
import Kernels
import Storage
import Vectors

// Three questions, for each PRIMARY KEY and UNIQUE of the table being loaded:
//
//   duplicates among the rows      Keys that are a prefix of the sort key stand together in the final order. Others are
//                                  in a hash table while rows are few, or found by a merge of the key runs of the
//                                  segments that were written (`LoadedKeys`).
//   rows the table has             `KeyLookup`, a row group of new rows at a time; or that merge.
//   rows that others committed     The same at the commit, among rows that were not there before (`CommitChecks`).
//
// So memory does not grow with the rows of a load or of the table.

/// One PRIMARY KEY or UNIQUE of the table being loaded. One thread at a time.
final class UniqueCheck {
  private let key: KeyDefinition
  private let definition: TableDefinition
  /// What the table had before.
  private let before: TableContents
  /// Rows of it that need not be looked at.
  private let known: KnownRows
  private let positions: [Int]
  private let columns: [ColumnDefinition]
  private let budget: MemoryBudget
  private let shape: KeyShape
  /// Whether equal keys stand next to each other in the order of the rows.
  let isPrefix: Bool
  /// Keys of few rows in any order.
  private let table: any KeyTable
  private var last: (columns: [Vector], origin: Int64)?
  private let comparator: RowComparator
  let violations = Violations()

  init(
    _ key: KeyDefinition, of definition: TableDefinition, before: Snapshot,
    except known: KnownRows = KnownRows(), budget: MemoryBudget
  ) throws(StoaError) {
    self.key = key
    self.definition = definition
    self.before = before.contents(of: definition.id)
    self.budget = budget
    self.known = known
    positions = key.columns.compactMap { definition.index(of: $0) }
    guard positions.count == key.columns.count, !positions.isEmpty else {
      throw StoaError(.inconsistency, "a key names columns that are gone", table: definition.name)
    }
    columns = positions.map { [definition] in definition.columns[$0] }
    isPrefix = definition.isSortPrefix(key.columns)
    shape = KeyShape(columns.map(\.type))
    table = shape.makeTable()
    comparator = RowComparator(positions.map { _ in SortSpecification() })
  }

  /// Looks at the next rows in their final order. Rows of segments are given only if `isPrefix`.
  func add(_ columns: [Vector], origins: [Int64]) throws(StoaError) {
    let own = positions.map { columns[$0] }
    let rows = KeyRows(own)
    if isPrefix {
      addAdjacent(rows, origins)
    } else {
      table.insert(rows, origins: origins) { row, first in
        violate(rows, row, origins[row], first, isInTable: false)
      }
    }
    if !before.isEmpty { try compare(rows.columns, origins) }
  }

  private func addAdjacent(_ rows: KeyRows, _ origins: [Int64]) {
    guard rows.count > 0 else { return }
    if let last, comparator.compare(last.columns, 0, rows.columns, 0) == 0, !rows.hasNull(0) {
      violate(rows, 0, origins[0], last.origin, isInTable: false)
    }
    for row in 0..<(rows.count - 1)
    where comparator.compare(rows.columns, row, rows.columns, row + 1) == 0 && !rows.hasNull(row) {
      violate(rows, row + 1, origins[row + 1], origins[row], isInTable: false)
    }
    let end = rows.count - 1
    last = (rows.columns.map { $0.slice(end..<(end + 1)) }, origins[end])
  }

  private func violate(
    _ rows: KeyRows, _ row: Int, _ origin: Int64, _ other: Int64, isInTable: Bool
  ) {
    violate(rows.text(row), origin, other: isInTable ? nil : other)
  }

  /// - Parameter other: origin of another row of the load with the key; `nil` when the table has it.
  private func violate(_ key: String, _ origin: Int64, other: Int64?) {
    guard violations.count < Violations.sufficientCount else { return }
    // The later line is the wrong one, whatever the order of sorting.
    let wrong = RowOrigin(bits: max(origin, other ?? origin))
    violations.add(
      .init(
        origin: wrong, key: key, other: other.map { RowOrigin(bits: min(origin, $0)) },
        isInTable: other == nil),
      origin: wrong)
  }

  /// Compares rows with those of the table.
  private func compare(_ columns: [Vector], _ origins: [Int64]) throws(StoaError) {
    let probe = KeyProbe(columns, shape)
    var found: Set<Int> = []
    try KeyLookup(self.columns, in: before, except: known, budget: budget).find(probe) {
      found.insert($0)
    }
    for row in found.sorted() {
      violate(probe.rows, row, origins[row], origins[row], isInTable: true)
    }
  }

  // MARK: Rows in segments

  /// Looks at all rows of a large load, which are in `segments` now.
  /// - Parameters:
  ///   - view: contents with those segments.
  ///   - origins: finds the origins of rows by their places in the load, ascending.
  func addLoaded(
    _ segments: [SegmentID], view: TableContents,
    checkCancellation: (@Sendable () throws(StoaError) -> Void)?,
    origins: ([Int]) throws(StoaError) -> [Int64]
  ) throws(StoaError) {
    guard !isPrefix, !segments.isEmpty else { return }
    let keys = try LoadedKeys(
      columns, own: view, segments: segments, limit: Violations.sufficientCount, budget: budget,
      checkCancellation: checkCancellation)
    let duplicates = try keys.duplicates(in: before, isNew: true)
    guard !duplicates.isEmpty else { return }
    let rows = Set(duplicates.flatMap { [$0.row, $0.other ?? $0.row] }).sorted()
    let found = try origins(rows)
    let byRow = Dictionary(uniqueKeysWithValues: zip(rows, found))
    for duplicate in duplicates {
      violate(
        duplicate.key, byRow[duplicate.row] ?? 0,
        other: duplicate.other.map { byRow[$0] ?? 0 })
    }
  }

  // MARK: The commit

  /// Compares rows of a transaction, which were checked against each other when they came.
  func addCommitted(_ added: TableContents) throws(StoaError) {
    var rowCount = 0
    var loaded: [SegmentID] = []
    for source in 0..<added.sourceCount {
      let segment = source < added.segments.count ? added.segments[source] : nil
      if !isPrefix, let segment, try segment.reader().keyRun(of: key.columns) != nil {
        loaded.append(segment.description.id)
        continue
      }
      for group in try added.rowGroups(ofSource: source) where group.liveRowCount > 0 {
        let vectors = try group.liveValues(columns)
        try compare(vectors, UniqueCheck.origins(rowCount..<(rowCount + vectors[0].count)))
        rowCount += vectors[0].count
      }
    }
    guard !loaded.isEmpty else { return }
    let keys = try LoadedKeys(
      columns, own: added, segments: loaded, limit: Violations.sufficientCount, budget: budget,
      checkCancellation: nil)
    for duplicate in try keys.duplicates(in: before, except: known, isNew: false) {
      violate(
        duplicate.key, RowOrigin(file: 0, line: UInt64(rowCount + duplicate.row + 1)).bits,
        other: nil)
    }
  }

  /// Origins of rows that are only counted.
  private static func origins(_ rows: Range<Int>) -> [Int64] {
    rows.map { RowOrigin(file: 0, line: UInt64($0 + 1)).bits }
  }

  private var names: String { columns.map(\.name).joined(separator: ", ") }
  private var kind: String { key.isPrimary ? "primary key" : "unique key" }

  func error(_ origins: RowOrigins) -> StoaError? {
    violations.error(origins, table: definition.name, column: names) { count in
      "\(count) duplicate\(count == "1" ? "" : "s") of the \(kind) (\(names))"
    }
  }
}
