import Catalog
import Kernels
import Vectors

/// The short way for `INSERT … VALUES` of plain literals, which loads by statements are made of: they become columns
/// without a tree, a plan and an operator for each. Texts are cast a column at a time where the column is of another
/// type. Whatever is not obviously right as it stands (a number out of range, one that would be rounded, a text that is
/// no date) takes the long way, which also has the errors.
extension Binder {
  /// The rows as columns of the table, defaults filled in; `nil` for rows that need more than this.
  func literalRows(
    _ values: ValuesSyntax, _ targets: [Int], _ table: TableDefinition
  ) throws(StoaError) -> Batch? {
    guard values.others.isEmpty, let rows = values.literals, rows.width == targets.count else {
      return nil
    }
    var sources = [Int?](repeating: nil, count: table.columns.count)
    for (source, target) in targets.enumerated() { sources[target] = source }
    let constants = try defaults(table)
    var columns: [Vector] = []
    for (index, column) in table.columns.enumerated() {
      let constant = constants[index].constantValue
      if let source = sources[index] {
        guard let vector = rows.column(source, as: column.type, whereDefault: constant) else {
          return nil
        }
        columns.append(vector)
      } else {
        guard let constant else { return nil }
        columns.append(Vector(constant: constant, type: column.type, count: rows.rowCount))
      }
    }
    return Batch(columns: columns, rowCount: rows.rowCount)
  }
}

extension LiteralRows {
  /// One column as values of `type`; `nil` when some literal cannot be stored as it is.
  /// - Parameter constant: what DEFAULT stands for, if it is the same always.
  func column(_ index: Int, as type: LogicalType, whereDefault constant: Value?) -> Vector? {
    withItems { items, text -> Vector? in
      let column = LiteralColumn(
        items: items + index, stride: width, count: rowCount, text: text, type: type,
        constant: constant)
      return column.vector()
    } ?? nil
  }
}

/// A column of literals on its way to a vector.
private struct LiteralColumn {
  let items: UnsafePointer<LiteralRows.Item>
  let stride: Int
  let count: Int
  let text: UnsafePointer<UInt8>
  let type: LogicalType
  /// What DEFAULT stands for, if it is the same always.
  let constant: Value?

  private struct Kinds: OptionSet {
    var rawValue: UInt16
    init(rawValue: UInt16) { self.rawValue = rawValue }
    init(_ kind: LiteralRows.Kind) { rawValue = 1 << UInt16(kind.rawValue) }
    static let others: Kinds = [Kinds(.null), Kinds(.defaultValue)]
    static let booleans: Kinds = others.union([Kinds(.boolean)])
    static let integers: Kinds = others.union([Kinds(.integer)])
    static let exact: Kinds = integers.union([Kinds(.decimal)])
    static let numbers: Kinds = exact.union([Kinds(.double)])
    static let texts: Kinds = others.union([Kinds(.string), Kinds(.escapedString)])
  }

