import Vectors

extension Interval {
  /// Lengths of a flat INTERVAL vector as HUGEINT: what equal, ordered and hashed means for intervals.
  static func lengths(_ flat: Vector) -> Vector {
    let result = FlatResult<Int128>(count: flat.count)
    flat.withValues(as: Int128.self) { values in
      for row in 0..<flat.count { result.values[row] = values[row] >> lengthShift }
    }
    return result.vector(.hugeint, count: flat.count, validity: flat.validity)
  }

  /// The least and greatest stored form of intervals as long as `packed`.
  public static func equals(of packed: Int128) -> ClosedRange<Int128> {
    let mask = (Int128(1) << lengthShift) - 1
    return (packed & ~mask)...(packed | mask)
  }
}
