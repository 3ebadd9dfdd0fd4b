import Vectors

extension Comparison {
  /// Least and greatest value of a vector in the order of SQL, NULLs left out; `nil` when every row is NULL.
  /// Runs are looked at once each.
  public static func extremes(_ vector: Vector) -> (least: Value, greatest: Value)? {
    switch vector.form {
    case .constant:
      guard vector.count > 0, !vector.isConstantNull else { return nil }
      return (vector.value(at: 0), vector.value(at: 0))
    case .runs: return vector.count == 0 ? nil : extremes(vector.child!)
    case .dictionary: return extremes(vector.flattened())
    case .flat:
      let rows =
        switch vector.type.physical {
        case .bool: extremeRows(vector, UInt8.self)
        case .int8: extremeRows(vector, Int8.self)
        case .int16: extremeRows(vector, Int16.self)
        case .int32: extremeRows(vector, Int32.self)
        case .int64: extremeRows(vector, Int64.self)
        case .int128: extremeRows(vector, Int128.self)
        case .float32: extremeRows(vector, Float.self)
        case .float64: extremeRows(vector, Double.self)
        case .string: extremeRows(vector, StringView.self)
        }
      return rows.map { (vector.value(at: $0.least), vector.value(at: $0.greatest)) }
    }
  }

  private static func extremeRows<T: OrderedValue>(
    _ vector: Vector, _: T.Type
  ) -> (least: Int, greatest: Int)? {
    vector.withValues(as: T.self) { values in
      var found: (least: Int, greatest: Int)?
      for row in 0..<vector.count where vector.validity?.isValid(row) ?? true {
        guard let (least, greatest) = found else {
          found = (row, row)
          continue
        }
        if T.isLess(values[row], values[least]) { found!.least = row }
        if T.isLess(values[greatest], values[row]) { found!.greatest = row }
      }
      return found
    }
  }
}
