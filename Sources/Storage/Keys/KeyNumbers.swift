import Kernels
import Vectors

// A key of any type as one 64-bit number, so that key runs are lists of numbers.
//
// A single column of at most 64 bits becomes a number that tells its values apart (form `values`); every other key
// becomes a hash of 40 bits (form `hashes`), and who finds equal hashes compares the columns. Why 40: packed, a hash
// of a full segment takes 21 bits beside 22 of position, 5.4 bytes a row; a key that is not there meets a false
// candidate in one of 262,144 full segments, and loading 50 million keys meets some thousand pairs to compare. 32
// bits would save a byte and bring a thousand times as many.
//
// These numbers are on disk. Equal values have equal numbers whatever the width of their types, so that a run stays
// good when a column is widened:
//
//   values, integers, dates, DECIMAL   the 64-bit integer with its sign bit flipped
//   values, floats                     the bits of the DOUBLE, all inverted if negative, else the sign bit flipped;
//                                      −0 as 0, every NaN as 7FF8 0000 0000 0000
//   hashes                             h(0) = 0, h(i) = XXH64 of column i's bytes seeded with h(i − 1); the upper 40
//                                      bits of the last. Bytes: integers as 16, DOUBLE as 8 (both little-endian, −0
//                                      and NaN as above), strings as they are

/// How the keys of a run are numbers.
public enum KeyRunForm: UInt8, Sendable {
  /// Different keys have different numbers.
  case values = 0
  /// Different keys may have the same number.
  case hashes = 1

  static let hashBits: UInt64 = 40

  /// The form of keys of these column types.
  public init(_ types: [LogicalType]) {
    guard types.count == 1 else {
      self = .hashes
      return
    }
    switch types[0].physical {
    case .bool, .int8, .int16, .int32, .int64, .float32, .float64: self = .values
    case .int128, .string: self = .hashes
    }
  }
}

/// The numbers of some keys, each with the row it came from. Keys that are NULL in some column have none.
public struct KeyNumbers: Sendable {
  public private(set) var keys: [UInt64] = []
  /// The row of each key.
  public private(set) var rows: [UInt32] = []

  public var count: Int { keys.count }
  /// Bytes in memory, roughly.
  var byteCount: Int { 64 + keys.capacity * 8 + rows.capacity * 4 }

  /// - Parameter columns: of equal length, in the order of the key.
  public init(_ columns: [Vector], _ form: KeyRunForm) {
    let flat = columns.map { $0.flattened() }
    let count = flat.first?.count ?? 0
    if flat.contains(where: { $0.validity != nil }) {
      rows.reserveCapacity(count)
      for row in 0..<count where flat.allSatisfy({ $0.isValid(row) }) {
        rows.append(UInt32(truncatingIfNeeded: row))
      }
    } else {
      rows = (0..<UInt32(truncatingIfNeeded: count)).map { $0 }
    }
    switch form {
    case .values: if let column = flat.first { takeValues(column) }
    case .hashes: takeHashes(flat)
    }
  }

  /// Brings the keys into ascending order; equal ones keep theirs.
  public mutating func sort() {
    guard keys.count > 1, !isAscending else { return }
    let buffer = Buffer(of: UInt64.self, count: keys.count)
    let target = buffer.typed(UInt64.self)
    for index in keys.indices { target[index] = keys[index] ^ (1 << 63) }
    let vector = Vector(flat: buffer, type: .bigint, count: keys.count)
    let order = RowOrder.sort(columns: [vector], specifications: [SortSpecification()])
    let (oldKeys, oldRows) = (keys, rows)
    for (index, source) in order.enumerated() {
      keys[index] = oldKeys[Int(source)]
      rows[index] = oldRows[Int(source)]
    }
  }

  private var isAscending: Bool {
    keys.withUnsafeBufferPointer { keys in
      for index in 1..<keys.count where keys[index] < keys[index &- 1] { return false }
      return true
    }
  }

