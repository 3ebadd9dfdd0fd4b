import Vectors

extension AggregateFunction {
  /// Bits set in all values.
  static let bitAnd = bits("bit_and", .and, "all", result: "4")
  /// Bits set in some value.
  static let bitOr = bits("bit_or", .or, "some value", result: "7")
  /// Bits set in an odd number of values.
  static let bitXor = bits("bit_xor", .xor, "an odd number of values", result: "3")

  private static func bits(
    _ name: String, _ operation: BitAccumulator.Operation, _ help: String, result: String
  ) -> AggregateFunction {
    AggregateFunction(
      name, signature: "x INTEGER", help: "Bits that are set in \(help)",
      example: "SELECT \(name)(x) FROM (VALUES (6), (5), (NULL)) t(x)", result: result
    ) { types in
      guard types.count == 1, types[0].isInteger || types[0] == .null else { return nil }
      let type = types[0] == .null ? .bigint : types[0]
      return BoundAggregate(name: name, argumentTypes: [type], resultType: type) {
        BitAccumulator(operation, type)
      }
    }
  }
}

/// bit_and, bit_or and bit_xor by group.
final class BitAccumulator: AggregateAccumulator {
  enum Operation: Sendable { case and, or, xor }

  private let operation: Operation
  private let type: LogicalType
  private let values: GroupArray<Int128>
  private let seen = GroupArray<UInt8>(0)

  init(_ operation: Operation, _ type: LogicalType) {
    self.operation = operation
    self.type = type
    values = GroupArray(operation == .and ? -1 : 0)
  }

  var byteCount: Int { values.byteCount + seen.byteCount }

  func resize(groupCount: Int) {
    values.resize(to: groupCount)
    seen.resize(to: groupCount)
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    fold(arguments[0]) { Int(groups[$0]) }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    fold(arguments[0]) { _ in group }
  }

  @inline(__always)
  private func fold(_ vector: Vector, _ group: (Int) -> Int) {
    let (values, seen) = (values.base, seen.base)
    switch operation {
    case .and: IntegerRows.forEach(vector) { values[group($0)] &= $1 }
    case .or: IntegerRows.forEach(vector) { values[group($0)] |= $1 }
    case .xor: IntegerRows.forEach(vector) { values[group($0)] ^= $1 }
    }
    ValidRows.forEachRow(vector) { seen[group($0)] = 1 }
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard other is BitAccumulator else { throw AggregateErrors.otherClass }
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
    let validity = Validity.make(count: range.count) { seen.base[range.lowerBound + $0] != 0 }
    return IntegerRows.vector(type, count: range.count, validity: validity) {
      values.base[range.lowerBound + $0]
    }
  }
}
