import Vectors

/// One compressed bitmap of rows per distinct value. The most frequent value needs none: it has all rows that no
/// bitmap names, so that a column where most rows are equal costs what its exceptions cost.
///
///   offset  size  field
///        0     8  node header (4, 0, count)
///        8     4  valueCount
///       12     4  offset of the values, a node, ascending
///       16     4  offset of valueCount offsets of 4 bytes, each of a `RowContainer`; the implied value's is not read
///       20     4  number of the implied value and 1; 0 when every row is in a container
///
/// Invariant: no row is in two containers (checked by adding cardinalities up); without an implied value every row
/// is in one.
final class BitmapNode: IntegerNode {
  private let values: [UInt64]
  /// By value; empty for the implied one.
  private let containers: [RowContainer]
  private let implied: Int?
  /// Rows in containers.
  private let listedCount: Int
  private let lookup: RowLookup?

  /// More distinct values than this would make blocks slow to decode.
  static let valueLimit = 4096
  /// Values of up to this many listed rows are found by rank; above, blocks are decoded.
  static let lookupLimit = 16_384

  init(_ header: NodeHeader, _ bytes: ChunkBytes, _ depth: Int) throws(StoaError) {
    let offset = header.offset
    let valueCount = try bytes.uint32(offset + 8)
    let impliedField = try bytes.uint32(offset + 20)
    guard valueCount <= BitmapNode.valueLimit, impliedField <= valueCount else {
      throw bytes.damaged("\(valueCount) bitmaps", at: offset)
    }
    values = try IntegerNode.open(
      bytes, at: try bytes.childOffset(offset + 12, after: offset), count: valueCount,
      depth: depth + 1
    ).allValues()
    for index in 1..<max(1, valueCount) where values[index] <= values[index - 1] {
      throw bytes.damaged("values of bitmaps do not ascend", at: offset)
    }
    implied = impliedField == 0 ? nil : impliedField - 1
    let table = try bytes.childOffset(offset + 16, after: offset)
    _ = try bytes.piece(table, valueCount * 4, "bitmap offsets")
    let union = RowBits()
    var containers: [RowContainer] = []
    var total = 0
    for index in 0..<valueCount {
      if index == implied {
        containers.append(RowContainer())
        continue
      }
      let container = try RowContainer(
        bytes, at: try bytes.uint32(table + index * 4), rowCount: header.count)
      total += container.cardinality
      // Before the next one is read: forged offsets may all name one large container.
      guard total <= header.count else { throw bytes.damaged("bitmaps overlap", at: offset) }
      container.insert(into: union.words)
      containers.append(container)
    }
    guard implied != nil || total == header.count, union.count == total else {
      throw bytes.damaged("bitmaps of \(total) of \(header.count) rows", at: offset)
    }
    self.containers = containers
    listedCount = total
    lookup = total <= BitmapNode.lookupLimit ? RowLookup(containers, union, count: total) : nil
    super.init(count: header.count, maximum: values.last ?? 0)
  }

  override var encoding: EncodingID { .bitmap }
  override var summary: String {
    implied == nil ? "BITMAP(\(values.count))" : "BITMAP(\(values.count), \(listedCount) rows)"
  }

  /// Decoding visits every container, so it is done for many blocks at once.
  override var blocksPerUnit: Int { 64 }

  /// Without ranks, looking a few rows up in every bitmap is cheaper.
  override var sparseLimit: Int { lookup != nil ? .max : 4096 / max(1, values.count) }

  override func fetch(
    _ positions: UnsafePointer<UInt16>, _ count: Int, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    switch lane {
    case .bits8: find(positions, count, target.assumingMemoryBound(to: UInt8.self))
    case .bits16: find(positions, count, target.assumingMemoryBound(to: UInt16.self))
    case .bits32: find(positions, count, target.assumingMemoryBound(to: UInt32.self))
    case .bits64: find(positions, count, target.assumingMemoryBound(to: UInt64.self))
    }
  }

  private func find<L: Lane>(
    _ positions: UnsafePointer<UInt16>, _ count: Int, _ target: UnsafeMutablePointer<L>
  ) {
    target.update(repeating: rest(), count: count)
    guard let lookup else {
      for (value, container) in zip(values, containers) {
        let lane = L(truncatingIfNeeded: value)
        for index in 0..<count where container.contains(Int(positions[index])) {
          target[index] = lane
        }
      }
      return
    }
    guard listedCount > 0 else { return }
    for index in 0..<count {
      let code = lookup.code(of: Int(positions[index]))
      if code >= 0 { target[index] = L(truncatingIfNeeded: values[code]) }
    }
  }

