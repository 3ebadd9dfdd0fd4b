import Vectors

/// Running a test over values that are decoded: dictionary entries, constants, and chunks whose encoding has no
/// shortcut (floating point, strings, integers beyond 64 bits).
extension ValueTest {
  /// One byte per row, 1 where the row passes; NULL rows get what their slot would, the caller removes them.
  func flags(_ vector: Vector) throws(StoaError) -> [UInt8] {
    if case .predicate(let predicate) = self {
      let passed = try predicate(vector)
      guard passed.count == vector.count else {
        throw StoaError(.inconsistency, "a filter answered \(passed.count) of \(vector.count) rows")
      }
      return passed.map { $0 ? 1 : 0 }
    }
    let flat = vector.flattened()
    var flags = [UInt8](repeating: 0, count: flat.count)
    switch flat.type.physical {
    case .bool: try integers(flat, UInt8.self, &flags)
    case .int8: try integers(flat, Int8.self, &flags)
    case .int16: try integers(flat, Int16.self, &flags)
    case .int32: try integers(flat, Int32.self, &flags)
    case .int64: try integers(flat, Int64.self, &flags)
    case .int128: try integers(flat, Int128.self, &flags)
    case .float32: try floats(flat, Float.self, &flags)
    case .float64: try floats(flat, Double.self, &flags)
    case .string: try strings(flat, &flags)
    }
    return flags
  }

  private func mismatch(_ type: LogicalType) -> StoaError {
    StoaError(.inconsistency, "a filter does not fit a column of type \(type)")
  }

  private func integers<T: FixedWidthInteger & BitwiseCopyable>(
    _ vector: Vector, _: T.Type, _ flags: inout [UInt8]
  ) throws(StoaError) {
    let count = vector.count
    let values = vector.base.assumingMemoryBound(to: T.self)
    defer { withExtendedLifetime(vector) {} }
    switch self {
    case .nothing, .nulls: return
    case .everything: for row in 0..<count { flags[row] = 1 }
    case .integers(let lower, let upper, let negated):
      let hit: UInt8 = negated ? 0 : 1
      let low = lower <= Int128(T.min) ? T.min : lower > Int128(T.max) ? nil : T(lower)
      let high = upper >= Int128(T.max) ? T.max : upper < Int128(T.min) ? nil : T(upper)
      guard let low, let high else {
        for row in 0..<count { flags[row] = 1 - hit }
        return
      }
      for row in 0..<count {
        flags[row] = values[row] >= low && values[row] <= high ? hit : 1 &- hit
      }
    case .integerTable(let table):
      for row in 0..<count {
        flags[row] = Int64(exactly: values[row]).map { table.contains($0) } ?? false ? 1 : 0
      }
    case .integerSet(let set):
      for row in 0..<count {
        flags[row] = Int64(exactly: values[row]).map { set.contains($0) } ?? false ? 1 : 0
      }
    case .wideSet(let members):
      for row in 0..<count { flags[row] = ValueTest.contains(members, Int128(values[row])) ? 1 : 0 }
    case .doubles, .doubleSet, .strings, .stringSet, .predicate, .mixed:
      throw mismatch(vector.type)
    }
  }

  private static func contains(_ sorted: [Int128], _ value: Int128) -> Bool {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low < sorted.count && sorted[low] == value
  }

  private func floats<T: BinaryFloatingPoint & BitwiseCopyable>(
    _ vector: Vector, _: T.Type, _ flags: inout [UInt8]
  ) throws(StoaError) {
    let count = vector.count
    let values = vector.base.assumingMemoryBound(to: T.self)
    defer { withExtendedLifetime(vector) {} }
    switch self {
    case .nothing, .nulls: return
    case .everything: for row in 0..<count { flags[row] = 1 }
    case .doubles(let lower, let upper, let negated):
      let hit: UInt8 = negated ? 0 : 1
      for row in 0..<count {
        let key = ValueTest.orderedKey(Double(values[row]))
        flags[row] = key >= lower && key <= upper ? hit : 1 &- hit
      }
    case .doubleSet(let set):
      for row in 0..<count {
        flags[row] = set.contains(ValueTest.orderedKey(Double(values[row]))) ? 1 : 0
      }
    case .integers, .integerTable, .integerSet, .wideSet, .strings, .stringSet, .predicate, .mixed:
      throw mismatch(vector.type)
    }
  }

  private func strings(_ vector: Vector, _ flags: inout [UInt8]) throws(StoaError) {
    let count = vector.count
    let values = vector.base.assumingMemoryBound(to: StringView.self)
    defer { withExtendedLifetime(vector) {} }
    switch self {
    case .nothing, .nulls: return
    case .everything: for row in 0..<count { flags[row] = 1 }
    case .strings(let interval): interval.mark(values, count, &flags)
    case .stringSet(let list):
      for row in 0..<count { flags[row] = list.contains(values[row]) ? 1 : 0 }
    case .integers, .integerTable, .integerSet, .wideSet, .doubles, .doubleSet, .predicate, .mixed:
      throw mismatch(vector.type)
    }
  }
}

extension StringInterval {
  /// Marks the strings inside (outside when negated).
  func mark(_ values: UnsafePointer<StringView>, _ count: Int, _ flags: inout [UInt8]) {
    let heap = StringHeap()
    let low = lower.map { $0.withUnsafeBytes { heap.add($0) } }
    let high = upper.map { $0.withUnsafeBytes { heap.add($0) } }
    defer { withExtendedLifetime(heap) {} }
    let hit: UInt8 = negated ? 0 : 1
    if let low, let high, lower == upper, lowerIncluded, upperIncluded {
      _ = high
      for row in 0..<count { flags[row] = values[row] == low ? hit : 1 &- hit }
      return
    }
    for row in 0..<count {
      var inside = true
      if let low {
        let order = StringView.compare(values[row], low)
        inside = lowerIncluded ? order >= 0 : order > 0
      }
      if inside, let high {
        let order = StringView.compare(values[row], high)
        inside = upperIncluded ? order <= 0 : order < 0
      }
      flags[row] = inside ? hit : 1 &- hit
    }
  }
}
