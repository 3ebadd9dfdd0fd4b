import Vectors

/// To and from VARCHAR.
extension Cast {
  static func toText(_ flat: Vector) -> Vector {
    let result = FlatResult<StringView>(count: flat.count)
    let heap = StringHeap()
    var bytes: [UInt8] = []
    bytes.reserveCapacity(64)
    for row in 0..<flat.count {
      bytes.removeAll(keepingCapacity: true)
      TextFormatter.append(flat, row: row, to: &bytes)
      result.values[row] = bytes.withUnsafeBytes { heap.add($0) }
    }
    return result.vector(.varchar, count: flat.count, validity: flat.validity, owners: [heap])
  }

  static func fromText(
    _ flat: Vector, to type: LogicalType, isTry: Bool
  ) throws(StoaError) -> Vector {
    switch type {
    case .boolean:
      try text(flat, type, isTry, zero: 0 as UInt8) {
        TextParser.parseBoolean($0).map { $0 ? 1 : 0 }
      }
    case .tinyint:
      try text(flat, type, isTry, zero: 0 as Int8) {
        TextParser.parseInt64($0).flatMap { Int8(exactly: $0) }
      }
    case .smallint:
      try text(flat, type, isTry, zero: 0 as Int16) {
        TextParser.parseInt64($0).flatMap { Int16(exactly: $0) }
      }
    case .integer:
      try text(flat, type, isTry, zero: 0 as Int32) {
        TextParser.parseInt64($0).flatMap { Int32(exactly: $0) }
      }
    case .bigint: try text(flat, type, isTry, zero: 0 as Int64) { TextParser.parseInt64($0) }
    case .hugeint: try text(flat, type, isTry, zero: 0 as Int128) { TextParser.parseInt128($0) }
    case .real: try text(flat, type, isTry, zero: 0 as Float) { TextParser.parseReal($0) }
    case .double: try text(flat, type, isTry, zero: 0 as Double) { TextParser.parseDouble($0) }
    case .decimal(let precision, let scale):
      try decimals(flat, type, isTry, Int(precision), Int(scale))
    case .date:
      try text(flat, type, isTry, zero: 0 as Int32) { bytes in
        TextParser.parseDate(bytes)
          ?? TextParser.parseTimestamp(bytes).flatMap { Int32(exactly: Calendar.split($0).days) }
      }
    case .timestamp: try text(flat, type, isTry, zero: 0 as Int64) { TextParser.parseTimestamp($0) }
    case .interval:
      try text(flat, type, isTry, zero: 0 as Int128) { TextParser.parseInterval($0)?.packed }
    case .utinyint:
      try text(flat, type, isTry, zero: 0 as Int16) {
        TextParser.parseInt64($0).flatMap { UInt8(exactly: $0).map { Int16($0) } }
      }
    case .usmallint:
      try text(flat, type, isTry, zero: 0 as Int32) {
        TextParser.parseInt64($0).flatMap { UInt16(exactly: $0).map { Int32($0) } }
      }
    case .uinteger:
      try text(flat, type, isTry, zero: 0 as Int64) {
        TextParser.parseInt64($0).flatMap { UInt32(exactly: $0).map { Int64($0) } }
      }
    case .ubigint:
      try text(flat, type, isTry, zero: 0 as Int128) {
        TextParser.parseInt128($0).flatMap { UInt64(exactly: $0).map { Int128($0) } }
      }
    case .time: try text(flat, type, isTry, zero: 0 as Int64) { TextParser.parseTime($0) }
    case .timestampTZ:
      try text(flat, type, isTry, zero: 0 as Int64) { TextParser.parseTimestampTZ($0) }
    case .uuid: try text(flat, type, isTry, zero: 0 as Int128) { TextParser.parseUUID($0) }
    case .blob: try blobs(flat, isTry)
    case .enumeration(let labels): try codes(flat, labels, isTry)
    case .varchar, .null: flat
    }
  }

  private static func blobs(_ flat: Vector, _ isTry: Bool) throws(StoaError) -> Vector {
    let heap = StringHeap()
    let result = try rows(flat, .blob, isTry, zero: StringView()) { (view: StringView) in
      view.withBytes { TextParser.parseBlob($0) }.map { blob in
        blob.withUnsafeBytes { heap.add($0) }
      }
    }
    return result.keepingAlive(heap)
  }

  /// Labels of codes as a dictionary vector: no text is copied.
  static func texts(_ flat: Vector, _ labels: EnumType) throws(StoaError) -> Vector {
    let dictionary = labels.dictionary
    let codes = Buffer(of: UInt32.self, count: max(1, flat.count))
    let target = codes.typed(UInt32.self)
    var isDamaged = false
    flat.withValues(as: Int32.self) { values in
      for row in 0..<flat.count {
        let code = UInt32(bitPattern: values[row])
        let isLabel = code < UInt32(truncatingIfNeeded: dictionary.count)
        isDamaged = isDamaged || (!isLabel && flat.isValid(row))
        target[row] = isLabel ? code : 0
      }
    }
    guard !isDamaged else {
      throw StoaError(.corruption, "a code of \(flat.type) has no label")
    }
    return Vector(
      codes: codes, count: flat.count, dictionary: dictionary, validity: flat.validity)
  }

  private static func codes(
    _ flat: Vector, _ labels: EnumType, _ isTry: Bool
  ) throws(StoaError) -> Vector {
    let codes = labels.codes
    return try text(flat, .enumeration(labels), isTry, zero: 0 as Int32) {
      codes[Array($0)].map { Int32(truncatingIfNeeded: $0) }
    }
  }

  private static func decimals(
    _ flat: Vector, _ type: LogicalType, _ isTry: Bool, _ precision: Int, _ scale: Int
  ) throws(StoaError) -> Vector {
    let parse = { (bytes: UnsafeRawBufferPointer) -> Int128? in
      TextParser.parseDecimal(bytes, precision: precision, scale: scale)
    }
    return switch type.physical {
    case .int16:
      try text(flat, type, isTry, zero: 0 as Int16) { parse($0).flatMap { Int16(exactly: $0) } }
    case .int32:
      try text(flat, type, isTry, zero: 0 as Int32) { parse($0).flatMap { Int32(exactly: $0) } }
    case .int64:
      try text(flat, type, isTry, zero: 0 as Int64) { parse($0).flatMap { Int64(exactly: $0) } }
    default: try text(flat, type, isTry, zero: 0 as Int128) { parse($0) }
    }
  }

  @inline(__always)
  private static func text<T: PhysicalValue>(
    _ flat: Vector, _ type: LogicalType, _ isTry: Bool, zero: T,
    _ parse: (UnsafeRawBufferPointer) -> T?
  ) throws(StoaError) -> Vector {
    try rows(flat, type, isTry, zero: zero) { (view: StringView) in view.withBytes { parse($0) } }
  }
}
