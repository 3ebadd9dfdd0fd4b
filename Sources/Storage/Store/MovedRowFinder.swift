import Catalog
import Encodings
import Kernels
import Vectors

// Finds rows again whose segments are gone, by their values: for a transaction that began before another process moved
// them, which leaves no map. Rows that are equal in every column stand for one another. The hashes of the rows looked for
// pick candidates out of the segments that are new; their bytes decide.

/// Looks for rows of an older state in the newest one.
struct MovedRowFinder {
  private let definition: TableDefinition
  private let base: Snapshot
  private let newest: Snapshot
  /// The column whose zone maps leave row groups out: of integers, the first of the sort key if possible.
  private let guide: Int?

  init(_ definition: TableDefinition, base: Snapshot, newest: Snapshot) {
    self.definition = definition
    self.base = base
    self.newest = newest
    let columns =
      definition.sortKey.prefix(1).compactMap { definition.index(of: $0) }
      + definition.columns.indices
    guide = columns.first { definition.columns[$0].type.isInteger }
  }

  /// Rows that are looked for: their bytes, and the numbers of those with one hash.
  private struct Wanted {
    var bytes: [UInt8] = []
    var starts: [Int] = [0]
    var numbers: [UInt64: [Int]] = [:]
    var count = 0
    var bounds: (low: Int128, high: Int128)?
    var hasUnbounded = false
  }

  /// The rows' places in the newest state; fewer than given when some are not there any more.
  /// - Throws: `.busy` when there are too many for the memory limit.
  func find(_ rows: [SegmentID: DeleteVector]) throws(StoaError) -> [SegmentID: DeleteVector] {
    let reservation = MemoryReservation(base.store.budget)
    var wanted = try wanted(rows, reservation)
    let known = Set(base.state.sources(of: definition.id).map(\.id))
    let contents = newest.contents(of: definition.id)
    var found: [SegmentID: [Int]] = [:]
    for group in try contents.rowGroups() where group.segment != nil && group.liveRowCount > 0 {
      let id = contents.id(ofSource: Int(group.firstRow >> 32))
      guard !known.contains(id), mayHave(wanted, group) else { continue }
      let start = Int(group.firstRow & 0xFFFF_FFFF)
      for row in try matches(&wanted, group) { found[id, default: []].append(start + row) }
    }
    return found.mapValues { DeleteVector(positions: $0) }
  }

  private func wanted(
    _ rows: [SegmentID: DeleteVector], _ reservation: MemoryReservation
  ) throws(StoaError) -> Wanted {
    var wanted = Wanted()
    let contents = base.contents(of: definition.id)
    for group in try contents.rowGroups() {
      let start = Int(group.firstRow & 0xFFFF_FFFF)
      guard
        let chosen = rows[contents.id(ofSource: Int(group.firstRow >> 32))]?
          .container(of: start..<(start + group.rowCount))
      else { continue }
      let positions = chosen.rows.map { UInt32(truncatingIfNeeded: $0) }
      var columns: [Vector] = []
      for column in definition.columns {
        let all = try group.chunk(column).decode(rows: 0..<group.rowCount)
        columns.append(
          positions.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { all.gather($0, count: buffer.count) } ?? all.slice(0..<0)
          }.flattened())
      }
      add(columns, count: positions.count, to: &wanted)
      let byteCount = wanted.bytes.count + wanted.count * 80
      guard reservation.tryResize(to: byteCount) else {
        throw StoaError(
          .busy,
          "rows of \"\(definition.name)\" that this transaction changed were moved by another"
            + " process, and they are too many to be found again within memory_limit",
          hint: "Nothing of this transaction was committed; run it again", table: definition.name)
      }
    }
    return wanted
  }

  private func add(_ columns: [Vector], count: Int, to wanted: inout Wanted) {
    if let guide {
      let zone = ZoneMap(of: columns[guide])
      if zone.nullCount > 0 { wanted.hasUnbounded = true }
      if let low = zone.min.integer, let high = zone.max.integer {
        wanted.bounds =
          wanted.bounds.map { (min($0.low, low), max($0.high, high)) } ?? (low, high)
      }
    }
    let hashes = MovedRowFinder.hashes(columns, count)
    for row in 0..<count {
      MovedRowFinder.appendBytes(of: row, columns, to: &wanted.bytes)
      wanted.starts.append(wanted.bytes.count)
      wanted.numbers[hashes[row], default: []].append(wanted.count)
      wanted.count += 1
    }
  }

  private func mayHave(_ wanted: Wanted, _ group: RowGroupSource) -> Bool {
    guard let guide, !wanted.hasUnbounded, let bounds = wanted.bounds,
      let zone = group.zoneMap(definition.columns[guide].id),
      let low = zone.min.integer, let high = zone.max.integer
    else { return true }
    return low <= bounds.high && high >= bounds.low
  }

  /// Rows of the group that are wanted and not found yet, ascending.
  private func matches(
    _ wanted: inout Wanted, _ group: RowGroupSource
  ) throws(StoaError) -> [Int] {
    var columns: [Vector] = []
    for column in definition.columns {
      columns.append(try group.chunk(column).decode(rows: 0..<group.rowCount).flattened())
    }
    let hashes = MovedRowFinder.hashes(columns, group.rowCount)
    var rows: [Int] = []
    var bytes: [UInt8] = []
    for row in 0..<group.rowCount {
      let hash = hashes[row]
      guard wanted.numbers[hash] != nil, group.deleted?.contains(row) != true else { continue }
      bytes.removeAll(keepingCapacity: true)
      MovedRowFinder.appendBytes(of: row, columns, to: &bytes)
      if take(bytes, hash, &wanted) { rows.append(row) }
    }
    return rows
  }

  /// Takes one of the rows with these bytes out of those wanted; false when there is none.
  private func take(_ bytes: [UInt8], _ hash: UInt64, _ wanted: inout Wanted) -> Bool {
    let index = wanted.numbers[hash]?.lastIndex { number in
      wanted.bytes[wanted.starts[number]..<wanted.starts[number + 1]].elementsEqual(bytes)
    }
    guard let index else { return false }
    // In place, since there may be many that are equal.
    wanted.numbers[hash]?.remove(at: index)
    if wanted.numbers[hash]?.isEmpty == true { wanted.numbers[hash] = nil }
    return true
  }

  private static func hashes(_ columns: [Vector], _ count: Int) -> [UInt64] {
    [UInt64](unsafeUninitializedCapacity: count) { target, initialized in
      if let base = target.baseAddress { Hashing.hash(rows: columns, count: count, into: base) }
      initialized = count
    }
  }

  /// Bytes that are the same for the same row only. Columns are flat.
  private static func appendBytes(of row: Int, _ columns: [Vector], to bytes: inout [UInt8]) {
    for column in columns {
      guard column.isValid(row) else {
        bytes.append(0)
        continue
      }
      bytes.append(1)
      if column.type.physical == .string {
        let view = column.withValues(as: StringView.self) { $0[row] }
        withUnsafeBytes(of: view.byteCount) { bytes.append(contentsOf: $0) }
        view.withBytes { bytes.append(contentsOf: $0) }
      } else {
        let width = column.type.physical.byteWidth
        bytes.append(
          contentsOf: UnsafeRawBufferPointer(start: column.base + row * width, count: width))
      }
      withExtendedLifetime(column) {}
    }
  }
}
