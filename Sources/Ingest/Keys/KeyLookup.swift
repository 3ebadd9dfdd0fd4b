import Catalog
import Encodings
import Kernels
import Storage
import Vectors

/// Keys of some rows in memory, to be looked for in tables.
final class KeyProbe {
  let rows: KeyRows
  let shape: KeyShape
  private var numbersByForm: [KeyRunForm: [[Int]: KeyNumbers]] = [:]
  /// The first row of each key, for sources that are read from end to end.
  private lazy var table: any KeyTable = makeTable()
  /// The other rows of a key, by the first.
  private var repeats: [Int: [Int]] = [:]
  /// Bounds of each column, for zone maps.
  private(set) lazy var zones = rows.columns.map { ZoneMap(of: $0) }

  /// What the first column must be, when the keys are few; filters know no intervals that are equal and written otherwise.
  private(set) lazy var filter: ColumnFilter? =
    rows.count <= KeyProbe.filterLength && rows.columns[0].type != .interval
    ? ColumnFilter(.oneOf((0..<rows.count).map { rows.columns[0].value(at: $0) })) : nil

  /// With more keys, row groups are read from end to end.
  private static let filterLength = 64

  init(_ columns: [Vector], _ shape: KeyShape) {
    rows = KeyRows(columns)
    self.shape = shape
  }

  var count: Int { rows.count }

  /// The numbers of the keys, sorted.
  /// - Parameter order: places of the run's columns among those of the key.
  func numbers(_ form: KeyRunForm, order: [Int]) -> KeyNumbers {
    if let known = numbersByForm[form]?[order] { return known }
    var numbers = KeyNumbers(order.map { rows.columns[$0] }, form)
    numbers.sort()
    numbersByForm[form, default: [:]][order] = numbers
    return numbers
  }

  private func makeTable() -> any KeyTable {
    let table = shape.makeTable()
    table.insert(rows, origins: (0..<Int64(rows.count)).map { $0 }) { row, first in
      repeats[Int(first), default: []].append(row)
    }
    return table
  }

  /// Calls `found` for all rows whose key is among `others`.
  func find(in others: KeyRows, _ found: (_ row: Int) -> Void) {
    table.find(
      others,
      found: { _, origin in
        let first = Int(origin)
        found(first)
        for row in repeats[first] ?? [] { found(row) }
      }, missing: { _ in })
  }

  /// Whether no key lies within these bounds of column `index`.
  func isOutside(_ zone: ZoneMap?, _ index: Int) -> Bool {
    guard let zone else { return false }
    let own = zones[index]
    if own.min.isNull || zone.min.isNull { return true }
    switch (own.min, own.max, zone.min, zone.max) {
    case (.integer(let low), .integer(let high), .integer(let least), .integer(let most)):
      // Intervals are equal when their lengths are; the bits below only tell how they are written.
      let shift = rows.columns[index].type == .interval ? Interval.lengthShift : 0
      return most >> shift < low >> shift || least >> shift > high >> shift
    case (.string, .string, .string, .string):
      return (zone.maxIsExact && zone.max < own.min) || own.max < zone.min
    default: return false
    }
  }
}

/// How many rows of each segment and memtable were looked at before; they need not be again.
struct KnownRows {
  private let counts: [SegmentID: Int]

  /// - Parameter counts: the first rows of each segment or memtable.
  init(_ counts: [SegmentID: Int] = [:]) { self.counts = counts }

  /// Rows at the beginning of a source that are known.
  subscript(id: SegmentID) -> Int { counts[id] ?? 0 }
}

/// Looks for keys among the rows of one table: in key runs where segments have them, in sorted keys of memtable blocks,
/// else in the columns of row groups that zone maps do not exclude.
struct KeyLookup {
  /// The columns looked in, in the order of the key's.
  let columns: [ColumnDefinition]
  let contents: TableContents
  let known: KnownRows
  private let budget: MemoryBudget

  /// - Parameter budget: what sorted keys of memtables, which are kept, count in.
  init(
    _ columns: [ColumnDefinition], in contents: TableContents,
    except known: KnownRows = KnownRows(), budget: MemoryBudget
  ) {
    self.columns = columns
    self.budget = budget
    self.contents = contents
    self.known = known
  }

