import Vectors

// MIN, MAX, bool_and, bool_or: the least or greatest value by group. Floats are compared by their ordinals, NaN above
// all; −0 sorts just below 0 here, so that the answer does not depend on the order of rows. Strings are
// kept in a heap of their own, rewritten when most of it is superseded.

extension AggregateFunction {
  /// The least value; NULL of no values.
  static let minimum = AggregateFunction(
    "min", signature: "x", help: "The least value that is not NULL",
    example: "SELECT min(x) FROM (VALUES ('b'), ('a'), (NULL)) t(x)", result: "a"
  ) { types in
    types.count == 1 ? extreme("min", types[0], isMaximum: false) : nil
  }

  /// The greatest value; NULL of no values.
  static let maximum = AggregateFunction(
    "max", signature: "x", help: "The greatest value that is not NULL",
    example: "SELECT max(x) FROM (VALUES (1.5), (2.5), (NULL)) t(x)", result: "2.5"
  ) { types in
    types.count == 1 ? extreme("max", types[0], isMaximum: true) : nil
  }

  static func extreme(_ name: String, _ type: LogicalType, isMaximum: Bool) -> BoundAggregate {
    BoundAggregate(name: name, argumentTypes: [type], resultType: type) {
      MinMaxAccumulator(type, isMaximum: isMaximum)
    }
  }
}

/// Extremes by group of any type.
final class MinMaxAccumulator: AggregateAccumulator {
  private let type: LogicalType
  let isMaximum: Bool
  private let width: Int
  /// `width` bytes per group, in the type's in-memory form.
  private let values = GroupArray<UInt8>(0)
  private let seen = GroupArray<UInt8>(0)
  private var heap = StringHeap()
  /// Heap bytes right after the last rewrite.
  private var compactByteCount = 0

  init(_ type: LogicalType, isMaximum: Bool) {
    self.type = type
    self.isMaximum = isMaximum
    width = type.physical.byteWidth
  }

  var byteCount: Int { values.byteCount + seen.byteCount + heap.byteCount }

  func resize(groupCount: Int) {
    values.resize(to: groupCount * width)
    seen.resize(to: groupCount)
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    fold(arguments[0]) { Int(groups[$0]) }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    let vector = arguments[0]
    switch vector.form {
    case .runs: fold(vector.child!) { _ in group }
    case .constant where count > 0: fold(vector.resizedConstant(count: 1)) { _ in group }
    case .flat, .constant, .dictionary: fold(vector) { _ in group }
    }
  }

  @inline(__always)
  private func fold(_ vector: Vector, _ group: (Int) -> Int) {
    switch vector.type.physical {
    case .bool: fold(vector, UInt8.self, group)
    case .int8: fold(vector, Int8.self, group)
    case .int16: fold(vector, Int16.self, group)
    case .int32: fold(vector, Int32.self, group)
    case .int64: fold(vector, Int64.self, group)
    case .int128: fold(vector, Int128.self, group)
    case .float32: fold(vector, Float.self, group)
    case .float64: fold(vector, Double.self, group)
    case .string: foldStrings(vector, group)
    }
  }

  @inline(__always)
  private func fold<T: ExtremeValue>(_ vector: Vector, _: T.Type, _ group: (Int) -> Int) {
    let best = UnsafeMutableRawPointer(values.base).assumingMemoryBound(to: T.self)
    let seen = seen.base
    if isMaximum {
      ValidRows.forEach(vector, as: T.self) { row, value in
        let group = group(row)
        if seen[group] == 0 || best[group].extremeOrdinal < value.extremeOrdinal {
          best[group] = value.canonical
          seen[group] = 1
        }
      }
    } else {
      ValidRows.forEach(vector, as: T.self) { row, value in
        let group = group(row)
        if seen[group] == 0 || value.extremeOrdinal < best[group].extremeOrdinal {
          best[group] = value.canonical
          seen[group] = 1
        }
      }
    }
  }

  @inline(__always)
  private func foldStrings(_ vector: Vector, _ group: (Int) -> Int) {
    let best = UnsafeMutableRawPointer(values.base).assumingMemoryBound(to: StringView.self)
    let seen = seen.base
    ValidRows.forEach(vector, as: StringView.self) { row, view in
      let group = group(row)
      let order = seen[group] == 0 ? 0 : StringView.compare(best[group], view)
      if seen[group] == 0 || (isMaximum ? order < 0 : order > 0) {
        best[group] = heap.add(view)
        seen[group] = 1
      }
    }
    if heap.byteCount > 4 * compactByteCount + 1 << 20 { rewriteHeap() }
  }

  /// Copies the strings in use to a fresh heap.
  private func rewriteHeap() {
    let fresh = StringHeap()
    let best = UnsafeMutableRawPointer(values.base).assumingMemoryBound(to: StringView.self)
    for group in 0..<seen.count where seen.base[group] != 0 { best[group] = fresh.add(best[group]) }
    heap = fresh
    compactByteCount = fresh.byteCount
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard other is MinMaxAccumulator else { throw AggregateErrors.otherClass }
    try combine(partials: other.partialStates(0..<count), groups: groups, count: count)
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [type.physical], count)
    fold(partials[0].slice(0..<count)) { Int(groups[$0]) }
  }

  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] { [try finish(range)] }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    let buffer = Buffer(byteCount: max(1, range.count * width))
    buffer.pointer.copyMemory(
      from: values.base + range.lowerBound * width, byteCount: range.count * width)
    let validity = Validity.make(count: range.count) { seen.base[range.lowerBound + $0] != 0 }
    return Vector(
      flat: buffer, type: type, count: range.count, validity: validity,
      owners: type.physical == .string ? [heap] : [])
  }
}

/// A value with a total order for MIN and MAX.
protocol ExtremeValue: BitwiseCopyable {
  associatedtype Ordinal: Comparable
  var extremeOrdinal: Ordinal { get }
  /// The one representative of values that are the same to SQL.
  var canonical: Self { get }
}

extension ExtremeValue where Self: FixedWidthInteger {
  @inline(__always) var extremeOrdinal: Self { self }
  @inline(__always) var canonical: Self { self }
}

extension UInt8: ExtremeValue {}
extension Int8: ExtremeValue {}
extension Int16: ExtremeValue {}
extension Int32: ExtremeValue {}
extension Int64: ExtremeValue {}
extension Int128: ExtremeValue {}

extension Float: ExtremeValue {
  @inline(__always) var extremeOrdinal: Int32 {
    let bits = Int32(bitPattern: canonical.bitPattern)
    return bits ^ ((bits >> 31) & Int32.max)
  }
  @inline(__always) var canonical: Float { isNaN ? .nan : self }
}

extension Double: ExtremeValue {
  @inline(__always) var extremeOrdinal: Int64 {
    let bits = Int64(bitPattern: canonical.bitPattern)
    return bits ^ ((bits >> 63) & Int64.max)
  }
  @inline(__always) var canonical: Double { isNaN ? .nan : self }
}
