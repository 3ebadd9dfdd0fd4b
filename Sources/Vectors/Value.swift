/// One value outside a vector: a literal, a bound of a zone map, a cell handed to a program. Meaningful
/// together with a `LogicalType`. Slow by design; nothing per row goes through it on a hot path.
public enum Value: Sendable {
  case null
  case boolean(Bool)
  /// Every integer type, and what is stored as one: DECIMAL (unscaled), DATE (days), TIME, TIMESTAMP
  /// (microseconds), INTERVAL (packed), UUID (topmost bit inverted), ENUM (code).
  case integer(Int128)
  /// REAL and DOUBLE.
  case double(Double)
  /// Compared by its UTF-8 bytes, not by Unicode equivalence as Swift strings are.
  case string(String)
  /// BLOB.
  case bytes([UInt8])

  public var isNull: Bool { if case .null = self { true } else { false } }

  /// The bytes of a text or BLOB.
  public var bytes: [UInt8]? {
    switch self {
    case .string(let text): Array(text.utf8)
    case .bytes(let bytes): bytes
    default: nil
    }
  }

  /// The integer inside, when there is one.
  public var integer: Int128? { if case .integer(let value) = self { value } else { nil } }
}

extension Value: Hashable {
  public static func == (left: Value, right: Value) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.boolean(let a), .boolean(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.double(let a), .double(let b)): a == b || (a.isNaN && b.isNaN)
    case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
    case (.bytes(let a), .bytes(let b)): a == b
    default: false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0 as UInt8)
    case .boolean(let value): hasher.combine(value)
    case .integer(let value): hasher.combine(value)
    case .double(let value):
      hasher.combine(value.isNaN ? Double.nan.bitPattern : (value == 0 ? 0 : value).bitPattern)
    case .string(let value):
      var copy = value
      copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    case .bytes(let bytes): hasher.combine(bytes)
    }
  }
}

extension Value: Comparable {
  /// The order of SQL for two values of one type: NaN above all, strings by bytes, NULL last.
  public static func < (left: Value, right: Value) -> Bool {
    switch (left, right) {
    case (.null, _): false
    case (_, .null): true
    case (.boolean(let a), .boolean(let b)): !a && b
    case (.integer(let a), .integer(let b)): a < b
    case (.double(let a), .double(let b)): a < b || (!a.isNaN && b.isNaN)
    case (.string(let a), .string(let b)): a.utf8.lexicographicallyPrecedes(b.utf8)
    case (.bytes(let a), .bytes(let b)): a.lexicographicallyPrecedes(b)
    default: false
    }
  }
}
