import Vectors

extension AggregateFunction {
  /// The value of the first row met, NULL or not. Which row that is, is not promised.
  static let first = AggregateFunction(
    "first", aliases: ["first_value"], signature: "x",
    help:
      "The value of the first row of the group, NULL included; which row is first is not promised",
    example: "SELECT first(x) FROM (VALUES (1), (1)) t(x)", result: "1"
  ) { types in
    types.count == 1 ? firstValue("first", types[0], keepsNulls: true) : nil
  }

  /// The value of the last row met, NULL or not.
  static let last = AggregateFunction(
    "last", signature: "x",
    help: "The value of the last row of the group, NULL included; ORDER BY says which row that is",
    example: "SELECT last(x ORDER BY x) FROM (VALUES (1), (2)) t(x)", result: "2"
  ) { types in
    types.count == 1 ? firstValue("last", types[0], keepsNulls: true, isLast: true) : nil
  }

  /// Some value that is not NULL.
  static let anyValue = AggregateFunction(
    "any_value", signature: "x", help: "Some value that is not NULL",
    example: "SELECT any_value(x) FROM (VALUES (NULL), (1)) t(x)", result: "1"
  ) { types in
    types.count == 1 ? firstValue("any_value", types[0], keepsNulls: false) : nil
  }

  private static func firstValue(
    _ name: String, _ type: LogicalType, keepsNulls: Bool, isLast: Bool = false
  ) -> BoundAggregate {
    BoundAggregate(name: name, argumentTypes: [type], resultType: type) {
      FirstValueAccumulator(type, keepsNulls: keepsNulls, isLast: isLast)
    }
  }
}

/// The first value met, or the last, by group.
final class FirstValueAccumulator: AggregateAccumulator {
  private enum State {
    static let empty: UInt8 = 0
    static let null: UInt8 = 1
    static let value: UInt8 = 2
  }

  private let type: LogicalType
  private let keepsNulls: Bool
  private let isLast: Bool
  private let width: Int
  private let values = GroupArray<UInt8>(0)
  private let states = GroupArray<UInt8>(State.empty)
  private var heap = StringHeap()
  /// Heap bytes right after the last rewrite.
  private var compactByteCount = 0

  init(_ type: LogicalType, keepsNulls: Bool, isLast: Bool = false) {
    self.type = type
    self.keepsNulls = keepsNulls
    self.isLast = isLast
    width = type.physical.byteWidth
  }

  var byteCount: Int { values.byteCount + states.byteCount + heap.byteCount }

  func resize(groupCount: Int) {
    values.resize(to: groupCount * width)
    states.resize(to: groupCount)
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    take(arguments[0], count) { Int(groups[$0]) }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    if isLast {
      guard count > 0 else { return }
      return take(arguments[0].slice(count - 1..<count), 1) { _ in group }
    }
    guard states.base[group] == State.empty else { return }
    take(arguments[0], count) { _ in group }
  }

  /// Rows of groups that have a value already cost one byte load.
  @inline(__always)
  private func take(_ vector: Vector, _ count: Int, _ group: (Int) -> Int) {
    let source = vector.form == .flat ? vector : vector.flattened()
    let states = states.base
    for row in 0..<count {
      let group = group(row)
      if states[group] != State.empty && !isLast { continue }
      if source.isValid(row) {
        copy(source, row, group)
        states[group] = State.value
      } else if keepsNulls {
        states[group] = State.null
      }
    }
    if isLast, heap.byteCount > 4 * compactByteCount + 1 << 20 { rewriteHeap() }
  }

  /// Copies the strings in use to a fresh heap.
  private func rewriteHeap() {
    let fresh = StringHeap()
    let views = UnsafeMutableRawPointer(values.base).assumingMemoryBound(to: StringView.self)
    for group in 0..<states.count where states.base[group] == State.value {
      views[group] = fresh.add(views[group])
    }
    heap = fresh
    compactByteCount = fresh.byteCount
  }

  private func copy(_ source: Vector, _ row: Int, _ group: Int) {
    let target = UnsafeMutableRawPointer(values.base + group * width)
    if type.physical == .string {
      let view = source.base.assumingMemoryBound(to: StringView.self)[row]
      target.storeBytes(of: heap.add(view), as: StringView.self)
    } else {
      target.copyMemory(from: source.base + row * width, byteCount: width)
    }
    withExtendedLifetime(source) {}
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard other is FirstValueAccumulator else { throw AggregateErrors.otherClass }
    try combine(partials: other.partialStates(0..<count), groups: groups, count: count)
  }

  /// Columns: the value, and whether the group is empty (0), NULL (1) or has a value (2).
  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    [try finish(range), states.vector(range, .tinyint)]
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [type.physical, .int8], count)
    let values = partials[0].flattened()
    let marks = partials[1].flattened()
    marks.withValues(as: UInt8.self) { marks in
      for index in 0..<count where marks[index] != State.empty {
        let group = Int(groups[index])
        if states.base[group] != State.empty && !isLast { continue }
        if values.isValid(index) {
          copy(values, index, group)
          states.base[group] = State.value
        } else if keepsNulls {
          states.base[group] = State.null
        }
      }
    }
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    let buffer = Buffer(byteCount: max(1, range.count * width))
    buffer.pointer.copyMemory(
      from: values.base + range.lowerBound * width, byteCount: range.count * width)
    let validity = Validity.make(count: range.count) {
      states.base[range.lowerBound + $0] == State.value
    }
    return Vector(
      flat: buffer, type: type, count: range.count, validity: validity,
      owners: type.physical == .string ? [heap] : [])
  }
}
