import CKernels
import Kernels
import Vectors

// The general look-up structure of hash joins. Build rows keep their order; equal keys are chained, so that a
// key is compared once per probe row, however many rows it matches.
//
//   slots        linear probing; upper half of the hash, row number + 1 of the first row with that key
//   next         per row: row number + 1 of the next row with the same key, 0 at the end
//   rows         per row: its key as words (`KeyLayout`)
//   payload      the columns the join needs, one vector each
//
// Slots are divided into regions by the upper bits of the hash, small enough to fit a cache; rows are sorted by
// region first, and workers fill different regions without touching each other's.

/// Build rows by key.
final class HashJoinTable: @unchecked Sendable {
  let layout: KeyLayout
  let rowCount: Int
  /// A row with a NULL among its keys exists.
  private(set) var hasNullKey: Bool
  /// The join has no build row at all, in any partition.
  private(set) var isEmpty: Bool
  /// One vector per payload column, once `steps` have run.
  private(set) var payload: [Vector] = []
  /// Per row 1 when a probe row has matched; only for joins that keep build rows. Workers write ones only.
  let matched: UnsafeMutablePointer<UInt8>?
  /// What must run, in parallel if possible, before probing.
  private(set) var steps: [MergeStep] = []

  private let blocks: [JoinBlock]
  private let rows: Buffer
  private let hashes: Buffer
  private let next: Buffer
  private let validity: Buffer
  private var slots = Buffer(byteCount: 64, zeroed: true)
  private var regions: [Region] = []
  private let regionShift: UInt64
  private let matchedBytes: Buffer
  private let reservation: MemoryReservation
  private let types: [LogicalType]

  /// Row numbers sorted by region, and their hashes; until all regions are filled.
  private let sortedRows: Buffer
  private let sortedHashes: Buffer

  private struct Region {
    var start: Int
    var mask: Int
    /// Where its rows lie in `sortedRows`.
    var rows: Range<Int>
  }

  /// - Parameter reservation: holds `byteCount` already; kept as long as the table.
  init(_ join: HashJoin, _ blocks: [JoinBlock], reservation: MemoryReservation) throws(StoaError) {
    layout = join.layout
    self.blocks = blocks
    self.reservation = reservation
    types = join.payload.map { join.buildTypes[$0] }
    rowCount = blocks.rowCount
    guard rowCount < Int(UInt32.max) - 1 else {
      throw StoaError(.resource, "the build side of a join has more than 4,294,967,293 rows")
    }
    hasNullKey = blocks.contains { ($0.validity?.nullCount ?? 0) > 0 }
    let isLarge = rowCount > 65_536
    regionShift = isLarge ? 56 : 64
    isEmpty = rowCount == 0
    rows = Buffer(byteCount: max(64, rowCount * layout.stride))
    hashes = Buffer(byteCount: max(8, rowCount * 8))
    next = Buffer(byteCount: max(4, rowCount * 4), zeroed: true)
    validity = Buffer(byteCount: max(1, rowCount))
    matchedBytes = Buffer(byteCount: join.keepsBuildRows ? max(1, rowCount) : 1, zeroed: true)
    matched = join.keepsBuildRows ? matchedBytes.typed(UInt8.self) : nil
    sortedRows = Buffer(byteCount: max(4, rowCount * 4))
    sortedHashes = Buffer(byteCount: max(8, rowCount * 8))
    encodeKeys()
    payload = Array(repeating: Vector.nulls(type: .boolean, count: 0), count: types.count)
    planRegions()
    let monitor = Monitor()
    for first in stride(from: 0, to: regions.count, by: 16) {
      steps.append(
        MergeStep { [unowned self] () throws(StoaError) in
          for region in first..<min(first + 16, regions.count) { fill(region) }
        })
    }
    for column in types.indices {
      steps.append(
        MergeStep { [unowned self] () throws(StoaError) in
          let merged = mergePayload(column)
          monitor.withLock { payload[column] = merged }
        })
    }
    if !isLarge {
      for step in steps { try step.run() }
      steps = []
    }
  }

  /// Bytes a table of `rowCount` rows takes besides its payload.
  static func byteCount(_ join: HashJoin, rowCount: Int) -> Int {
    rowCount * (join.layout.stride + 8 + 4 + 1 + 12 + 32) + (join.keepsBuildRows ? rowCount : 0)
  }

  /// For one partition of several: what holds for all of them.
  func widenNulls(hasNullKey: Bool, isEmpty: Bool) {
    self.hasNullKey = hasNullKey
    self.isEmpty = isEmpty
  }

  private func mergePayload(_ column: Int) -> Vector {
    guard !blocks.isEmpty else { return .nulls(type: types[column], count: 0) }
    return Vector.concatenated(blocks.map { $0.payload[column] }, count: rowCount)
  }

  private func encodeKeys() {
    var first = 0
    let hashes = hashes.typed(UInt64.self)
    let valid = validity.typed(UInt8.self)
    for block in blocks {
      var keys = block.keys
      if let integers = block.integers {
        // Integer keys were widened while building; their layout holds the type's own width.
        keys = [IntegerKeys.narrow(integers, layout.types[0], count: block.rowCount)]
      }
      layout.encode(keys, count: block.rowCount, into: rows.pointer + first * layout.stride)
      Hashing.hash(rows: keys, count: block.rowCount, into: hashes + first)
      for row in 0..<block.rowCount {
        valid[first + row] = block.validity?.isValid(row) ?? true ? 1 : 0
      }
      first += block.rowCount
    }
  }

