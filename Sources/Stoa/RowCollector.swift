import Vectors

/// Rows given one at a time, value by value into columns.
struct RowCollector {
  private let definition: [ResultColumn]
  private let table: String
  private var columns: [CollectedColumn]
  private(set) var rowCount = 0
  private var capacity = RowCollector.leastCapacity

  private static let leastCapacity = 64

  init(columns definition: [ResultColumn], table: String) {
    self.definition = definition
    self.table = table
    columns = definition.map {
      CollectedColumn(type: $0.type, capacity: RowCollector.leastCapacity)
    }
  }

  /// Adds a row of a value per column, all of it or nothing.
  /// - Throws: `.evaluation` naming the column for a value that does not fit.
  mutating func append(_ row: [Value]) throws(StoaError) {
    if rowCount == capacity { grow() }
    for index in 0..<columns.count {
      do throws(StoaError) {
        try columns[index].put(row[index], at: rowCount)
      } catch {
        var named = error
        named.column = definition[index].name
        named.table = table
        throw named
      }
    }
    rowCount += 1
  }

  private mutating func grow() {
    capacity *= 2
    for column in columns { column.grow(to: capacity) }
  }

  /// The rows so far; the collector is empty afterwards.
  mutating func take() -> Batch {
    let batch = Batch(columns: columns.map { $0.vector(count: rowCount) }, rowCount: rowCount)
    // As many rows may come again.
    capacity = max(RowCollector.leastCapacity, rowCount)
    rowCount = 0
    columns = definition.map { CollectedColumn(type: $0.type, capacity: capacity) }
    return batch
  }
}

/// One column of rows that are being collected. A value may be put again at the place of the last one.
private final class CollectedColumn {
  private let type: LogicalType
  private var buffer: Buffer
  private var capacity: Int
  /// Set with the first NULL.
  private var validity: Buffer?
  private var heap: StringHeap?

  init(type: LogicalType, capacity: Int) {
    self.type = type
    self.capacity = capacity
    buffer = Buffer(byteCount: capacity * type.physical.byteWidth)
  }

  func grow(to larger: Int) {
    let width = type.physical.byteWidth
    let next = Buffer(byteCount: larger * width)
    next.pointer.copyMemory(from: buffer.pointer, byteCount: capacity * width)
    buffer = next
    if let validity {
      self.validity = makeValidity(larger)
      self.validity?.pointer.copyMemory(from: validity.pointer, byteCount: validity.byteCount)
    }
    capacity = larger
  }

  private func makeValidity(_ count: Int) -> Buffer {
    let words = Buffer(of: UInt64.self, count: Validity.wordCount(count))
    words.typed(UInt64.self).update(repeating: .max, count: Validity.wordCount(count))
    return words
  }

  /// Puts what the column takes as it is, and everything else after a conversion.
  func put(_ value: Value, at row: Int) throws(StoaError) {
    if isStored(value, at: row) { return }
    let fitting = try ValueConversion.fit(value, to: type)
    guard isStored(fitting, at: row) || isStoredConverted(fitting, at: row) else {
      throw StoaError(.evaluation, "\(value) does not fit \(type)")
    }
  }

  /// For types whose stored values mean something else before the conversion.
  private func isStoredConverted(_ value: Value, at row: Int) -> Bool {
    switch (value, type.physical) {
    case (.integer(let number), .int16): return store(number, Int16.self, row)
    case (.integer(let number), .int32): return store(number, Int32.self, row)
    case (.integer(let number), .int64): return store(number, Int64.self, row)
    case (.integer(let number), .int128): return store(number, Int128.self, row)
    case (.bytes(let bytes), .string):
      buffer.typed(StringView.self)[row] = view(bytes)
      setValid(row)
      return true
    case (.double(let number), .float32):
      buffer.typed(Float.self)[row] = Float(number)
      setValid(row)
      return true
    default: return false
    }
  }

  /// False for a value of another kind than the column's, or out of its range.
  private func isStored(_ value: Value, at row: Int) -> Bool {
    switch (value, type) {
    case (.null, _):
      setNull(row)
      return true
    case (.integer(let number), .integer), (.integer(let number), .date):
      return store(number, Int32.self, row)
    case (.integer(let number), .bigint), (.integer(let number), .timestamp):
      return store(number, Int64.self, row)
    case (.double(let number), .double): buffer.typed(Double.self)[row] = number
    case (.string(let text), .varchar): buffer.typed(StringView.self)[row] = view(text)
    case (.boolean(let flag), .boolean): buffer.typed(UInt8.self)[row] = flag ? 1 : 0
    case (.integer(let number), .smallint): return store(number, Int16.self, row)
    case (.integer(let number), .tinyint): return store(number, Int8.self, row)
    case (.integer(let number), .hugeint): return store(number, Int128.self, row)
    case (.bytes(let bytes), .blob): buffer.typed(StringView.self)[row] = view(bytes)
    default: return false
    }
    setValid(row)
    return true
  }

  private func store<T: FixedWidthInteger & BitwiseCopyable>(
    _ number: Int128, _: T.Type, _ row: Int
  ) -> Bool {
    let value = T(truncatingIfNeeded: number)
    guard Int128(value) == number else { return false }
    buffer.typed(T.self)[row] = value
    setValid(row)
    return true
  }

  private func view(_ text: String) -> StringView {
    if let heap { return heap.add(text) }
    let made = StringHeap()
    heap = made
    return made.add(text)
  }

  private func view(_ bytes: [UInt8]) -> StringView {
    let heap = heap ?? StringHeap()
    self.heap = heap
    return bytes.withUnsafeBytes { heap.add($0) }
  }

  private func setValid(_ row: Int) {
    validity?.typed(UInt64.self)[row >> 6] |= 1 << UInt64(row & 63)
  }

  private func setNull(_ row: Int) {
    let words = validity ?? makeValidity(capacity)
    validity = words
    words.typed(UInt64.self)[row >> 6] &= ~(1 << UInt64(row & 63))
    let width = type.physical.byteWidth
    (buffer.pointer + row * width).initializeMemory(as: UInt8.self, repeating: 0, count: width)
  }

  func vector(count: Int) -> Vector {
    let mask = count > 0 ? validity.map { Validity(adopting: $0, count: count) } : nil
    return Vector(
      flat: buffer, type: type, count: count,
      validity: mask.flatMap { $0.nullCount == 0 ? nil : $0 }, owners: heap.map { [$0] } ?? [])
  }
}
