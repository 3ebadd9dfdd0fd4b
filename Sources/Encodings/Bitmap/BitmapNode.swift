import Vectors

/// One compressed bitmap of rows per distinct value.
///
///   offset  size  field
///        0     8  node header (4, 0, count)
///        8     4  valueCount
///       12     4  offset of the values, a node, ascending
///       16     4  offset of valueCount offsets of 4 bytes, each of a `RowContainer`
///       20     4  zero
///
/// Invariant: every row is in exactly one container (checked by adding cardinalities up).
final class BitmapNode: IntegerNode {
  private let values: [UInt64]
  private let containers: [RowContainer]

  /// More distinct values than this would make blocks slow to decode.
  static let valueLimit = 4096

  init(_ header: NodeHeader, _ bytes: ChunkBytes, _ depth: Int) throws(StoaError) {
    let offset = header.offset
    let valueCount = try bytes.uint32(offset + 8)
    guard valueCount <= BitmapNode.valueLimit else {
      throw bytes.damaged("\(valueCount) bitmaps", at: offset)
    }
    values = try IntegerNode.open(
      bytes, at: try bytes.childOffset(offset + 12, after: offset), count: valueCount,
      depth: depth + 1
    ).allValues()
    let table = try bytes.childOffset(offset + 16, after: offset)
    _ = try bytes.piece(table, valueCount * 4, "bitmap offsets")
    var containers: [RowContainer] = []
    var total = 0
    for index in 0..<valueCount {
      if index > 0, values[index] <= values[index - 1] {
        throw bytes.damaged("values of bitmaps do not ascend", at: offset)
      }
      let container = try RowContainer(
        bytes, at: try bytes.uint32(table + index * 4), rowCount: header.count)
      total += container.cardinality
      // Before the next one is read: forged offsets may all name one large container.
      guard total <= header.count else { throw bytes.damaged("bitmaps overlap", at: offset) }
      containers.append(container)
    }
    guard total == header.count else {
      throw bytes.damaged("bitmaps hold \(total) of \(header.count) rows", at: offset)
    }
    self.containers = containers
    super.init(count: header.count, maximum: values.last ?? 0)
  }

  override var encoding: EncodingID { .bitmap }
  override var summary: String { "BITMAP(\(values.count))" }

  /// Decoding visits every container, so it is done for many blocks at once.
  override var blocksPerUnit: Int { 64 }

  /// Looking a few rows up in every bitmap is cheaper.
  override var sparseLimit: Int { 4096 / max(1, values.count) }

  override func fetch(
    _ positions: UnsafePointer<UInt16>, _ count: Int, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    let wide = Buffer(byteCount: count * 8, zeroed: true)
    for (value, container) in zip(values, containers) where value != 0 {
      for index in 0..<count where container.contains(Int(positions[index])) {
        wide.typed(UInt64.self)[index] = value
      }
    }
    Lanes.narrow(wide.typed(UInt64.self), count, into: target, lane)
  }

  override func unpack(
    _ blocks: Range<Int>, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    switch lane {
    case .bits8: fill(blocks, target.assumingMemoryBound(to: UInt8.self))
    case .bits16: fill(blocks, target.assumingMemoryBound(to: UInt16.self))
    case .bits32: fill(blocks, target.assumingMemoryBound(to: UInt32.self))
    case .bits64: fill(blocks, target.assumingMemoryBound(to: UInt64.self))
    }
  }

  private func fill<L: Lane>(_ blocks: Range<Int>, _ target: UnsafeMutablePointer<L>) {
    let rows = blocks.lowerBound * blockCapacity..<blocks.upperBound * blockCapacity
    // Damaged containers may overlap and leave rows out; those must still be defined.
    target.update(repeating: 0, count: rows.count)
    for (value, container) in zip(values, containers) {
      let lane = L(truncatingIfNeeded: value)
      container.forEach(in: rows) { target[$0 &- rows.lowerBound] = lane }
    }
  }

  /// The union of the bitmaps that pass, without looking at values.
  override func select(
    _ filter: IntegerFilter, _ rows: Range<Int>, into out: UnsafeMutablePointer<UInt16>
  ) throws(StoaError) -> Int {
    let words = union(filter)
    return Positions.emit(words: words.typed(UInt64.self), inverted: false, rows: rows, into: out)
  }

  override func refine(
    _ filter: IntegerFilter, _ positions: UnsafeMutablePointer<UInt16>, _ count: Int
  ) throws(StoaError) -> Int {
    let words = union(filter)
    return Positions.keep(positions, count, words: words.typed(UInt64.self), inverted: false)
  }

  private func union(_ filter: IntegerFilter) -> Buffer {
    let buffer = Buffer(byteCount: 1024 * 8, zeroed: true)
    for (value, container) in zip(values, containers) where filter.contains(value) {
      container.insert(into: buffer.typed(UInt64.self))
    }
    return buffer
  }

  override func sum() throws(StoaError) -> Int128 {
    zip(values, containers).reduce(0) { $0 &+ Int128($1.0) &* Int128($1.1.cardinality) }
  }

  override func minMax() throws(StoaError) -> (min: UInt64, max: UInt64) {
    var bounds = (min: UInt64.max, max: UInt64.min)
    for (value, container) in zip(values, containers) where container.cardinality > 0 {
      bounds = (Swift.min(bounds.min, value), Swift.max(bounds.max, value))
    }
    return bounds
  }
}

extension RowContainer {
  /// Calls `body` with the rows of the set within `rows`, ascending.
  @inline(__always)
  func forEach(in rows: Range<Int>, _ body: (Int) -> Void) {
    switch form {
    case .array(let list):
      for row in list where rows.contains(Int(row)) { body(Int(row)) }
    case .runs(let bounds):
      for index in stride(from: 0, to: bounds.count, by: 2) {
        let first = max(Int(bounds[index]), rows.lowerBound)
        let end = min(Int(bounds[index + 1]) + 1, rows.upperBound)
        var row = first
        while row < end {
          body(row)
          row &+= 1
        }
      }
    case .dense(let words):
      let end = min((rows.upperBound + 63) >> 6, words.count)
      var index = rows.lowerBound >> 6
      while index < end {
        var rest = words[index]
        while rest != 0 {
          let row = index << 6 &+ rest.trailingZeroBitCount
          if row >= rows.lowerBound && row < rows.upperBound { body(row) }
          rest &= rest &- 1
        }
        index &+= 1
      }
    }
  }
}