  func vector() -> Vector? {
    var kinds: Kinds = []
    for row in 0..<count { kinds.insert(Kinds(items[row &* stride].kind)) }
    if kinds.contains(Kinds(.defaultValue)), constant == nil { return nil }
    if kinds.isSubset(of: .texts), type.physical != .string, !kinds.isSubset(of: .others) {
      return castTexts(kinds)
    }
    switch type {
    case .boolean: return kinds.isSubset(of: .booleans) ? integers(UInt8.self, kinds) : nil
    case .tinyint: return kinds.isSubset(of: .integers) ? integers(Int8.self, kinds) : nil
    case .smallint: return kinds.isSubset(of: .integers) ? integers(Int16.self, kinds) : nil
    case .integer: return kinds.isSubset(of: .integers) ? integers(Int32.self, kinds) : nil
    case .bigint: return kinds.isSubset(of: .integers) ? integers(Int64.self, kinds) : nil
    case .hugeint: return kinds.isSubset(of: .integers) ? integers(Int128.self, kinds) : nil
    case .double: return kinds.isSubset(of: .numbers) ? doubles(kinds) : nil
    case .real: return kinds.isSubset(of: .exact) ? reals(kinds) : nil
    case .decimal(let precision, let scale):
      return kinds.isSubset(of: .exact) ? decimals(Int(precision), Int(scale), kinds) : nil
    case .varchar: return kinds.isSubset(of: .texts) ? texts(kinds) : nil
    case .date: return kinds.isSubset(of: .others) ? integers(Int32.self, kinds) : nil
    case .timestamp: return kinds.isSubset(of: .others) ? integers(Int64.self, kinds) : nil
    case .time, .timestampTZ: return kinds.isSubset(of: .others) ? integers(Int64.self, kinds) : nil
    case .uuid: return kinds.isSubset(of: .others) ? integers(Int128.self, kinds) : nil
    case .enumeration: return kinds.isSubset(of: .others) ? integers(Int32.self, kinds) : nil
    // Numbers of unsigned types have ranges of their own, and texts of BLOB are escaped.
    case .utinyint, .usmallint, .uinteger, .ubigint, .blob, .interval, .null: return nil
    }
  }

  /// Texts for a column of another type. A DEFAULT among them, which is no text, is left to the long way.
  private func castTexts(_ kinds: Kinds) -> Vector? {
    guard !kinds.contains(Kinds(.defaultValue)) else { return nil }
    let column = LiteralColumn(
      items: items, stride: stride, count: count, text: text, type: .varchar, constant: .null)
    // What fails here fails there with the place in the text.
    return try? column.texts(kinds).flatMap { vector throws(StoaError) in
      try Cast.apply(vector, to: type)
    }
  }

  /// - Parameter make: writes all values; those of NULL and DEFAULT are of no interest. False when one does not fit.
  private func filled<T: BitwiseCopyable>(
    _: T.Type, _ kinds: Kinds, owners: [AnyObject] = [],
    _ make: (UnsafeMutablePointer<T>) -> Bool
  ) -> Vector? {
    let buffer = Buffer(of: T.self, count: max(1, count))
    let target = buffer.typed(T.self)
    guard make(target) else { return nil }
    guard !kinds.isDisjoint(with: .others) else {
      return Vector(flat: buffer, type: type, count: count, owners: owners)
    }
    let constant = constant ?? .null
    let model = Vector(constant: constant, type: type, count: 1).flattened()
    let validity = Buffer(byteCount: Validity.wordCount(count) * 8)
    let words = validity.typed(UInt64.self)
    words.update(repeating: .max, count: Validity.wordCount(count))
    var nullCount = 0
    for row in 0..<count {
      let kind = items[row &* stride].kind
      let isNull = kind == .null || (kind == .defaultValue && constant.isNull)
      if isNull {
        words[row >> 6] &= ~(1 << UInt64(row & 63))
        nullCount += 1
      } else if kind == .defaultValue {
        model.withValues(as: T.self) { target[row] = $0[0] }
      }
    }
    return Vector(
      flat: buffer, type: type, count: count,
      validity: nullCount > 0 ? Validity(adopting: validity, count: count) : nil,
      owners: owners + model.owners)
  }

  /// Payloads of NULL and DEFAULT are zero.
  private func integers<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type, _ kinds: Kinds
  ) -> Vector? {
    filled(T.self, kinds) { target in
      var fits = true
      for row in 0..<count {
        let payload = items[row &* stride].payload
        let value = T(truncatingIfNeeded: payload)
        fits = fits && Int64(truncatingIfNeeded: value) == payload
        target[row] = value
      }
      return fits
    }
  }
}

