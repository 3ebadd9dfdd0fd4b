import Vectors

extension ChunkEncoder {
  /// Integers and booleans: offsets from the least value.
  static func integers<T: FixedWidthInteger & PhysicalValue>(
    _ column: Vector, _: T.Type, _ forced: EncodingID?, _ isNested: Bool = false
  ) throws(StoaError) -> EncodedChunk {
    let count = column.count
    let validity = column.validity
    let values = column.base.assumingMemoryBound(to: T.self)
    defer { withExtendedLifetime(column) {} }
    let (low, high) = bounds(values, count, validity)
    let isBoolean = T.physicalType == .bool
    let (span, overflow) = Int128(high).subtractingReportingOverflow(Int128(low))
    if overflow || span > Int128(UInt64.max) { return try wide(column, forced, isNested) }
    let base: T = isBoolean ? 0 : low
    let offsets = NullFilling.fill(values, count, validity) {
      UInt64(truncatingIfNeeded: $0 &- base) & mask(T.self)
    }
    let nullCount = validity?.nullCount ?? 0
    func value(_ integer: T) -> Value {
      isBoolean ? .boolean(integer != 0) : .integer(Int128(integer))
    }
    let zone = ZoneMap.make(
      rowCount: count, nullCount: nullCount, min: value(low), max: value(high),
      distinctEstimate: DistinctEstimate.make(offsets, span: UInt64(span)),
      isSorted: nullCount == 0 && NullFilling.ascends(offsets))
    var draft = ChunkDraft(column.type, count, validity)
    draft.reference = Int128(base)
    if low == high, forced == nil || forced == .constant {
      draft.reference = Int128(low)
      return draft.finish(.constant, .constant, zone)
    }
    let plan = IntegerPicker.plan(offsets, forced: forced)
    draft.first = try plan.write(to: &draft.writer)
    return draft.finish(.integers, plan.encoding, zone)
  }

  /// The bits of `T` in 64, so that differences of narrow types do not sign-extend.
  @inline(__always)
  private static func mask<T: FixedWidthInteger>(_: T.Type) -> UInt64 {
    T.bitWidth >= 64 ? .max : (1 << UInt64(T.bitWidth)) &- 1
  }

  private static func bounds<T: FixedWidthInteger>(
    _ values: UnsafePointer<T>, _ count: Int, _ validity: Validity?
  ) -> (T, T) {
    var low = T.max
    var high = T.min
    for row in 0..<count where validity?.isValid(row) ?? true {
      let value = values[row]
      low = value < low ? value : low
      high = value > high ? value : high
    }
    return (low, high)
  }

  /// 128-bit values too far apart for offsets of 64 bits.
  private static func wide(
    _ column: Vector, _ forced: EncodingID?, _ isNested: Bool
  ) throws(StoaError) -> EncodedChunk {
    try fixedWidth(column, UInt128.self, forced, isNested)
  }
}
