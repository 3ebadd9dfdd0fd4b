import Vectors

/// Rows of several vectors of one type as one vector. Rows are named by vector << 16 | row.
enum RowGathering {
  /// Rows of the same vector that a name can tell apart.
  static let sourceCapacity = 1 << 16

  static func name(source: Int, row: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: source << 16 | row)
  }

  /// The rows `names`, in their order.
  /// - Parameter sources: flat, each of at most 65,536 rows.
  static func gather(
    _ sources: [Vector], type: LogicalType, _ names: UnsafeBufferPointer<UInt32>
  ) -> Vector {
    guard let first = names.baseAddress else { return Vector.nulls(type: type, count: 0) }
    if sources.count == 1 { return sources[0].gather(first, count: names.count) }
    let target = Buffer(byteCount: max(1, names.count * type.physical.byteWidth))
    let bases = sources.map(\.base)
    switch type.physical.byteWidth {
    case 1: copy(bases, names, target, UInt8.self)
    case 2: copy(bases, names, target, UInt16.self)
    case 4: copy(bases, names, target, UInt32.self)
    case 8: copy(bases, names, target, UInt64.self)
    default: copy(bases, names, target, UInt128.self)
    }
    withExtendedLifetime(sources) {}
    return Vector(
      flat: target, type: type, count: names.count, validity: validity(sources, names),
      owners: type.physical == .string ? sources.flatMap(\.stringOwners) : [])
  }

  @inline(__always)
  private static func copy<T: BitwiseCopyable>(
    _ bases: [UnsafeRawPointer], _ names: UnsafeBufferPointer<UInt32>, _ target: Buffer, _: T.Type
  ) {
    let to = target.typed(T.self)
    bases.withUnsafeBufferPointer { bases in
      for index in 0..<names.count {
        let name = Int(names[index])
        to[index] = bases[name >> 16].assumingMemoryBound(to: T.self)[name & 0xFFFF]
      }
    }
  }

  private static func validity(
    _ sources: [Vector], _ names: UnsafeBufferPointer<UInt32>
  ) -> Validity? {
    guard sources.contains(where: { $0.validity != nil }) else { return nil }
    return Validity.make(count: names.count) { index in
      let name = Int(names[index])
      return sources[name >> 16].isValid(name & 0xFFFF)
    }
  }
}
