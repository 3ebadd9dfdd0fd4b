import Vectors

/// Compares whole rows by sort columns, value by value: the slow and exact way, for ties that a prefix key
/// leaves, small groups, merges and tests.
public struct RowComparator: Sendable {
  /// The columns' types and directions, most significant first.
  public let specifications: [SortSpecification]

  /// Compares by these columns.
  public init(_ specifications: [SortSpecification]) { self.specifications = specifications }

  /// Negative, zero or positive as row `left` of `leftColumns` sorts before, with or after row `right` of
  /// `rightColumns`. Columns must be flat, constant or dictionary to be fast.
  public func compare(
    _ leftColumns: [Vector], _ left: Int, _ rightColumns: [Vector], _ right: Int
  ) -> Int {
    compare(leftColumns, left, rightColumns, right, from: 0)
  }

  func compare(
    _ leftColumns: [Vector], _ left: Int, _ rightColumns: [Vector], _ right: Int, from first: Int
  ) -> Int {
    for column in first..<specifications.count {
      let order = RowComparator.compare(
        leftColumns[column], left, rightColumns[column], right, specifications[column])
      if order != 0 { return order }
    }
    return 0
  }

  /// One column of `compare`.
  public static func compare(
    _ left: Vector, _ leftRow: Int, _ right: Vector, _ rightRow: Int,
    _ specification: SortSpecification
  ) -> Int {
    let leftValid = left.isValid(leftRow)
    let rightValid = right.isValid(rightRow)
    guard leftValid && rightValid else {
      if leftValid == rightValid { return 0 }
      return leftValid == specification.nullsFirst ? 1 : -1
    }
    let order = compareValues(left, leftRow, right, rightRow)
    return specification.isDescending ? -order : order
  }

  private static func compareValues(
    _ left: Vector, _ leftRow: Int, _ right: Vector, _ rightRow: Int
  ) -> Int {
    let (leftBase, leftSlot) = slot(left, leftRow)
    let (rightBase, rightSlot) = slot(right, rightRow)
    defer { withExtendedLifetime((left, right)) {} }
    func ordinals<T: SortOrdinal>(_: T.Type) -> Int {
      let a = leftBase.assumingMemoryBound(to: T.self)[leftSlot].sortOrdinal
      let b = rightBase.assumingMemoryBound(to: T.self)[rightSlot].sortOrdinal
      return a < b ? -1 : a > b ? 1 : 0
    }
    switch left.type.physical {
    case .bool: return ordinals(UInt8.self)
    case .int8: return ordinals(Int8.self)
    case .int16: return ordinals(Int16.self)
    case .int32: return ordinals(Int32.self)
    case .int64: return ordinals(Int64.self)
    case .float32: return ordinals(Float.self)
    case .float64: return ordinals(Double.self)
    case .int128:
      let shift = left.type == .interval ? Interval.lengthShift : 0
      let a = leftBase.assumingMemoryBound(to: Int128.self)[leftSlot] >> shift
      let b = rightBase.assumingMemoryBound(to: Int128.self)[rightSlot] >> shift
      return a < b ? -1 : a > b ? 1 : 0
    case .string:
      let a = leftBase.assumingMemoryBound(to: StringView.self)[leftSlot]
      let b = rightBase.assumingMemoryBound(to: StringView.self)[rightSlot]
      return StringView.compare(a, b)
    }
  }

  /// Where the value of a row that is not NULL lies.
  @inline(__always)
  private static func slot(_ vector: Vector, _ row: Int) -> (UnsafeRawPointer, Int) {
    switch vector.form {
    case .flat: return (vector.base, row)
    case .constant: return (vector.base, 0)
    case .dictionary: return (vector.child!.base, vector.withCodes { Int($0[row]) })
    case .runs: return (vector.child!.base, vector.run(containing: row))
    }
  }
}