  private mutating func takeValues(_ column: Vector) {
    switch column.type.physical {
    case .bool: takeIntegers(column, UInt8.self)
    case .int8: takeIntegers(column, Int8.self)
    case .int16: takeIntegers(column, Int16.self)
    case .int32: takeIntegers(column, Int32.self)
    case .int64: takeIntegers(column, Int64.self)
    case .int128: takeWide(column)
    case .float32:
      column.withValues(as: Float.self) { values in
        keys = rows.map { KeyNumbers.number(Double(values[Int($0)])) }
      }
    case .float64:
      column.withValues(as: Double.self) { values in
        keys = rows.map { KeyNumbers.number(values[Int($0)]) }
      }
    // No string is equal to a number.
    case .string: rows = []
    }
  }

  private mutating func takeIntegers<T: FixedWidthInteger & BitwiseCopyable>(
    _ column: Vector, _: T.Type
  ) {
    column.withValues(as: T.self) { values in
      keys = rows.map { KeyNumbers.number(Int64(truncatingIfNeeded: values[Int($0)])) }
    }
  }

  /// Keys to be looked for among narrower ones; those that do not fit are left out.
  private mutating func takeWide(_ column: Vector) {
    var fitting: [UInt32] = []
    column.withValues(as: Int128.self) { values in
      for row in rows {
        guard let value = Int64(exactly: values[Int(row)]) else { continue }
        keys.append(KeyNumbers.number(value))
        fitting.append(row)
      }
    }
    rows = fitting
  }

  @inline(__always)
  static func number(_ value: Int64) -> UInt64 { UInt64(bitPattern: value) ^ (1 << 63) }

  static func number(_ value: Double) -> UInt64 {
    let bits = canonicalBits(value)
    return bits >> 63 == 1 ? ~bits : bits | 1 << 63
  }

  private static func canonicalBits(_ value: Double) -> UInt64 {
    value.isNaN ? 0x7FF8_0000_0000_0000 : value == 0 ? 0 : value.bitPattern
  }
}

// Hashes, a column at a time.
extension KeyNumbers {
  private mutating func takeHashes(_ columns: [Vector]) {
    keys = [UInt64](repeating: 0, count: rows.count)
    for column in columns {
      switch column.type.physical {
      case .bool: hashIntegers(column, UInt8.self)
      case .int8: hashIntegers(column, Int8.self)
      case .int16: hashIntegers(column, Int16.self)
      case .int32: hashIntegers(column, Int32.self)
      case .int64: hashIntegers(column, Int64.self)
      case .int128: hashIntegers(column, Int128.self)
      case .float32:
        column.withValues(as: Float.self) { values in
          hashEach { KeyNumbers.canonicalBits(Double(values[$0])).littleEndian }
        }
      case .float64:
        column.withValues(as: Double.self) { values in
          hashEach { KeyNumbers.canonicalBits(values[$0]).littleEndian }
        }
      case .string:
        column.withValues(as: StringView.self) { values in
          for index in keys.indices {
            let seed = keys[index]
            keys[index] = values[Int(rows[index])].withBytes { Checksum.compute($0, seed: seed) }
          }
        }
      }
    }
    for index in keys.indices { keys[index] >>= 64 - KeyRunForm.hashBits }
  }

  private mutating func hashIntegers<T: FixedWidthInteger & BitwiseCopyable>(
    _ column: Vector, _: T.Type
  ) {
    column.withValues(as: T.self) { values in
      // Intervals are equal when their lengths are.
      let shift = column.type == .interval ? Interval.lengthShift : 0
      hashEach { (Int128(truncatingIfNeeded: values[$0]) >> shift).littleEndian }
    }
  }

  @inline(__always)
  private mutating func hashEach<T: BitwiseCopyable>(_ value: (Int) -> T) {
    for index in keys.indices {
      let bytes = value(Int(rows[index]))
      keys[index] = withUnsafeBytes(of: bytes) { Checksum.compute($0, seed: keys[index]) }
    }
  }
}
