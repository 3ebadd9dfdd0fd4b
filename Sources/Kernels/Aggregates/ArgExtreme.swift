import Vectors

// arg_min, arg_max: the value of one expression where another is least or greatest. Rows in which either is NULL are
// left out. Among rows that tie, the least value is given out, so that the answer does not depend on their order.

extension AggregateFunction {
  /// The value of x where y is least.
  static let argMin = argExtreme(
    "arg_min", ["argmin", "min_by"], isMaximum: false, "least", result: "b")
  /// The value of x where y is greatest.
  static let argMax = argExtreme(
    "arg_max", ["argmax", "max_by"], isMaximum: true, "greatest", result: "a")

  private static func argExtreme(
    _ name: String, _ aliases: [String], isMaximum: Bool, _ word: String, result: String
  ) -> AggregateFunction {
    AggregateFunction(
      name, aliases: aliases, signature: "x, y",
      help: "x of the row in which y is \(word); rows with a NULL in either are left out",
      example: "SELECT \(name)(x, y) FROM (VALUES ('a', 3), ('b', 2), (NULL, 9)) t(x, y)",
      result: result
    ) { types in
      guard types.count == 2 else { return nil }
      return BoundAggregate(name: name, argumentTypes: types, resultType: types[0]) {
        ArgExtremeAccumulator(types[0], types[1], isMaximum: isMaximum)
      }
    }
  }
}

/// Values at extremes, by group.
final class ArgExtremeAccumulator: AggregateAccumulator {
  private let type: LogicalType
  private let keyType: LogicalType
  private let isMaximum: Bool
  private let width: Int
  private let keyWidth: Int
  private let values = GroupArray<UInt8>(0)
  private let keys = GroupArray<UInt8>(0)
  private let seen = GroupArray<UInt8>(0)
  private var heap = StringHeap()
  private var compactByteCount = 0

  init(_ type: LogicalType, _ keyType: LogicalType, isMaximum: Bool) {
    self.type = type
    self.keyType = keyType
    self.isMaximum = isMaximum
    width = type.physical.byteWidth
    keyWidth = keyType.physical.byteWidth
  }

  var byteCount: Int { values.byteCount + keys.byteCount + seen.byteCount + heap.byteCount }

  func resize(groupCount: Int) {
    values.resize(to: groupCount * width)
    keys.resize(to: groupCount * keyWidth)
    seen.resize(to: groupCount)
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    fold(arguments, count) { Int(groups[$0]) }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    fold(arguments, count) { _ in group }
  }

  @inline(__always)
  private func fold(_ arguments: [Vector], _ count: Int, _ group: (Int) -> Int) {
    let value = arguments[0].flattened()
    let key = arguments[1].flattened()
    switch keyType.physical {
    case .bool: fold(value, key, UInt8.self, count, group)
    case .int8: fold(value, key, Int8.self, count, group)
    case .int16: fold(value, key, Int16.self, count, group)
    case .int32: fold(value, key, Int32.self, count, group)
    case .int64: fold(value, key, Int64.self, count, group)
    case .int128: fold(value, key, Int128.self, count, group)
    case .float32: fold(value, key, Float.self, count, group)
    case .float64: fold(value, key, Double.self, count, group)
    case .string: fold(value, key, StringView.self, count, group)
    }
    withExtendedLifetime((value, key)) {}
    if heap.byteCount > 4 * compactByteCount + 1 << 20 { rewriteHeap() }
  }

  @inline(__always)
  private func fold<Key: OrderedValue>(
    _ value: Vector, _ key: Vector, _: Key.Type, _ count: Int, _ group: (Int) -> Int
  ) {
    let best = UnsafeMutableRawPointer(keys.base).assumingMemoryBound(to: Key.self)
    let candidates = key.base.assumingMemoryBound(to: Key.self)
    for row in 0..<count where value.isValid(row) && key.isValid(row) {
      let group = group(row)
      let candidate = candidates[row]
      if seen.base[group] != 0 {
        let isBetter =
          isMaximum
          ? Key.isLess(best[group], candidate) : Key.isLess(candidate, best[group])
        if !isBetter {
          guard Key.isEqual(candidate, best[group]) else { continue }
          let present = UnsafeRawPointer(values.base + group * width)
          guard type.physical.isLess(value.base + row * width, present) else { continue }
        }
      }
      seen.base[group] = 1
      if let view = candidate as? StringView, let kept = heap.add(view) as? Key {
        best[group] = kept
      } else {
        best[group] = candidate
      }
      keep(value, row, group)
    }
  }

  private func keep(_ value: Vector, _ row: Int, _ group: Int) {
    let target = UnsafeMutableRawPointer(values.base + group * width)
    if type.physical == .string {
      let view = value.base.assumingMemoryBound(to: StringView.self)[row]
      target.storeBytes(of: heap.add(view), as: StringView.self)
    } else {
      target.copyMemory(from: value.base + row * width, byteCount: width)
    }
  }

  /// Copies the strings in use to a fresh heap.
  private func rewriteHeap() {
    let fresh = StringHeap()
    for (array, physical) in [(values, type.physical), (keys, keyType.physical)]
    where physical == .string {
      let views = UnsafeMutableRawPointer(array.base).assumingMemoryBound(to: StringView.self)
      for group in 0..<seen.count where seen.base[group] != 0 {
        views[group] = fresh.add(views[group])
      }
    }
    heap = fresh
    compactByteCount = fresh.byteCount
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard other is ArgExtremeAccumulator else { throw AggregateErrors.otherClass }
    try combine(partials: other.partialStates(0..<count), groups: groups, count: count)
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [type.physical, keyType.physical], count)
    fold(partials, count) { Int(groups[$0]) }
  }

  /// Columns: the value, the extreme; both NULL of no rows.
  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    [column(values, type, range), column(keys, keyType, range)]
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector { column(values, type, range) }

  private func column(
    _ array: GroupArray<UInt8>, _ type: LogicalType, _ range: Range<Int>
  ) -> Vector {
    let width = type.physical.byteWidth
    let buffer = Buffer(byteCount: max(1, range.count * width))
    buffer.pointer.copyMemory(
      from: array.base + range.lowerBound * width, byteCount: range.count * width)
    let validity = Validity.make(count: range.count) { seen.base[range.lowerBound + $0] != 0 }
    return Vector(
      flat: buffer, type: type, count: range.count, validity: validity,
      owners: type.physical == .string ? [heap] : [])
  }
}

extension PhysicalType {
  /// Whether the value at `left` sorts before that at `right`; −0 before 0, for one order of all that can be told apart.
  func isLess(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer) -> Bool {
    func less<T: OrderedValue>(_: T.Type) -> Bool {
      T.isLess(left.loadUnaligned(as: T.self), right.loadUnaligned(as: T.self))
    }
    switch self {
    case .bool: return less(UInt8.self)
    case .int8: return less(Int8.self)
    case .int16: return less(Int16.self)
    case .int32: return less(Int32.self)
    case .int64: return less(Int64.self)
    case .int128: return less(Int128.self)
    case .float32:
      return left.loadUnaligned(as: Float.self).extremeOrdinal
        < right.loadUnaligned(as: Float.self).extremeOrdinal
    case .float64:
      return left.loadUnaligned(as: Double.self).extremeOrdinal
        < right.loadUnaligned(as: Double.self).extremeOrdinal
    case .string: return less(StringView.self)
    }
  }
}
