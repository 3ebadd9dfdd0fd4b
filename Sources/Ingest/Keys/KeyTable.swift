import Catalog
import Kernels
import Storage
import Vectors

/// Keys met so far and one number for each: the origin of its row.
protocol KeyTable: AnyObject {
  /// Enters the keys of `rows`; those of NULLs are skipped. `onDuplicate(row, first)` is called for a key that is
  /// there already.
  func insert(_ rows: KeyRows, origins: [Int64], onDuplicate: (_ row: Int, _ first: Int64) -> Void)
  /// Calls `body(row, origin)` for every row whose key is there, or `missing(row)` where it is not. NULLs are skipped.
  func find(
    _ rows: KeyRows, found: (_ row: Int, _ origin: Int64) -> Void, missing: (_ row: Int) -> Void)
  var byteCount: Int { get }
  /// Bounds of single integer keys; `nil` when unknown or there are none.
  var bounds: ClosedRange<Int64>? { get }
}

extension KeyShape {
  func makeTable() -> any KeyTable {
    switch self {
    case .integer: IntegerKeyTable()
    case .bytes: ByteKeyTable()
    }
  }
}

/// 64-bit keys in an open-addressing table.
final class IntegerKeyTable: KeyTable {
  /// Marks a free slot; no origin is negative.
  private static let free: Int64 = -1

  private var keys = [Int64](repeating: 0, count: 1024)
  private var origins = [Int64](repeating: IntegerKeyTable.free, count: 1024)
  private(set) var count = 0
  private var lowest = Int64.max
  private var highest = Int64.min

  var byteCount: Int { keys.count * 16 }
  var bounds: ClosedRange<Int64>? { count == 0 ? nil : lowest...highest }

  func insert(_ rows: KeyRows, origins added: [Int64], onDuplicate: (Int, Int64) -> Void) {
    reserve(rows.count)
    let mayHaveNulls = rows.mayHaveNulls
    let mask = keys.count - 1
    let values = rows.integers()
    for row in 0..<rows.count {
      if mayHaveNulls && rows.hasNull(row) { continue }
      let key = values[row]
      var slot = Int(truncatingIfNeeded: Hashing.hash(key)) & mask
      while origins[slot] != IntegerKeyTable.free && keys[slot] != key { slot = (slot + 1) & mask }
      if origins[slot] != IntegerKeyTable.free {
        onDuplicate(row, origins[slot])
      } else {
        keys[slot] = key
        origins[slot] = added[row]
        count += 1
        lowest = min(lowest, key)
        highest = max(highest, key)
      }
    }
  }

  func find(_ rows: KeyRows, found: (Int, Int64) -> Void, missing: (Int) -> Void) {
    let mayHaveNulls = rows.mayHaveNulls
    let mask = keys.count - 1
    let values = rows.integers()
    for row in 0..<rows.count {
      if mayHaveNulls && rows.hasNull(row) { continue }
      var slot = Int(truncatingIfNeeded: Hashing.hash(values[row])) & mask
      while origins[slot] != IntegerKeyTable.free && keys[slot] != values[row] {
        slot = (slot + 1) & mask
      }
      if origins[slot] == IntegerKeyTable.free { missing(row) } else { found(row, origins[slot]) }
    }
  }

  /// Makes room for `added` more keys at half load.
  private func reserve(_ added: Int) {
    guard (count + added) * 2 > keys.count else { return }
    var capacity = keys.count
    while (count + added) * 2 > capacity { capacity *= 2 }
    let (oldKeys, oldOrigins) = (keys, origins)
    keys = [Int64](repeating: 0, count: capacity)
    origins = [Int64](repeating: IntegerKeyTable.free, count: capacity)
    for index in oldKeys.indices where oldOrigins[index] != IntegerKeyTable.free {
      var slot = Int(truncatingIfNeeded: Hashing.hash(oldKeys[index])) & (capacity - 1)
      while origins[slot] != IntegerKeyTable.free { slot = (slot + 1) & (capacity - 1) }
      keys[slot] = oldKeys[index]
      origins[slot] = oldOrigins[index]
    }
  }
}

/// Keys of any types as byte strings.
final class ByteKeyTable: KeyTable {
  private let interner = TextInterner(limit: .max)
  private var origins: [Int64] = []

  var byteCount: Int { interner.byteCount + origins.count * 8 }
  var bounds: ClosedRange<Int64>? { nil }

  func insert(_ rows: KeyRows, origins added: [Int64], onDuplicate: (Int, Int64) -> Void) {
    each(rows) { row, view in
      guard let number = interner.number(of: view).map(Int.init) else { return }
      if number < origins.count {
        onDuplicate(row, origins[number])
      } else {
        origins.append(added[row])
      }
    }
  }

