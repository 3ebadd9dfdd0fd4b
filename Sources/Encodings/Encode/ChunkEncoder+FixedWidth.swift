import Vectors

extension ChunkEncoder {
  /// Values kept bit for bit: floating point and wide integers. A dictionary of their own when they repeat, zstd when
  /// it pays, plain otherwise.
  static func fixedWidth<Bits: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ column: Vector, _: Bits.Type, _ forced: EncodingID?, _ isNested: Bool
  ) throws(StoaError) -> EncodedChunk {
    let filled = filledBits(column, Bits.self)
    let count = filled.count
    let bounds = VectorBounds.minMax(column)
    let nullCount = column.validity?.nullCount ?? 0
    let values = filled.base.assumingMemoryBound(to: Bits.self)
    let distinct = DistinctEstimate.make(count, most: count) {
      UInt64(truncatingIfNeeded: values[$0] ^ (Bits.bitWidth > 64 ? values[$0] >> 64 : 0))
    }
    var zone = ZoneMap.make(
      rowCount: count, nullCount: nullCount, min: bounds.min, max: bounds.max,
      distinctEstimate: distinct, isSorted: nullCount == 0 && VectorBounds.ascends(filled))
    if forced == nil || forced == .constant, (1..<count).allSatisfy({ values[$0] == values[0] }) {
      zone.distinctEstimate = 1
      var draft = ChunkDraft(column.type, count, column.validity)
      draft.reference = Int128(truncatingIfNeeded: values[0])
      return draft.finish(.constant, .constant, zone)
    }
    let plainCount = count * column.type.physical.byteWidth
    let wantsDictionary = forced.map { $0 != .plain && $0 != .zstd && $0 != .constant }
    if !isNested, wantsDictionary ?? true {
      let limit = forced == nil ? count / 2 : count
      if let chunk = try dictionary(
        filled, column.validity, forced, limit: limit,
        below: forced == nil ? plainCount * 3 / 4 : .max,
        &zone)
      {
        return chunk
      }
    }
    var draft = ChunkDraft(column.type, count, column.validity)
    let raw = UnsafeRawBufferPointer(start: filled.base, count: plainCount)
    let compresses =
      forced == .zstd
      || (forced != .plain && ByteSource.estimatedZstdByteCount(raw) * 5 < plainCount * 4)
    draft.first =
      compresses
      ? try ByteSource.writeZstd(raw, to: &draft.writer)
      : ByteSource.writePlain(raw, to: &draft.writer)
    withExtendedLifetime(filled) {}
    return draft.finish(.fixedWidth, compresses ? .zstd : .plain, zone)
  }

  /// A chunk with its own sorted dictionary, `nil` when there are more than `limit` entries or it would not stay
  /// below `below` bytes.
  static func dictionary(
    _ filled: Vector, _ validity: Validity?, _ forced: EncodingID?, limit: Int, below: Int,
    _ zone: inout ZoneMap
  ) throws(StoaError) -> EncodedChunk? {
    var table = EntryTable(filled.type.physical)
    var provisional: [UInt32] = []
    guard table.add(filled, limit: max(1, limit), codes: &provisional) else { return nil }
    let (dictionary, remap) = table.sorted(filled.type)
    zone.distinctEstimate = dictionary.count
    let codes = provisional.map { UInt64(remap[Int($0)]) }
    let plan = IntegerPicker.plan(codes, forced: treeForced(forced))
    let entries = try encode(dictionary, forced: nil, isNested: true)
    guard plan.byteCount + entries.byteCount < below else { return nil }
    var draft = ChunkDraft(filled.type, filled.count, validity)
    draft.third = dictionary.count
    draft.first = try plan.write(to: &draft.writer)
    draft.writer.align(64)
    draft.second = draft.writer.count
    draft.writer.append(entries.bytes.bytes)
    return draft.finish(.localDictionary, .dictionary, zone)
  }

  /// The values with NULL slots filled, without validity.
  private static func filledBits<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ column: Vector, _: Bits.Type
  ) -> Vector {
    let buffer = Buffer(of: Bits.self, count: column.count)
    let target = buffer.typed(Bits.self)
    let values = column.base.assumingMemoryBound(to: Bits.self)
    target.update(from: values, count: column.count)
    if let validity = column.validity {
      var last = values[NullFilling.firstValid(validity)]
      for row in 0..<column.count {
        if validity.isValid(row) { last = values[row] }
        target[row] = last
      }
    }
    withExtendedLifetime(column) {}
    return Vector(flat: buffer, type: column.type, count: column.count)
  }
}
