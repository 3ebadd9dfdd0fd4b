import Vectors

/// Strings as byte counts and bytes, plain or in zstd frames (`ChunkLayout.strings`). Plain bytes are not copied:
/// vectors point into the chunk and keep its owner alive.
final class StringChunk: ColumnChunk, @unchecked Sendable {
  private let lengths: IntegerNode
  private let source: ByteSource
  /// Where the bytes of each block begin, and the end.
  private let starts: [Int]

  init(_ header: ChunkHeader) throws(StoaError) {
    let bytes = header.bytes
    guard header.type.physical == .string else {
      throw bytes.damaged("strings in a column of type \(header.type)", at: 2)
    }
    lengths = try IntegerNode.open(bytes, at: header.first, count: header.rowCount)
    source = try ByteSource(bytes, at: header.second)
    let blocks = lengths.blockCount
    _ = try bytes.piece(header.third, (blocks + 1) * 8, "block offsets")
    var starts: [Int] = []
    for block in 0...blocks {
      let start = try bytes.uint64(header.third + block * 8)
      guard start <= UInt64(source.byteCount), Int(start) >= starts.last ?? 0 else {
        throw bytes.damaged("block \(block) begins at \(start)", at: header.third + block * 8)
      }
      starts.append(Int(start))
    }
    self.starts = starts
    super.init(header: header)
  }

  override var summary: String { "\(source.encoding.name)(\(lengths.summary))" }

  private var owners: [AnyObject] { owner.map { [$0] } ?? [] }

  override func decodeRows(_ rows: Range<Int>) throws(StoaError) -> Vector {
    let first = rows.lowerBound / blockCapacity
    let last = (rows.upperBound - 1) / blockCapacity
    let (from, frames) = try source.read(starts[first]..<starts[last + 1])
    let target = Buffer(byteCount: rows.count * 16)
    let views = target.typed(StringView.self)
    let counts = Buffer(byteCount: blockCapacity * 4)
    for block in first...last {
      let count = try unpackLengths(block, counts)
      let start = starts[block] - starts[first]
      let at = (block - first) * blockCapacity
      try fill(
        views + at, min(count, rows.count - at), from + start, starts[block + 1] - starts[block],
        counts.typed(UInt32.self))
    }
    return Vector(
      flat: target, type: type, count: rows.count, validity: validity?.slice(rows),
      owners: frames.map { [$0] } ?? owners)
  }

  /// The byte counts of one block; returns how many strings it has.
  private func unpackLengths(_ block: Int, _ counts: Buffer) throws(StoaError) -> Int {
    let rows = block * blockCapacity..<min((block + 1) * blockCapacity, rowCount)
    guard lengths.maximum <= UInt64(UInt32.max) else { throw location.damaged("string lengths") }
    try lengths.unpackCodes(rows, into: counts.typed(UInt32.self))
    return rows.count
  }

  private func fill(
    _ views: UnsafeMutablePointer<StringView>, _ count: Int, _ bytes: UnsafeRawPointer,
    _ limit: Int, _ counts: UnsafePointer<UInt32>
  ) throws(StoaError) {
    var at = 0
    for index in 0..<count {
      let length = Int(counts[index])
      guard length <= limit &- at else { throw location.damaged("a string passes its block") }
      views[index] = StringView(bytes + at, byteCount: length)
      at &+= length
    }
  }

  override func gatherRows(
    _ positions: UnsafePointer<UInt16>, _ count: Int
  ) throws(StoaError) -> Vector {
    let target = Buffer(byteCount: count * 16)
    let views = target.typed(StringView.self)
    let counts = Buffer(byteCount: blockCapacity * 4)
    // A few strings must not keep whole decompressed frames alive.
    let heap = source.encoding == .zstd ? StringHeap() : nil
    var index = 0
    while index < count {
      let block = Int(positions[index]) / blockCapacity
      let end = max(
        index + 1,
        Positions.firstIndex(
          positions, from: index, count, notBelow: (block + 1) * blockCapacity))
      let rows = try unpackLengths(block, counts)
      let (from, frames) = try source.read(starts[block]..<starts[block + 1])
      let limit = starts[block + 1] - starts[block]
      let lengths = counts.typed(UInt32.self)
      var row = 0
      var at = 0
      for position in index..<end {
        let wanted = min(Int(positions[position]) & (blockCapacity - 1), rows - 1)
        while row < wanted {
          at &+= Int(lengths[row])
          row &+= 1
        }
        let length = Int(lengths[wanted])
        guard at <= limit, length <= limit - at else {
          throw location.damaged("a string passes its block")
        }
        if let heap {
          views[position] = heap.add(UnsafeRawBufferPointer(start: from + at, count: length))
        } else {
          views[position] = StringView(from + at, byteCount: length)
        }
      }
      withExtendedLifetime(frames) {}
      index = end
    }
    return Vector(
      flat: target, type: type, count: count, validity: validity?.gather(positions, count: count),
      owners: heap.map { [$0] } ?? owners)
  }
}