  /// The implied value; 0 where there is none.
  private func rest<L: Lane>() -> L { L(truncatingIfNeeded: implied.map { values[$0] } ?? 0) }

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
    target.update(repeating: rest(), count: rows.count)
    for (value, container) in zip(values, containers) {
      let lane = L(truncatingIfNeeded: value)
      container.forEachStretch(in: rows) { start, end in
        (target + (start &- rows.lowerBound)).update(repeating: lane, count: end &- start)
      }
    }
  }

  /// The union of the bitmaps that pass, without looking at values.
  override func select(
    _ filter: IntegerFilter, _ rows: Range<Int>, into out: UnsafeMutablePointer<UInt16>
  ) throws(StoaError) -> Int {
    let (bits, isInverted) = union(filter)
    defer { withExtendedLifetime(bits) {} }
    return Positions.emit(words: bits.words, inverted: isInverted, rows: rows, into: out)
  }

  override func refine(
    _ filter: IntegerFilter, _ positions: UnsafeMutablePointer<UInt16>, _ count: Int
  ) throws(StoaError) -> Int {
    let (bits, isInverted) = union(filter)
    defer { withExtendedLifetime(bits) {} }
    return Positions.keep(positions, count, words: bits.words, inverted: isInverted)
  }

  /// The rows that pass, or, when the implied value passes, those that do not.
  private func union(_ filter: IntegerFilter) -> (bits: RowBits, isInverted: Bool) {
    let bits = RowBits()
    let impliedPasses = implied.map { filter.contains(values[$0]) } ?? false
    for (value, container) in zip(values, containers)
    where container.cardinality > 0 && filter.contains(value) != impliedPasses {
      container.insert(into: bits.words)
    }
    return (bits, impliedPasses)
  }

  override func sum() throws(StoaError) -> Int128 {
    var total = zip(values, containers).reduce(Int128(0)) {
      $0 &+ Int128($1.0) &* Int128($1.1.cardinality)
    }
    if let implied { total &+= Int128(values[implied]) &* Int128(count - listedCount) }
    return total
  }

  override func minMax() throws(StoaError) -> (min: UInt64, max: UInt64) {
    var bounds = (min: UInt64.max, max: UInt64.min)
    for (index, value) in values.enumerated() {
      let isPresent = index == implied ? listedCount < count : containers[index].cardinality > 0
      if isPresent { bounds = (Swift.min(bounds.min, value), Swift.max(bounds.max, value)) }
    }
    return bounds
  }
}

/// Which container has a row, by rank: a bit per row says whether any has, and the bits before it count how many
/// rows come first.
private struct RowLookup {
  private let bits: RowBits
  /// Listed rows before each word.
  private let ranks: [UInt16]
  /// The container of each listed row, ascending by row.
  private let codes: [UInt16]

  /// - Parameter count: rows in `union`, which is that of `containers`.
  init(_ containers: [RowContainer], _ union: RowBits, count: Int) {
    bits = union
    var ranks = [UInt16](repeating: 0, count: RowBits.wordCount)
    var total = 0
    for word in 0..<RowBits.wordCount {
      ranks[word] = UInt16(truncatingIfNeeded: total)
      total += union.words[word].nonzeroBitCount
    }
    self.ranks = ranks
    var codes = [UInt16](repeating: 0, count: count)
    for (code, container) in containers.enumerated() {
      container.forEach { row in
        let before = union.words[row >> 6] & ((1 << UInt64(row & 63)) &- 1)
        codes[Int(ranks[row >> 6]) + before.nonzeroBitCount] = UInt16(truncatingIfNeeded: code)
      }
    }
    self.codes = codes
  }

  /// The number of the container that has `row`; −1 when none has.
  @inline(__always)
  func code(of row: Int) -> Int {
    let word = bits.words[row >> 6]
    let bit: UInt64 = 1 << UInt64(truncatingIfNeeded: row & 63)
    if word & bit == 0 { return -1 }
    return Int(codes[Int(ranks[row >> 6]) &+ (word & (bit &- 1)).nonzeroBitCount])
  }
}

extension RowContainer {
  /// Calls `body` with stretches `start..<end` of the set's rows within `rows`, ascending.
  @inline(__always)
  func forEachStretch(in rows: Range<Int>, _ body: (Int, Int) -> Void) {
    switch form {
    case .array(let list):
      var index = RowContainer.lowerBound(list, rows.lowerBound)
      while index < list.count && Int(list[index]) < rows.upperBound {
        body(Int(list[index]), Int(list[index]) &+ 1)
        index &+= 1
      }
    case .runs(let bounds):
      for index in stride(from: 0, to: bounds.count, by: 2) {
        let first = max(Int(bounds[index]), rows.lowerBound)
        let end = min(Int(bounds[index + 1]) + 1, rows.upperBound)
        if first < end { body(first, end) }
      }
    case .dense(let words):
      let end = min((rows.upperBound + 63) >> 6, words.count)
      var index = rows.lowerBound >> 6
      while index < end {
        var rest = words[index]
        while rest != 0 {
          let row = index << 6 &+ rest.trailingZeroBitCount
          if row >= rows.lowerBound && row < rows.upperBound { body(row, row &+ 1) }
          rest &= rest &- 1
        }
        index &+= 1
      }
    }
  }

  /// Index of the first of the ascending `rows` that is `limit` or more.
  static func lowerBound(_ rows: [UInt16], _ limit: Int) -> Int {
    var low = 0
    var high = rows.count
    while low < high {
      let middle = (low + high) / 2
      if Int(rows[middle]) < limit { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// What decoding visits: rows of arrays and dense containers, runs.
  var entryCount: Int {
    switch form {
    case .array, .dense: cardinality
    case .runs(let bounds): bounds.count / 2
    }
  }
}
