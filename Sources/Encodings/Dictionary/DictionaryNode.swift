import Vectors

/// Distinct values, ascending, and a code per row.
///
///   offset  size  field
///        0     8  node header (3, 0, count)
///        8     4  entryCount
///       12     4  offset of the entries, a node
///       16     4  offset of the codes, a node
///       20     4  zero
final class DictionaryNode: IntegerNode {
  /// Ascending, each once.
  let entries: [UInt64]
  let codes: IntegerNode
  private let location: ChunkLocation

  init(_ header: NodeHeader, _ bytes: ChunkBytes, _ depth: Int) throws(StoaError) {
    let offset = header.offset
    let entryCount = try bytes.uint32(offset + 8)
    entries = try IntegerNode.open(
      bytes, at: try bytes.childOffset(offset + 12, after: offset), count: entryCount,
      depth: depth + 1
    ).allValues()
    for index in 1..<max(1, entries.count) where entries[index] <= entries[index - 1] {
      throw bytes.damaged("dictionary entries do not ascend", at: offset)
    }
    codes = try IntegerNode.open(
      bytes, at: try bytes.childOffset(offset + 16, after: offset), count: header.count,
      depth: depth + 1)
    guard !entries.isEmpty || header.count == 0, codes.maximum <= UInt64(UInt32.max) else {
      throw bytes.damaged("codes without a dictionary", at: offset)
    }
    location = bytes.location
    super.init(count: header.count, maximum: entries.last ?? 0)
  }

  override var encoding: EncodingID { .dictionary }
  override var summary: String { "DICTIONARY(\(entries.count), \(codes.summary))" }
  override var blocksPerUnit: Int { codes.blocksPerUnit }

  override func unpack(
    _ blocks: Range<Int>, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    let rows = blocks.lowerBound * blockCapacity..<min(blocks.upperBound * blockCapacity, count)
    guard !rows.isEmpty else { return }
    let scratch = Buffer(byteCount: blocks.count * blockCapacity * 4)
    try codes.unpackCodes(rows, into: scratch.typed(UInt32.self))
    try look(scratch, rows.count, target)
  }

  override var gathersItself: Bool { true }

  override func gather(
    _ positions: UnsafePointer<UInt16>, _ count: Int, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    let scratch = Buffer(byteCount: max(1, count * 4))
    try codes.gatherCodes(positions, count, into: scratch.typed(UInt32.self))
    try look(scratch, count, target)
  }

  private func look(
    _ scratch: Buffer, _ count: Int, _ target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    let codes = scratch.typed(UInt32.self)
    if self.codes.maximum >= UInt64(entries.count), count > 0 {
      let greatest = Lanes.minMax(codes, count, .bits32).max
      guard greatest < UInt64(entries.count) else {
        throw location.damaged("code \(greatest) in a dictionary of \(entries.count)")
      }
    }
    switch lane {
    case .bits8: look(codes, count, target.assumingMemoryBound(to: UInt8.self))
    case .bits16: look(codes, count, target.assumingMemoryBound(to: UInt16.self))
    case .bits32: look(codes, count, target.assumingMemoryBound(to: UInt32.self))
    case .bits64: look(codes, count, target.assumingMemoryBound(to: UInt64.self))
    }
    withExtendedLifetime(scratch) {}
  }

  private func look<L: Lane>(
    _ codes: UnsafePointer<UInt32>, _ count: Int, _ target: UnsafeMutablePointer<L>
  ) {
    entries.withUnsafeBufferPointer { entries in
      for index in 0..<count {
        target[index] = L(truncatingIfNeeded: entries[Int(codes[index])])
      }
    }
  }

  override func select(
    _ filter: IntegerFilter, _ rows: Range<Int>, into out: UnsafeMutablePointer<UInt16>
  ) throws(StoaError) -> Int { try codes.select(moved(filter), rows, into: out) }

  override func refine(
    _ filter: IntegerFilter, _ positions: UnsafeMutablePointer<UInt16>, _ count: Int
  ) throws(StoaError) -> Int { try codes.refine(moved(filter), positions, count) }

  /// The filter on codes: decided once per entry.
  private func moved(_ filter: IntegerFilter) -> IntegerFilter {
    EntryMask(entries.map { filter.contains($0) ? 1 : 0 }).filter
  }

  override func minMax() throws(StoaError) -> (min: UInt64, max: UInt64) {
    let bounds = try codes.minMax()
    guard bounds.max < UInt64(entries.count) else {
      throw location.damaged("code \(bounds.max) in a dictionary of \(entries.count)")
    }
    return (entries[Int(bounds.min)], entries[Int(bounds.max)])
  }
}
