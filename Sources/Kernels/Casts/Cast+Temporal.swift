import Vectors

/// Between the types of calendar and clock.
extension Cast {
  static func fromTemporal(
    _ flat: Vector, to type: LogicalType, isTry: Bool
  ) throws(StoaError) -> Vector {
    switch (flat.type, type) {
    case (.date, .timestamp):
      return try rows(flat, type, isTry, zero: 0 as Int64) { (days: Int32) in
        Calendar.timestamp(days: Int(days), microseconds: 0)
      }
    case (.timestamp, .date):
      return try rows(flat, type, isTry, zero: 0 as Int32) { (timestamp: Int64) in
        Int32(exactly: Calendar.split(timestamp).days)
      }
    case (.timestamp, .time):
      return try rows(flat, type, isTry, zero: 0 as Int64) { (timestamp: Int64) in
        Calendar.split(timestamp).microseconds
      }
    case (.time, .interval):
      return allRows(flat, type) { (time: Int64) in Interval(microseconds: time).packed }
    case (.interval, .time):
      // What is left of whole days, as PostgreSQL; negative times count back from midnight.
      return allRows(flat, type) { (packed: Int128) in
        Calendar.split(Interval(packed: packed).microseconds).microseconds
      }
    case (.timestamp, .timestampTZ):
      let clock = LocalClock(.current)
      return try rows(flat, type, isTry, zero: 0 as Int64) { (local: Int64) in
        clock.instant(local)
      }
    case (.date, .timestampTZ):
      let clock = LocalClock(.current)
      return try rows(flat, type, isTry, zero: 0 as Int64) { (days: Int32) in
        Calendar.timestamp(days: Int(days), microseconds: 0).flatMap { clock.instant($0) }
      }
    case (.timestampTZ, .timestamp):
      let clock = LocalClock(.current)
      return try rows(flat, type, isTry, zero: 0 as Int64) { (instant: Int64) in
        clock.local(instant)
      }
    case (.timestampTZ, .date):
      let clock = LocalClock(.current)
      return try rows(flat, type, isTry, zero: 0 as Int32) { (instant: Int64) in
        clock.local(instant).flatMap { Int32(exactly: Calendar.split($0).days) }
      }
    case (.timestampTZ, .time):
      let clock = LocalClock(.current)
      return try rows(flat, type, isTry, zero: 0 as Int64) { (instant: Int64) in
        clock.local(instant).map { Calendar.split($0).microseconds }
      }
    default: throw StoaError(.binding, "cannot cast \(flat.type) to \(type)")
    }
  }

  /// UUID to BLOB and back: the 16 bytes from the most significant on.
  static func fromBytes(
    _ flat: Vector, to type: LogicalType, isTry: Bool
  ) throws(StoaError) -> Vector {
    switch (flat.type, type) {
    case (.uuid, .blob):
      let heap = StringHeap()
      return try rows(flat, type, isTry, zero: StringView()) { (value: Int128) in
        withUnsafeBytes(of: UUIDBits.bits(value).bigEndian) { heap.add($0) }
      }.keepingAlive(heap)
    case (.blob, .uuid):
      return try rows(flat, type, isTry, zero: 0 as Int128) { (view: StringView) in
        view.withBytes { bytes in
          guard bytes.count == 16 else { return nil }
          return UUIDBits.value(UInt128(bigEndian: bytes.loadUnaligned(as: UInt128.self)))
        }
      }
    default: throw StoaError(.binding, "cannot cast \(flat.type) to \(type)")
    }
  }
}

extension Vector {
  /// The same flat vector, which also owns `heap`.
  func keepingAlive(_ heap: StringHeap) -> Vector {
    Vector(
      flat: storage, type: type, count: count, validity: validity, owners: owners + [heap])
  }
}