  func find(_ rows: KeyRows, found: (Int, Int64) -> Void, missing: (Int) -> Void) {
    each(rows) { row, view in
      if let number = interner.existingNumber(of: view) {
        found(row, origins[Int(number)])
      } else {
        missing(row)
      }
    }
  }

  private func each(_ rows: KeyRows, _ body: (Int, StringView) -> Void) {
    var bytes: [UInt8] = []
    for row in 0..<rows.count where !rows.hasNull(row) {
      bytes.removeAll(keepingCapacity: true)
      rows.appendBytes(row, to: &bytes)
      bytes.withUnsafeBytes { raw in
        if let base = raw.baseAddress { body(row, StringView(base, byteCount: raw.count)) }
      }
    }
  }
}

/// The keys of a referenced table, to be asked by many threads.
final class ReferencedKeys: @unchecked Sendable {
  private let table: any KeyTable
  /// A bit per integer from `lowest` on, when they lie close together.
  private var bits: [UInt64] = []
  private var lowest: Int64 = 0
  private var span: UInt64 = 0

  /// Ranges up to this many bits per key, and this many in any case, become a bitmap.
  private static let bitsPerKey: UInt64 = 64
  private static let smallSpan: UInt64 = 1 << 20
  /// Bytes a key takes in a hash table at most: a quarter of the slots is taken.
  private static let bytesPerKey = 64

  private init(_ shape: KeyShape) { table = shape.makeTable() }

  /// - Parameter batches: the key columns of all rows.
  convenience init(_ shape: KeyShape, _ batches: [[Vector]]) {
    self.init(shape)
    for batch in batches { table.insertAll(KeyRows(batch)) }
  }

  /// The keys of all rows of a table; `nil` when they would take more than `byteLimit` or than the budget has left.
  static func read(
    _ shape: KeyShape, _ columns: [ColumnDefinition], _ contents: TableContents, byteLimit: Int,
    _ reservation: MemoryReservation
  ) throws(StoaError) -> ReferencedKeys? {
    let keys = ReferencedKeys(shape)
    let rowCount = contents.rowCount
    if case .integer = shape, let bounds = try contents.bounds(of: columns[0].id) {
      let range = UInt64(bitPattern: bounds.upperBound &- bounds.lowerBound)
      let isDense = range < max(smallSpan, UInt64(rowCount) &* bitsPerKey)
      if isDense, range / 8 < UInt64(byteLimit), reservation.tryResize(to: Int(range / 8) + 8) {
        keys.lowest = bounds.lowerBound
        keys.span = range + 1
        keys.bits = [UInt64](repeating: 0, count: Int(range / 64 + 1))
        try TableKeys.read(columns, of: contents) { keys.setBits(KeyRows($0)) }
        return keys
      }
    }
    guard rowCount <= byteLimit / bytesPerKey,
      reservation.tryResize(to: rowCount * bytesPerKey)
    else { return nil }
    try TableKeys.read(columns, of: contents) { keys.table.insertAll(KeyRows($0)) }
    return keys
  }

  private func setBits(_ rows: KeyRows) {
    let values = rows.integers()
    for row in 0..<rows.count where !rows.hasNull(row) {
      let bit = UInt64(bitPattern: values[row] &- lowest)
      // Safe because bounds hold for all rows; damage below the checksum must not write elsewhere.
      if bit < span { bits[Int(bit >> 6)] |= 1 << (bit & 63) }
    }
  }

  /// Calls `missing` for the rows whose key is not NULL and not there.
  func check(_ columns: [Vector], missing: (_ row: Int) -> Void) {
    let rows = KeyRows(columns)
    guard !bits.isEmpty else { return table.find(rows, found: { _, _ in }, missing: missing) }
    switch rows.columns[0].type.physical {
    case .int8: checkBits(rows, Int8.self, missing)
    case .int16: checkBits(rows, Int16.self, missing)
    case .int32: checkBits(rows, Int32.self, missing)
    default: checkBits(rows, Int64.self, missing)
    }
  }

  private func checkBits<T: FixedWidthInteger & BitwiseCopyable>(
    _ rows: KeyRows, _: T.Type, _ missing: (Int) -> Void
  ) {
    let lowest = lowest
    let span = span
    let mayHaveNulls = rows.mayHaveNulls
    bits.withUnsafeBufferPointer { bits in
      rows.columns[0].withValues(as: T.self) { values in
        for row in 0..<rows.count {
          let bit = UInt64(bitPattern: Int64(truncatingIfNeeded: values[row]) &- lowest)
          if bit < span && bits[Int(bit &>> 6)] &>> (bit & 63) & 1 == 1 { continue }
          if mayHaveNulls && rows.hasNull(row) { continue }
          missing(row)
        }
      }
    }
  }
}
