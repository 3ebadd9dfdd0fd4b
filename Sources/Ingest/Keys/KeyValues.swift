import Kernels
import Vectors

/// The key columns of some rows in a form that compares by equality of values, whatever the types' widths: 64-bit
/// integers for single integer columns, bytes for everything else.
enum KeyShape {
  case integer
  case bytes

  /// The shape in which keys of all these column types can be compared with each other.
  init(_ types: [LogicalType]) {
    self = .bytes
    if types.count == 1 {
      switch types[0].physical {
      case .int8, .int16, .int32, .int64: self = .integer
      default: break
      }
    }
  }

  /// The shape for a key and a reference to it.
  /// - Throws: `.unsupported` when values of the types cannot be compared as they are.
  static func common(_ left: [LogicalType], _ right: [LogicalType]) throws(StoaError) -> KeyShape {
    for (a, b) in zip(left, right) where a != b {
      let isComparable =
        (a.isInteger && b.isInteger) || (a.isFloatingPoint && b.isFloatingPoint)
        || (a.isDecimal && b.isDecimal && a.scale == b.scale)
      guard isComparable else {
        throw StoaError(.unsupported, "a foreign key of \(a) cannot refer to a key of \(b)")
      }
    }
    if case .integer = KeyShape(left), case .integer = KeyShape(right) { return .integer }
    return .bytes
  }
}

/// Rows of key columns, ready to be looked at one by one.
struct KeyRows {
  let columns: [Vector]
  let count: Int

  init(_ columns: [Vector]) {
    self.columns = columns.map { $0.flattened() }
    count = columns.first?.count ?? 0
  }

  /// Whether some part of the key is NULL, in which case it is equal to no other key.
  @inline(__always)
  func hasNull(_ row: Int) -> Bool {
    for column in columns where column.validity != nil && !column.isValid(row) { return true }
    return false
  }

  var mayHaveNulls: Bool { columns.contains { $0.validity != nil } }

  /// The single integer column as 64-bit values.
  func integers() -> [Int64] {
    let column = columns[0]
    return [Int64](unsafeUninitializedCapacity: count) { target, initialized in
      guard let out = target.baseAddress else { return }
      switch column.type.physical {
      case .int8: KeyRows.widen(column, Int8.self, out)
      case .int16: KeyRows.widen(column, Int16.self, out)
      case .int32: KeyRows.widen(column, Int32.self, out)
      default: KeyRows.widen(column, Int64.self, out)
      }
      initialized = count
    }
  }

  @inline(__always)
  private static func widen<T: FixedWidthInteger & BitwiseCopyable>(
    _ column: Vector, _: T.Type, _ out: UnsafeMutablePointer<Int64>
  ) {
    column.withValues(as: T.self) { values in
      for row in 0..<column.count { out[row] = Int64(truncatingIfNeeded: values[row]) }
    }
  }

  /// Appends the bytes of the key of `row`: equal keys have equal bytes.
  func appendBytes(_ row: Int, to bytes: inout [UInt8]) {
    for column in columns {
      switch column.type.physical {
      case .bool: append(Int128(column.withValues(as: UInt8.self) { $0[row] }), &bytes)
      case .int8: append(Int128(column.withValues(as: Int8.self) { $0[row] }), &bytes)
      case .int16: append(Int128(column.withValues(as: Int16.self) { $0[row] }), &bytes)
      case .int32: append(Int128(column.withValues(as: Int32.self) { $0[row] }), &bytes)
      case .int64: append(Int128(column.withValues(as: Int64.self) { $0[row] }), &bytes)
      case .int128:
        let shift = column.type == .interval ? Interval.lengthShift : 0
        append(column.withValues(as: Int128.self) { $0[row] } >> shift, &bytes)
      case .float32: append(Double(column.withValues(as: Float.self) { $0[row] }), &bytes)
      case .float64: append(column.withValues(as: Double.self) { $0[row] }, &bytes)
      case .string:
        let view = column.withValues(as: StringView.self) { $0[row] }
        append(Int128(view.byteCount), &bytes)
        view.withBytes { bytes.append(contentsOf: $0) }
      }
    }
  }

  private func append(_ value: Int128, _ bytes: inout [UInt8]) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }

  private func append(_ value: Double, _ bytes: inout [UInt8]) {
    let bits = value.isNaN ? Double.nan.bitPattern : value == 0 ? 0 : value.bitPattern
    withUnsafeBytes(of: bits) { bytes.append(contentsOf: $0) }
  }

  /// The key as messages show it: `7`, or `(7, 'x')`.
  func text(_ row: Int) -> String {
    let parts = columns.map { column -> String in
      let text = TextFormatter.string(column.value(at: row), column.type)
      return column.type.physical == .string ? "'\(text.prefix(100))'" : text
    }
    return parts.count == 1 ? parts[0] : "(\(parts.joined(separator: ", ")))"
  }
}
