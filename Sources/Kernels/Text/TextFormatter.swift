import Vectors

/// Values as text: what CAST to VARCHAR, result printing and CSV output write. Appends to a byte array and
/// allocates nothing else for most types.
///
/// Numbers print as DuckDB prints them: doubles with the fewest digits that read back as the same number,
/// always with a point or an exponent (`1.0`, `1e+20`); decimals with all digits of their scale; timestamps
/// with as much of the fraction as is not zero.
public enum TextFormatter {
  /// Appends the text of one row; nothing for NULL.
  public static func append(_ vector: Vector, row: Int, to bytes: inout [UInt8]) {
    switch vector.form {
    case .flat:
      if let validity = vector.validity, !validity.isValid(row) { return }
      append(vector.type, vector.base, row, to: &bytes)
    case .constant:
      if vector.validity == nil { append(vector.type, vector.base, 0, to: &bytes) }
    case .dictionary:
      if let validity = vector.validity, !validity.isValid(row) { return }
      append(vector.type, vector.child!.base, vector.withCodes { Int($0[row]) }, to: &bytes)
    case .runs: append(vector.child!, row: vector.run(containing: row), to: &bytes)
    }
    withExtendedLifetime(vector) {}
  }

  /// The text of one value of `type`; `NULL` for NULL. For messages and small results.
  public static func string(_ value: Value, _ type: LogicalType) -> String {
    var bytes: [UInt8] = []
    switch value {
    case .null: return "NULL"
    case .boolean(let flag): return flag ? "true" : "false"
    case .string(let text): return text
    case .double(let number):
      if type == .real {
        appendReal(Float(number), to: &bytes)
      } else {
        appendDouble(number, to: &bytes)
      }
    case .integer(let integer): append(integer: integer, type, to: &bytes)
    case .bytes(let blob): blob.withUnsafeBytes { appendBlob($0, to: &bytes) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// An integer as `type`, which is stored as one, reads it.
  static func append(integer: Int128, _ type: LogicalType, to bytes: inout [UInt8]) {
    switch type {
    case .decimal(_, let scale): appendDecimal(integer, scale: Int(scale), to: &bytes)
    case .date: appendDate(Int(truncatingIfNeeded: integer), to: &bytes)
    case .timestamp: appendTimestamp(Int64(truncatingIfNeeded: integer), to: &bytes)
    case .interval: appendInterval(Interval(packed: integer), to: &bytes)
    case .time: appendTime(Int64(truncatingIfNeeded: integer), to: &bytes)
    case .timestampTZ: appendTimestampTZ(Int64(truncatingIfNeeded: integer), to: &bytes)
    case .uuid: appendUUID(integer, to: &bytes)
    case .enumeration(let labels):
      appendLabel(Int(truncatingIfNeeded: integer), labels.labels, to: &bytes)
    default: appendInteger(integer, to: &bytes)
    }
  }

  private static func append(
    _ type: LogicalType, _ base: UnsafeRawPointer, _ row: Int, to bytes: inout [UInt8]
  ) {
    @inline(__always) func at<T: BitwiseCopyable>(_: T.Type) -> T {
      base.assumingMemoryBound(to: T.self)[row]
    }
    switch type {
    case .boolean, .null: bytes.append(contentsOf: at(UInt8.self) != 0 ? trueText : falseText)
    case .tinyint: appendInteger(Int64(at(Int8.self)), to: &bytes)
    case .smallint: appendInteger(Int64(at(Int16.self)), to: &bytes)
    case .integer: appendInteger(Int64(at(Int32.self)), to: &bytes)
    case .bigint: appendInteger(at(Int64.self), to: &bytes)
    case .hugeint: appendInteger(at(Int128.self), to: &bytes)
    case .real: appendReal(at(Float.self), to: &bytes)
    case .double: appendDouble(at(Double.self), to: &bytes)
    case .decimal(_, let scale):
      switch type.physical {
      case .int16: appendDecimal(Int64(at(Int16.self)), scale: Int(scale), to: &bytes)
      case .int32: appendDecimal(Int64(at(Int32.self)), scale: Int(scale), to: &bytes)
      case .int64: appendDecimal(at(Int64.self), scale: Int(scale), to: &bytes)
      default: appendDecimal(at(Int128.self), scale: Int(scale), to: &bytes)
      }
    case .varchar:
      let view = at(StringView.self)
      view.withBytes { bytes.append(contentsOf: $0) }
    case .date: appendDate(Int(at(Int32.self)), to: &bytes)
    case .timestamp: appendTimestamp(at(Int64.self), to: &bytes)
    case .interval: appendInterval(Interval(packed: at(Int128.self)), to: &bytes)
    case .utinyint: appendInteger(Int64(at(Int16.self)), to: &bytes)
    case .usmallint: appendInteger(Int64(at(Int32.self)), to: &bytes)
    case .uinteger: appendInteger(at(Int64.self), to: &bytes)
    case .ubigint: appendInteger(at(Int128.self), to: &bytes)
    case .time: appendTime(at(Int64.self), to: &bytes)
    case .timestampTZ: appendTimestampTZ(at(Int64.self), to: &bytes)
    case .uuid: appendUUID(at(Int128.self), to: &bytes)
    case .blob: at(StringView.self).withBytes { appendBlob($0, to: &bytes) }
    case .enumeration(let labels): appendLabel(Int(at(Int32.self)), labels.labels, to: &bytes)
    }
  }

  private static let trueText = Array("true".utf8)
  private static let falseText = Array("false".utf8)
}
