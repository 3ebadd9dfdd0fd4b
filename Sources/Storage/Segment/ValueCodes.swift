import Encodings
import Vectors

/// The distinct values of a column of one row group, when they are few, and one number per row: what bitmaps of
/// columns without dictionary are made from.
struct ValueCodes: @unchecked Sendable {
  /// The values' bits, sign-extended, in the order of first appearance.
  let keys: [Int128]
  let codes: Buffer

  /// - Parameter flat: of fixed width.
  /// - Returns: `nil` as soon as there are more than `limit` values, which is below 512.
  init?(_ flat: Vector, limit: Int) {
    let codes = Buffer(of: UInt16.self, count: max(1, flat.count))
    let target = codes.typed(UInt16.self)
    let keys: [Int128]?
    switch flat.type.physical {
    case .bool: keys = ValueCodes.number(flat, UInt8.self, limit, target)
    case .int8: keys = ValueCodes.number(flat, Int8.self, limit, target)
    case .int16: keys = ValueCodes.number(flat, Int16.self, limit, target)
    case .int32: keys = ValueCodes.number(flat, Int32.self, limit, target)
    case .int64: keys = ValueCodes.number(flat, Int64.self, limit, target)
    case .int128: keys = ValueCodes.number(flat, Int128.self, limit, target)
    case .float32: keys = ValueCodes.number(flat, UInt32.self, limit, target)
    case .float64: keys = ValueCodes.number(flat, UInt64.self, limit, target)
    case .string: keys = nil
    }
    guard let keys else { return nil }
    self.keys = keys
    self.codes = codes
  }

  private static func number<T: FixedWidthInteger & BitwiseCopyable>(
    _ flat: Vector, _: T.Type, _ limit: Int, _ target: UnsafeMutablePointer<UInt16>
  ) -> [Int128]? {
    defer { withExtendedLifetime(flat) {} }
    let values = flat.base.assumingMemoryBound(to: T.self)
    let validity = flat.validity
    let mask = 1023
    var slots = [Int16](repeating: -1, count: mask + 1)
    var found: [T] = []
    var last: T = 0
    var lastCode: UInt16 = 0
    for row in 0..<flat.count {
      if let validity, !validity.isValid(row) {
        target[row] = lastCode
        continue
      }
      let value = values[row]
      if value != last || found.isEmpty {
        let mixed =
          UInt64(truncatingIfNeeded: value ^ (T.bitWidth > 64 ? value >> 64 : 0))
          &* 0x9E37_79B9_7F4A_7C15
        var slot = Int(truncatingIfNeeded: mixed >> 54)
        while slots[slot] >= 0 && found[Int(slots[slot])] != value { slot = (slot &+ 1) & mask }
        if slots[slot] < 0 {
          if found.count == limit { return nil }
          slots[slot] = Int16(truncatingIfNeeded: found.count)
          found.append(value)
        }
        last = value
        lastCode = UInt16(truncatingIfNeeded: slots[slot])
      }
      target[row] = lastCode
    }
    return found.map { Int128(truncatingIfNeeded: $0) }
  }

  /// The values with these keys, as `init` made them.
  static func vector(_ keys: [Int128], type: LogicalType) -> Vector {
    let width = type.physical.byteWidth
    let buffer = Buffer(byteCount: max(1, keys.count * width))
    for (index, key) in keys.enumerated() {
      withUnsafeBytes(of: key.littleEndian) { bytes in
        guard let base = bytes.baseAddress else { return }
        (buffer.pointer + index * width).copyMemory(from: base, byteCount: width)
      }
    }
    return Vector(flat: buffer, type: type, count: keys.count)
  }
}
