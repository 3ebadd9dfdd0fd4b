import Vectors

/// Rows of integers of any width, and results of any width.
enum IntegerRows {
  /// Calls `body` with row and value of every integer (or BOOLEAN as 0 and 1) that is not NULL.
  @inline(__always)
  static func forEach(_ vector: Vector, _ body: (Int, Int128) -> Void) {
    switch vector.type.physical {
    case .bool: ValidRows.forEach(vector, as: UInt8.self) { body($0, Int128($1)) }
    case .int8: ValidRows.forEach(vector, as: Int8.self) { body($0, Int128($1)) }
    case .int16: ValidRows.forEach(vector, as: Int16.self) { body($0, Int128($1)) }
    case .int32: ValidRows.forEach(vector, as: Int32.self) { body($0, Int128($1)) }
    case .int64: ValidRows.forEach(vector, as: Int64.self) { body($0, Int128($1)) }
    case .int128: ValidRows.forEach(vector, as: Int128.self, body)
    case .float32, .float64, .string: assertionFailure("no integers")
    }
  }

  /// A vector of an integer type; values are cut to its width.
  static func vector(
    _ type: LogicalType, count: Int, validity: Validity?, _ value: (Int) -> Int128
  ) -> Vector {
    let width = type.physical.byteWidth
    let buffer = Buffer(byteCount: max(1, count * width))
    for index in 0..<count {
      var value = value(index).littleEndian
      withUnsafeBytes(of: &value) {
        (buffer.pointer + index * width).copyMemory(from: $0.baseAddress!, byteCount: width)
      }
    }
    return Vector(flat: buffer, type: type, count: count, validity: validity)
  }
}

extension Vector {
  /// A DOUBLE for each group of `range`; `nil` becomes NULL.
  static func doubles(
    _ range: Range<Int>, _ value: (Int) throws(StoaError) -> Double?
  ) throws(StoaError) -> Vector {
    let buffer = Buffer(byteCount: max(1, range.count) * 8)
    let out = buffer.typed(Double.self)
    var isNull = [Bool](repeating: false, count: range.count)
    for (index, group) in range.enumerated() {
      let result = try value(group)
      out[index] = result ?? 0
      isNull[index] = result == nil
    }
    let validity = Validity.make(count: range.count) { !isNull[$0] }
    return Vector(flat: buffer, type: .double, count: range.count, validity: validity)
  }
}