  /// Calls `found(row)` for rows of the probe whose key some row of the table has, perhaps more than once.
  func find(_ probe: KeyProbe, _ found: (_ row: Int) -> Void) throws(StoaError) {
    guard probe.count > 0 else { return }
    for (source, segment) in contents.segments.enumerated()
    where known[segment.description.id] == 0 {
      let reader = try segment.reader()
      guard !isOutside(reader, probe) else { continue }
      if let run = reader.keyRun(of: columns.map(\.id)) {
        try find(probe, run, source, found)
      } else {
        try scan(probe, source, found)
      }
    }
    for (number, memtable) in contents.memtables.enumerated() {
      try find(probe, memtable, contents.segments.count + number, found)
    }
  }

  /// Whether the segment's statistics exclude every key.
  private func isOutside(_ reader: SegmentReader, _ probe: KeyProbe) -> Bool {
    columns.indices.contains { index in
      guard let stored = reader.column(columns[index].id) else { return false }
      let zone = ZoneMap(
        rowCount: reader.rowCount, nullCount: 0, min: stored.minimum, max: stored.maximum,
        minIsExact: stored.minimumIsExact, maxIsExact: stored.maximumIsExact, distinctEstimate: 0,
        isSorted: false)
      return probe.isOutside(zone, index)
    }
  }

  /// Places of the columns `ids` among those of the key.
  private func order(_ ids: [ColumnID]) -> [Int] {
    ids.compactMap { id in columns.firstIndex { $0.id == id } }
  }

  private func find(
    _ probe: KeyProbe, _ run: KeyRun, _ source: Int, _ found: (Int) -> Void
  ) throws(StoaError) {
    let numbers = probe.numbers(run.form, order: order(run.columns))
    let deleted = contents.deletes[contents.id(ofSource: source)]
    var candidates: [KeyCandidate] = []
    let lookup = try KeyRunProbe(run, keyCount: numbers.count)
    try numbers.find(lookup) { index, position in
      guard deleted?.contains(position) != true else { return }
      let row = Int(numbers.rows[index])
      switch run.form {
      case .values: found(row)
      case .hashes:
        candidates.append(KeyCandidate(tag: row, source: source, position: position))
      }
    }
    try verify(candidates, probe, found)
  }

  /// Compares rows with equal hashes.
  private func verify(
    _ candidates: [KeyCandidate], _ probe: KeyProbe, _ found: (Int) -> Void
  ) throws(StoaError) {
    var own: [UInt8] = []
    var other: [UInt8] = []
    try contents.fetch(candidates, columns) { candidate, rows, row in
      own.removeAll(keepingCapacity: true)
      other.removeAll(keepingCapacity: true)
      probe.rows.appendBytes(candidate.tag, to: &own)
      rows.appendBytes(row, to: &other)
      if own == other { found(candidate.tag) }
    }
  }

  /// Reads the row groups of a source whose zone maps leave room for a key.
  private func scan(
    _ probe: KeyProbe, _ source: Int, _ found: (Int) -> Void
  ) throws(StoaError) {
    for group in try contents.rowGroups(ofSource: source) where group.liveRowCount > 0 {
      let isExcluded = columns.indices.contains {
        probe.isOutside(group.zoneMap(columns[$0].id), $0)
      }
      if isExcluded { continue }
      if let filter = probe.filter, try select(probe, filter, group, found) { continue }
      probe.find(in: KeyRows(try group.liveValues(columns)), found)
    }
  }

  /// Filters the first column while it is encoded and looks at the rows that pass.
  /// - Returns: false when they are too many, and nothing was done.
  private func select(
    _ probe: KeyProbe, _ filter: ColumnFilter, _ group: RowGroupSource, _ found: (Int) -> Void
  ) throws(StoaError) -> Bool {
    let chunk = try group.chunk(columns[0])
    let compiled = try chunk.compile(filter)
    switch compiled.verdict {
    case .all: return false
    case .none: return true
    case .some: break
    }
    let selection = SelectionVector()
    try chunk.select(compiled, rows: 0..<chunk.rowCount, into: selection)
    guard selection.count <= chunk.rowCount / 16 else { return false }
    let places = (0..<selection.count).map { selection.positions[$0] }
      .filter { group.deleted?.contains(Int($0)) != true }
    guard !places.isEmpty else { return true }
    var vectors: [Vector] = []
    for column in columns { vectors.append(try group.chunk(column).rows(places)) }
    probe.find(in: KeyRows(vectors), found)
    return true
  }

