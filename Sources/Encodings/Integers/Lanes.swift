import Vectors

/// Loops over unpacked lanes. The entries switch on the lane width (and physical type) once per call.
enum Lanes {
  static func value(_ lanes: UnsafeRawPointer, _ index: Int, _ lane: LaneWidth) -> UInt64 {
    switch lane {
    case .bits8: UInt64(lanes.assumingMemoryBound(to: UInt8.self)[index])
    case .bits16: UInt64(lanes.assumingMemoryBound(to: UInt16.self)[index])
    case .bits32: UInt64(lanes.assumingMemoryBound(to: UInt32.self)[index])
    case .bits64: lanes.assumingMemoryBound(to: UInt64.self)[index]
    }
  }

  static func sum(_ lanes: UnsafeRawPointer, _ count: Int, _ lane: LaneWidth) -> Int128 {
    switch lane {
    case .bits8: narrowSum(lanes.assumingMemoryBound(to: UInt8.self), count)
    case .bits16: narrowSum(lanes.assumingMemoryBound(to: UInt16.self), count)
    case .bits32: narrowSum(lanes.assumingMemoryBound(to: UInt32.self), count)
    case .bits64: wideSum(lanes.assumingMemoryBound(to: UInt64.self), count)
    }
  }

  static func minMax(
    _ lanes: UnsafeRawPointer, _ count: Int, _ lane: LaneWidth
  ) -> (min: UInt64, max: UInt64) {
    switch lane {
    case .bits8: bounds(lanes.assumingMemoryBound(to: UInt8.self), count)
    case .bits16: bounds(lanes.assumingMemoryBound(to: UInt16.self), count)
    case .bits32: bounds(lanes.assumingMemoryBound(to: UInt32.self), count)
    case .bits64: bounds(lanes.assumingMemoryBound(to: UInt64.self), count)
    }
  }

  /// Writes `reference &+ lane` as `physical`, which is an integer type or BOOLEAN. `target` may be `lanes`
  /// when the widths are equal. Wraps when damaged bytes lead out of range.
  static func widen(
    _ lanes: UnsafeRawPointer, _ lane: LaneWidth, _ count: Int, adding reference: Int128,
    into target: UnsafeMutableRawPointer, as physical: PhysicalType
  ) {
    switch lane {
    case .bits8:
      widen(lanes.assumingMemoryBound(to: UInt8.self), count, reference, target, physical)
    case .bits16:
      widen(lanes.assumingMemoryBound(to: UInt16.self), count, reference, target, physical)
    case .bits32:
      widen(lanes.assumingMemoryBound(to: UInt32.self), count, reference, target, physical)
    case .bits64:
      widen(lanes.assumingMemoryBound(to: UInt64.self), count, reference, target, physical)
    }
  }

  /// Writes 64-bit values as lanes that hold them.
  static func narrow(
    _ values: UnsafePointer<UInt64>, _ count: Int, into target: UnsafeMutableRawPointer,
    _ lane: LaneWidth
  ) {
    widen(values, .bits64, count, adding: 0, into: target, as: lane.signedType)
  }

  private static func widen<L: Lane>(
    _ lanes: UnsafePointer<L>, _ count: Int, _ reference: Int128,
    _ target: UnsafeMutableRawPointer, _ physical: PhysicalType
  ) {
    switch physical {
    case .bool: booleans(lanes, count, reference, target.assumingMemoryBound(to: UInt8.self))
    case .int8: add(lanes, count, reference, target.assumingMemoryBound(to: Int8.self))
    case .int16: add(lanes, count, reference, target.assumingMemoryBound(to: Int16.self))
    case .int32: add(lanes, count, reference, target.assumingMemoryBound(to: Int32.self))
    case .int64: add(lanes, count, reference, target.assumingMemoryBound(to: Int64.self))
    case .int128: add(lanes, count, reference, target.assumingMemoryBound(to: Int128.self))
    case .float32, .float64, .string: preconditionFailure("not an integer type")
    }
  }

  @inline(__always)
  private static func add<L: Lane, T: FixedWidthInteger>(
    _ lanes: UnsafePointer<L>, _ count: Int, _ reference: Int128, _ target: UnsafeMutablePointer<T>
  ) {
    let base = T(truncatingIfNeeded: reference)
    for index in 0..<count { target[index] = base &+ T(truncatingIfNeeded: lanes[index]) }
  }

  /// A byte that is neither 0 nor 1 must not get out.
  @inline(__always)
  private static func booleans<L: Lane>(
    _ lanes: UnsafePointer<L>, _ count: Int, _ reference: Int128,
    _ target: UnsafeMutablePointer<UInt8>
  ) {
    let base = UInt8(truncatingIfNeeded: reference)
    for index in 0..<count {
      target[index] = (base &+ UInt8(truncatingIfNeeded: lanes[index])) & 1
    }
  }

  /// `target[i]` = the lane of `positions[i]` in a unit of `unit` rows (a power of two).
  @inline(__always)
  static func pick<L: Lane>(
    _ lanes: UnsafePointer<L>, unit: Int, _ positions: UnsafePointer<UInt16>, _ count: Int,
    _ target: UnsafeMutablePointer<L>
  ) {
    let mask = unit &- 1
    for index in 0..<count { target[index] = lanes[Int(positions[index]) & mask] }
  }

  /// 65,536 values of up to 32 bits fit 48.
  @inline(__always)
  private static func narrowSum<L: Lane>(_ lanes: UnsafePointer<L>, _ count: Int) -> Int128 {
    var total: UInt64 = 0
    for index in 0..<count { total &+= UInt64(truncatingIfNeeded: lanes[index]) }
    return Int128(total)
  }

  /// Halves are summed apart, which vectorises where a 128-bit sum does not.
  private static func wideSum(_ lanes: UnsafePointer<UInt64>, _ count: Int) -> Int128 {
    var low: UInt64 = 0
    var high: UInt64 = 0
    for index in 0..<count {
      low &+= lanes[index] & 0xFFFF_FFFF
      high &+= lanes[index] &>> 32
    }
    return Int128(low) &+ Int128(high) &<< 32
  }

  @inline(__always)
  private static func bounds<L: Lane>(
    _ lanes: UnsafePointer<L>, _ count: Int
  ) -> (min: UInt64, max: UInt64) {
    var least = L.max
    var greatest = L.min
    for index in 0..<count {
      let value = lanes[index]
      least = value < least ? value : least
      greatest = value > greatest ? value : greatest
    }
    return (UInt64(truncatingIfNeeded: least), UInt64(truncatingIfNeeded: greatest))
  }
}