  private func region(_ hash: UInt64) -> Int {
    regionShift == 64 ? 0 : Int(truncatingIfNeeded: hash >> regionShift)
  }

  /// Counts the rows of each region and sorts row numbers by it; rows with a NULL key belong to none.
  private func planRegions() {
    var counts = [Int](repeating: 0, count: regionShift == 64 ? 1 : 256)
    let hashes = hashes.typed(UInt64.self)
    let valid = validity.typed(UInt8.self)
    for row in 0..<rowCount where valid[row] != 0 { counts[region(hashes[row])] += 1 }
    var slotCount = 0
    var first = 0
    var places: [Int] = []
    for count in counts {
      var capacity = 16
      while capacity < count * 2 { capacity *= 2 }
      regions.append(Region(start: slotCount, mask: capacity - 1, rows: first..<first + count))
      places.append(first)
      slotCount += capacity
      first += count
    }
    slots = Buffer(byteCount: slotCount * 8, zeroed: true)
    let rows = sortedRows.typed(UInt32.self)
    let rowHashes = sortedHashes.typed(UInt64.self)
    places.withUnsafeMutableBufferPointer { places in
      for row in 0..<rowCount where valid[row] != 0 {
        let region = region(hashes[row])
        rows[places[region]] = UInt32(truncatingIfNeeded: row)
        rowHashes[places[region]] = hashes[row]
        places[region] &+= 1
      }
    }
  }

  /// Enters all rows of one region, last row first, so that chains run in row order.
  private func fill(_ index: Int) {
    let region = regions[index]
    let slots = slots.typed(UInt64.self) + region.start
    let next = next.typed(UInt32.self)
    let rows = UnsafeRawPointer(rows.pointer)
    let numbers = sortedRows.typed(UInt32.self)
    let rowHashes = sortedHashes.typed(UInt64.self)
    let layout = layout
    let stride = layout.stride
    var place = region.rows.upperBound
    while place > region.rows.lowerBound {
      place -= 1
      let hash = rowHashes[place]
      let row = Int(numbers[place])
      var slot = Int(truncatingIfNeeded: hash) & region.mask
      while true {
        let entry = slots[slot]
        if entry == 0 { break }
        let head = Int(truncatingIfNeeded: entry & 0xFFFF_FFFF) - 1
        if (entry ^ hash) >> 32 == 0 && layout.areEqual(rows + head * stride, rows + row * stride) {
          next[row] = UInt32(truncatingIfNeeded: head + 1)
          break
        }
        slot = (slot + 1) & region.mask
      }
      slots[slot] = (hash & 0xFFFF_FFFF_0000_0000) | UInt64(row + 1)
    }
  }

  /// Per row of `next`: the next row with the same key.
  var chain: UnsafePointer<UInt32> { UnsafePointer(next.typed(UInt32.self)) }

  /// Writes, for each of `count` encoded keys, the row number plus one of the first build row with that key,
  /// or 0. Rows that `validity` lacks have none.
  func find(
    _ keys: UnsafeRawPointer, _ keyHashes: UnsafePointer<UInt64>, count: Int, validity: Validity?,
    into heads: UnsafeMutablePointer<UInt32>
  ) {
    let slots = slots.typed(UInt64.self)
    let rows = UnsafeRawPointer(rows.pointer)
    let stride = layout.stride
    let layout = layout
    let isWord = layout.wordCount == 1 && layout.stringWords.isEmpty
    regions.withUnsafeBufferPointer { regions in
      for row in 0..<count {
        if row &+ 12 < count {
          let hash = keyHashes[row &+ 12]
          let region = regions[region(hash)]
          stoa_prefetch(slots + region.start + (Int(truncatingIfNeeded: hash) & region.mask))
        }
        let hash = keyHashes[row]
        let key = keys + row &* stride
        let region = regions[region(hash)]
        var slot = Int(truncatingIfNeeded: hash) & region.mask
        var found: UInt32 = 0
        while true {
          let entry = slots[region.start &+ slot]
          if entry == 0 { break }
          let head = Int(truncatingIfNeeded: entry & 0xFFFF_FFFF) &- 1
          if (entry ^ hash) >> 32 == 0 {
            let candidate = rows + head &* stride
            let isEqual =
              isWord
              ? candidate.load(as: UInt64.self) == key.load(as: UInt64.self)
              : layout.areEqual(candidate, key)
            if isEqual {
              found = UInt32(truncatingIfNeeded: head &+ 1)
              break
            }
          }
          slot = (slot &+ 1) & region.mask
        }
        heads[row] = found
      }
    }
    if let validity {
      for row in 0..<count where !validity.isValid(row) { heads[row] = 0 }
    }
  }
}

extension IntegerKeys {
  /// The vector that `widen` made `keys` of, without its NULLs.
  static func narrow(_ keys: Buffer, _ type: LogicalType, count: Int) -> Vector {
    let buffer = Buffer(byteCount: max(1, count * type.physical.byteWidth))
    let source = keys.typed(Int64.self)
    switch type.physical.byteWidth {
    case 1: narrow(source, count, buffer.typed(Int8.self))
    case 2: narrow(source, count, buffer.typed(Int16.self))
    case 4: narrow(source, count, buffer.typed(Int32.self))
    default: narrow(source, count, buffer.typed(Int64.self))
    }
    return Vector(flat: buffer, type: type, count: count)
  }

  @inline(__always)
  private static func narrow<T: FixedWidthInteger>(
    _ source: UnsafePointer<Int64>, _ count: Int, _ target: UnsafeMutablePointer<T>
  ) {
    for row in 0..<count { target[row] = T(truncatingIfNeeded: source[row]) }
  }
}