  /// Looks into the blocks of a memtable, which keep their keys sorted once they were asked.
  private func find(
    _ probe: KeyProbe, _ memtable: Memtable, _ source: Int, _ found: (Int) -> Void
  ) throws(StoaError) {
    let deleted = contents.deletes[memtable.id]
    let firstNew = known[memtable.id]
    let form = KeyRunForm(columns.map(\.type))
    let numbers = probe.numbers(form, order: Array(columns.indices))
    for (block, start) in zip(memtable.blocks, memtable.starts)
    where start + block.rowCount > firstNew {
      let isExcluded = columns.indices.contains {
        probe.isOutside(block.zoneMap(columns[$0].id), $0)
      }
      if isExcluded { continue }
      let sorted = block.sortedKeys(of: columns, form, budget)
      var candidates: [KeyCandidate] = []
      numbers.find(in: sorted) { index, row in
        let position = start + row
        guard position >= firstNew, deleted?.contains(position) != true else { return }
        switch form {
        case .values: found(Int(numbers.rows[index]))
        case .hashes:
          candidates.append(
            KeyCandidate(tag: Int(numbers.rows[index]), source: source, position: position))
        }
      }
      try verify(candidates, probe, found)
    }
  }
}

/// A row that may have a key: its columns have to be looked at.
struct KeyCandidate {
  /// What the asker knows it by.
  var tag: Int
  var source: Int
  var position: Int
}

extension TableContents {
  /// Calls `body` for each candidate with the values of `columns`, not in the order given; each chunk is read once.
  func fetch(
    _ candidates: [KeyCandidate], _ columns: [ColumnDefinition],
    _ body: (KeyCandidate, KeyRows, _ row: Int) -> Void
  ) throws(StoaError) {
    let sorted = candidates.sorted { ($0.source, $0.position) < ($1.source, $1.position) }
    var next = 0
    while next < sorted.count {
      let source = sorted[next].source
      for group in try rowGroups(ofSource: source) {
        let start = Int(group.firstRow & 0xFFFF_FFFF)
        let first = next
        while next < sorted.count, sorted[next].source == source,
          sorted[next].position < start + group.rowCount
        {
          next += 1
        }
        guard next > first else { continue }
        let places = sorted[first..<next].map { UInt16(truncatingIfNeeded: $0.position - start) }
        var vectors: [Vector] = []
        for column in columns {
          let chunk = try group.chunk(column)
          vectors.append(try chunk.rows(places))
        }
        let rows = KeyRows(vectors)
        for index in 0..<places.count { body(sorted[first + index], rows, index) }
      }
      guard next == sorted.count || sorted[next].source != source else {
        throw StoaError(.corruption, "a key run names a row that its segment does not have")
      }
    }
  }
}

extension ColumnChunk {
  /// The rows at ascending `positions`.
  fileprivate func rows(_ positions: [UInt16]) throws(StoaError) -> Vector {
    let buffer = Buffer(of: UInt16.self, count: max(1, positions.count))
    let target = buffer.typed(UInt16.self)
    for (index, position) in positions.enumerated() { target[index] = position }
    let vector = try gather(UnsafePointer(target), count: positions.count)
    withExtendedLifetime(buffer) {}
    return vector
  }
}

extension KeyNumbers {
  /// Looks for these keys, which are sorted, in a run.
  func find(
    _ probe: KeyRunProbe, _ body: (_ index: Int, _ position: Int) -> Void
  ) throws(StoaError) {
    // The standard library's closure takers rethrow any Error, hence the Result.
    let result = keys.withUnsafeBufferPointer { keys -> Result<Void, StoaError> in
      Result { () throws(StoaError) in try probe.find(keys, body) }
    }
    try result.get()
  }

  /// Looks for these keys among others; both are sorted.
  func find(in other: KeyNumbers, _ body: (_ index: Int, _ row: Int) -> Void) {
    var low = 0
    for index in keys.indices {
      let key = keys[index]
      low = other.firstIndex(of: key, from: low)
      var entry = low
      while entry < other.keys.count, other.keys[entry] == key {
        body(index, Int(other.rows[entry]))
        entry += 1
      }
    }
  }

  /// The first key from `start` on that is not below `key`.
  func firstIndex(of key: UInt64, from start: Int) -> Int {
    var low = start
    var step = 1
    while low + step <= keys.count, keys[low + step - 1] < key {
      low += step
      step *= 2
    }
    var high = Swift.min(keys.count, low + step)
    while low < high {
      let middle = (low + high) / 2
      if keys[middle] < key { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
