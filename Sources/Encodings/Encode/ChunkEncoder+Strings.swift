import Vectors

extension ChunkEncoder {
  /// Strings: a dictionary of their own when they repeat, otherwise byte counts and bytes, plain or zstd.
  static func strings(
    _ column: Vector, _ forced: EncodingID?, _ isNested: Bool
  ) throws(StoaError) -> EncodedChunk {
    let filled = filledViews(column)
    let count = filled.count
    let bounds = VectorBounds.minMax(column)
    let nullCount = column.validity?.nullCount ?? 0
    let views = filled.base.assumingMemoryBound(to: StringView.self)
    let distinct = DistinctEstimate.make(count, most: count) { EntryTable.hash(views[$0]) }
    var zone = ZoneMap.make(
      rowCount: count, nullCount: nullCount, min: bounds.min, max: bounds.max,
      distinctEstimate: distinct, isSorted: nullCount == 0 && VectorBounds.ascends(filled))
    defer { withExtendedLifetime(filled) {} }
    if forced == nil || forced == .constant, (1..<count).allSatisfy({ views[$0] == views[0] }) {
      zone.distinctEstimate = 1
      var draft = ChunkDraft(column.type, count, column.validity)
      draft.first = draft.writer.count
      draft.second = views[0].byteCount
      views[0].withBytes { draft.writer.append($0) }
      return draft.finish(.constant, .constant, zone)
    }
    let byteCount = (0..<count).reduce(0) { $0 &+ views[$1].byteCount }
    guard byteCount <= ByteSource.byteLimit else {
      throw StoaError(
        .resource, "the strings of a column chunk take \(byteCount) bytes, the limit is 2 GB")
    }
    let wantsDictionary = forced.map { $0 != .plain && $0 != .zstd && $0 != .constant }
    if !isNested, wantsDictionary ?? true {
      // Codes are so much cheaper to scan that a dictionary may even be a little larger.
      if let chunk = try dictionary(
        filled, column.validity, forced, limit: forced == nil ? count / 2 : count,
        below: forced == nil ? byteCount + count * 2 : .max, &zone)
      {
        return chunk
      }
    }
    return try plainStrings(column, views, count, byteCount, forced, zone)
  }

  private static func plainStrings(
    _ column: Vector, _ views: UnsafePointer<StringView>, _ count: Int, _ byteCount: Int,
    _ forced: EncodingID?, _ zone: ZoneMap
  ) throws(StoaError) -> EncodedChunk {
    let bytes = Buffer(byteCount: max(1, byteCount))
    var lengths: [UInt64] = []
    var starts: [UInt64] = []
    var at = 0
    lengths.reserveCapacity(count)
    for row in 0..<count {
      if row % blockCapacity == 0 { starts.append(UInt64(at)) }
      lengths.append(UInt64(views[row].byteCount))
      views[row].withBytes { source in
        if let from = source.baseAddress {
          (bytes.pointer + at).copyMemory(from: from, byteCount: source.count)
        }
      }
      at += views[row].byteCount
    }
    starts.append(UInt64(at))
    var draft = ChunkDraft(column.type, count, column.validity)
    draft.first = try IntegerPicker.plan(lengths).write(to: &draft.writer)
    draft.writer.align(8)
    draft.third = draft.writer.count
    draft.writer.append(array: starts)
    let raw = UnsafeRawBufferPointer(start: bytes.pointer, count: byteCount)
    let compresses =
      forced == .zstd
      || (forced != .plain && ByteSource.estimatedZstdByteCount(raw) * 4 < byteCount * 3)
    draft.second =
      compresses
      ? try ByteSource.writeZstd(raw, to: &draft.writer)
      : ByteSource.writePlain(raw, to: &draft.writer)
    withExtendedLifetime(bytes) {}
    return draft.finish(.strings, compresses ? .zstd : .plain, zone)
  }

  /// The views with NULL slots filled, without validity.
  private static func filledViews(_ column: Vector) -> Vector {
    guard let validity = column.validity else { return column }
    let buffer = Buffer(of: StringView.self, count: column.count)
    let target = buffer.typed(StringView.self)
    let values = column.base.assumingMemoryBound(to: StringView.self)
    var last = values[NullFilling.firstValid(validity)]
    for row in 0..<column.count {
      if validity.isValid(row) { last = values[row] }
      target[row] = last
    }
    return Vector(flat: buffer, type: column.type, count: column.count, owners: column.stringOwners)
  }
}