/// Numbers with a point.
extension LiteralColumn {
  private func doubles(_ kinds: Kinds) -> Vector? {
    let quotients = LiteralColumn.quotients
    return filled(Double.self, kinds) { target in
      for row in 0..<count {
        let item = items[row &* stride]
        target[row] =
          item.kind == .double
          ? Double(bitPattern: UInt64(bitPattern: item.payload))
          : quotients[Int(item.scale)].double(item.payload)
      }
      return true
    }
  }

  private func reals(_ kinds: Kinds) -> Vector? {
    let quotients = LiteralColumn.quotients
    return filled(Float.self, kinds) { target in
      for row in 0..<count {
        let item = items[row &* stride]
        target[row] = quotients[Int(item.scale)].real(Int128(item.payload))
      }
      return true
    }
  }

  private func decimals(_ precision: Int, _ scale: Int, _ kinds: Kinds) -> Vector? {
    switch type.physical {
    case .int16: decimals(Int16.self, precision, scale, kinds)
    case .int32: decimals(Int32.self, precision, scale, kinds)
    case .int64: decimals(Int64.self, precision, scale, kinds)
    default: decimals(Int128.self, precision, scale, kinds)
    }
  }

  private func decimals<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type, _ precision: Int, _ scale: Int, _ kinds: Kinds
  ) -> Vector? {
    let powers = LiteralColumn.wholePowers
    guard precision < powers.count, scale < powers.count else { return nil }
    let limit = powers[precision].magnitude
    return filled(T.self, kinds) { target in
      for row in 0..<count {
        let item = items[row &* stride]
        guard Int(item.scale) <= scale else { return false }
        let (value, overflow) = Int128(item.payload).multipliedReportingOverflow(
          by: powers[scale - Int(item.scale)])
        guard !overflow, value.magnitude < limit else { return false }
        target[row] = T(truncatingIfNeeded: value)
      }
      return true
    }
  }

  /// Decimals of scale 0 … 19 as DOUBLE and REAL, as casts make them.
  private static let quotients = (0...19).map { DecimalQuotient(scale: $0) }

  /// 10^0 … 10^38.
  private static let wholePowers: [Int128] = (0...38).map { power in
    (0..<power).reduce(Int128(1)) { value, _ in value * 10 }
  }
}

/// Texts.
extension LiteralColumn {
  private func texts(_ kinds: Kinds) -> Vector? {
    var byteCount = 0
    for row in 0..<count {
      let length = Int(items[row &* stride].byteCount)
      if length > StringView.inlineCapacity { byteCount &+= length }
    }
    let bytes = Buffer(byteCount: byteCount)
    var place = bytes.pointer
    return filled(StringView.self, kinds, owners: byteCount > 0 ? [bytes] : []) { target in
      for row in 0..<count {
        let item = items[row &* stride]
        let source = UnsafeRawPointer(text + (item.byteCount > 0 ? Int(item.payload) : 0))
        let length = Int(item.byteCount)
        if item.kind == .escapedString {
          target[row] = unescaped(source, length, &place)
        } else if length <= StringView.inlineCapacity {
          target[row] = StringView(source, byteCount: length)
        } else {
          place.copyMemory(from: source, byteCount: length)
          target[row] = StringView(place, byteCount: length)
          place += length
        }
      }
      return true
    }
  }

  /// One quote for each two.
  private func unescaped(
    _ source: UnsafeRawPointer, _ length: Int, _ place: inout UnsafeMutableRawPointer
  ) -> StringView {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(length)
    var index = 0
    while index < length {
      let byte = source.load(fromByteOffset: index, as: UInt8.self)
      bytes.append(byte)
      index += byte == 0x27 ? 2 : 1
    }
    // Safe because what is copied is shorter than the literal, whose length was counted.
    return bytes.withUnsafeBytes { all in
      guard let base = all.baseAddress else { return StringView() }
      guard all.count > StringView.inlineCapacity else {
        return StringView(base, byteCount: all.count)
      }
      place.copyMemory(from: base, byteCount: all.count)
      defer { place += all.count }
      return StringView(place, byteCount: all.count)
    }
  }
}
