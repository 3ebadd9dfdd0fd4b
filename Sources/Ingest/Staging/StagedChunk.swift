import Vectors

/// Up to 65,536 rows of a load in memory, column by column, in the narrow form of their physical types. Written by one
/// worker, then read by all. A row of a load is named by chunk number and offset: `chunk << 16 | offset`.
final class StagedChunk: @unchecked Sendable {
  static let maximalCapacity = 65_536

  let capacity: Int
  private(set) var count = 0
  let columns: [StagedColumn]

  /// - Parameter interners: per column, where distinct strings are kept; `nil` for all other columns.
  init(types: [LogicalType], interners: [TextInterner?], capacity: Int) {
    self.capacity = capacity
    columns = zip(types, interners).map {
      StagedColumn(type: $0, capacity: capacity, interner: $1)
    }
  }

  /// Rows read back from a temporary file.
  init(columns: [StagedColumn], count: Int) {
    self.columns = columns
    self.count = count
    capacity = count
  }

  var room: Int { capacity - count }
  var byteCount: Int { columns.reduce(0) { $0 + $1.byteCount } }

  /// Copies `vectors[…][range]` behind the rows there; the caller has looked at `room`.
  func append(_ vectors: [Vector], _ range: Range<Int>) {
    for (column, vector) in zip(columns, vectors) { column.append(vector, range, at: count) }
    count += range.count
  }
}

/// One column of a staged chunk: values of its physical type, or codes of an interner for strings.
final class StagedColumn {
  let type: LogicalType
  private let capacity: Int
  private(set) var values: Buffer
  private(set) var validity: Buffer?
  /// Set while `values` holds UInt32 codes.
  private(set) var interner: TextInterner?
  private var heap: StringHeap?
  /// What else keeps string bytes alive.
  private(set) var owners: [AnyObject] = []

  init(type: LogicalType, capacity: Int, interner: TextInterner?) {
    self.type = type
    self.capacity = capacity
    self.interner = interner
    values = Buffer(byteCount: max(1, capacity * (interner == nil ? type.physical.byteWidth : 4)))
  }

  /// Values in a buffer that is complete, strings with their owners.
  init(type: LogicalType, values: Buffer, validity: Buffer?, owners: [AnyObject], count: Int) {
    self.type = type
    self.values = values
    self.validity = validity
    self.owners = owners
    capacity = count
  }

  var byteCount: Int { values.byteCount + (validity?.byteCount ?? 0) + (heap?.byteCount ?? 0) }

  /// Everything that string views of this column may point into.
  var stringOwners: [AnyObject] {
    var all = owners
    if let heap { all.append(heap) }
    if let interner { all.append(interner.owner) }
    return all
  }

  @inline(__always)
  func isValid(_ row: Int) -> Bool {
    guard let validity else { return true }
    return validity.typed(UInt64.self)[row >> 6] & (1 << UInt64(row & 63)) != 0
  }

  func append(_ vector: Vector, _ range: Range<Int>, at start: Int) {
    if type.physical == .string {
      appendStrings(vector, range, at: start)
    } else {
      let flat = vector.flattened()
      let width = type.physical.byteWidth
      (values.pointer + start * width).copyMemory(
        from: flat.base + range.lowerBound * width, byteCount: range.count * width)
      withExtendedLifetime(flat) {}
    }
    markNulls(vector, range, at: start)
  }

  private func markNulls(_ vector: Vector, _ range: Range<Int>, at start: Int) {
    guard vector.mayHaveNulls else { return }
    for row in range where !vector.isValid(row) { setNull(start + row - range.lowerBound) }
  }

  private func setNull(_ row: Int) {
    if validity == nil {
      let words = Buffer(of: UInt64.self, count: Validity.wordCount(capacity))
      words.typed(UInt64.self).update(repeating: .max, count: Validity.wordCount(capacity))
      validity = words
    }
    validity?.typed(UInt64.self)[row >> 6] &= ~(1 << UInt64(row & 63))
  }

  private func appendStrings(_ vector: Vector, _ range: Range<Int>, at start: Int) {
    var row = range.lowerBound
    if vector.form == .dictionary, interner != nil, let child = vector.child,
      child.count <= range.count, appendDictionary(vector, child, range, at: start)
    {
      return
    }
    let flat = vector.flattened()
    let validity = flat.validity
    flat.withValues(as: StringView.self) { views in
      if let interner {
        let codes = values.typed(UInt32.self) + start
        while row < range.upperBound {
          // The view of a NULL slot must not be followed.
          let view = validity?.isValid(row) ?? true ? views[row] : StringView()
          guard let code = interner.number(of: view) else { break }
          codes[row - range.lowerBound] = code
          row += 1
        }
        if row < range.upperBound { becomePlain(start + row - range.lowerBound) }
      }
      guard row < range.upperBound else { return }
      if heap == nil { heap = StringHeap() }
      let target = values.typed(StringView.self) + start
      for index in row..<range.upperBound {
        let view = validity?.isValid(index) ?? true ? views[index] : StringView()
        target[index - range.lowerBound] = heap?.add(view) ?? view
      }
    }
  }

  /// Looks each entry of a dictionary up once; false when there is no room for all of them.
  private func appendDictionary(
    _ vector: Vector, _ child: Vector, _ range: Range<Int>, at start: Int
  ) -> Bool {
    guard let interner, child.count > 0 else { return false }
    var numbers: [UInt32] = []
    numbers.reserveCapacity(child.count)
    let isComplete = child.withValues(as: StringView.self) { views in
      for entry in 0..<child.count {
        guard let number = interner.number(of: views[entry]) else { return false }
        numbers.append(number)
      }
      return true
    }
    guard isComplete else { return false }
    let codes = values.typed(UInt32.self) + start
    vector.withCodes { source in
      for row in range { codes[row - range.lowerBound] = numbers[Int(source[row])] }
    }
    return true
  }

  /// Turns the first `count` codes back into strings.
  private func becomePlain(_ count: Int) {
    guard let interner else { return }
    let plain = Buffer(of: StringView.self, count: max(1, capacity))
    let target = plain.typed(StringView.self)
    let codes = values.typed(UInt32.self)
    for row in 0..<count { target[row] = interner.entries[Int(codes[row])] }
    owners.append(interner.owner)
    values = plain
    self.interner = nil
  }
}
