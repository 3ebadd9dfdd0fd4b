import Catalog
import Vectors

// The threads that encode a row group sort its keys and pack them, some 4 bytes a row; when the segment is
// complete, those lists are merged straight into the file. So nothing ever sorts more than 65,536 keys.
extension SegmentWriter {
  /// Bytes that are written at once.
  private static let pieceByteCount = 1 << 18
  /// What the merge takes for each row group: its unpacked block.
  private static let mergeByteCount = KeyRunBlock.capacity * 12

  /// Memory that key runs take now and, for the one being merged, at the end.
  var keyRunByteCount: Int {
    guard !keyParts.isEmpty else { return 0 }
    return keyParts.reduce(rowGroups.count * SegmentWriter.mergeByteCount) {
      $0 + $1.reduce(0) { $0 + $1.byteCount }
    }
  }

  /// Writes all key runs behind what is there.
  func writeKeyRuns() throws(StoaError) -> [SegmentKeyRun] {
    var runs: [SegmentKeyRun] = []
    for (number, key) in definition.runKeys.enumerated() {
      runs.append(try writeKeyRun(number, key))
      keyParts[number] = []
    }
    return runs
  }

  private func writeKeyRun(_ number: Int, _ key: [ColumnID]) throws(StoaError) -> SegmentKeyRun {
    let types = key.compactMap { definition.index(of: $0).map { definition.columns[$0].type } }
    let parts = keyParts[number]
    var starts: [UInt32] = []
    var start: UInt32 = 0
    for rows in rowGroups {
      starts.append(start)
      start &+= UInt32(truncatingIfNeeded: rows)
    }
    let merge = KeyRunMerge(parts.map { KeyRunStream($0) })
    let offset = end
    var bytes: [UInt8] = []
    var fences = Fences()
    var entryCount = 0
    var repeatCount = 0
    var last: UInt64?
    while try merge.next(KeyRunBlock.capacity) {
      let positions = zip(merge.runs, merge.positions).map { starts[Int($0)] &+ $1 }
      for key in merge.keys {
        if key == last { repeatCount += 1 }
        last = key
      }
      entryCount += positions.count
      append(merge.keys, positions, number, offset: offset, to: &bytes, &fences)
      if bytes.count >= SegmentWriter.pieceByteCount {
        try flush(bytes)
        bytes.removeAll(keepingCapacity: true)
      }
    }
    let byteCount = UInt32(clamping: Int(end &- offset) + bytes.count)
    try flush(bytes + padding(after: end &+ UInt64(bytes.count)))
    let location = try write(fences, number, byteCount: byteCount)
    return SegmentKeyRun(
      columns: key, form: KeyRunForm(types), entryCount: entryCount, repeatCount: repeatCount,
      offset: offset, byteCount: byteCount, fences: location)
  }

  /// What is known of the blocks so far.
  private struct Fences {
    var firstKeys: [UInt64] = []
    var checksums: [UInt64] = []
    var offsets: [UInt32] = []
  }

  /// Packs one block behind `bytes`, which will be written at `end`.
  private func append(
    _ keys: [UInt64], _ positions: [UInt32], _ number: Int, offset: UInt64,
    to bytes: inout [UInt8], _ fences: inout Fences
  ) {
    let start = bytes.count
    keys.withUnsafeBufferPointer { keys in
      positions.withUnsafeBufferPointer { positions in
        guard let keyBase = keys.baseAddress, let places = positions.baseAddress else { return }
        KeyRunBlock.append(keys: keyBase, positions: places, count: keys.count, to: &bytes)
      }
    }
    let identity = BlockIdentity(
      warehouse, .segment, table: definition.id, file: id,
      rowGroup: BlockIdentity.keyRunBlock(number, fences.offsets.count))
    let checksum = bytes.withUnsafeBytes {
      Checksum.compute(UnsafeRawBufferPointer(rebasing: $0[start...]), seed: identity.seed)
    }
    fences.firstKeys.append(keys[0])
    fences.checksums.append(checksum)
    fences.offsets.append(UInt32(truncatingIfNeeded: Int(end &- offset) + start))
  }

  private func write(
    _ fences: Fences, _ number: Int, byteCount: UInt32
  ) throws(StoaError) -> BlockLocation {
    let bytes = KeyRunFences(
      firstKeys: fences.firstKeys, checksums: fences.checksums, offsets: fences.offsets,
      byteCount: byteCount
    ).encoded()
    let identity = BlockIdentity(
      warehouse, .segment, table: definition.id, file: id,
      rowGroup: BlockIdentity.keyRunFences(number))
    let location = BlockLocation(
      offset: end, byteCount: UInt32(clamping: bytes.count),
      checksum: Checksum.compute(bytes, seed: identity.seed))
    try flush(bytes + padding(after: end &+ UInt64(bytes.count)))
    return location
  }

  /// Zeros up to where the next block may begin.
  private func padding(after offset: UInt64) -> [UInt8] {
    let rest = Int(offset % UInt64(Buffer.alignment))
    return [UInt8](repeating: 0, count: rest == 0 ? 0 : Buffer.alignment - rest)
  }
}
