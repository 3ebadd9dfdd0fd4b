import Vectors

/// Distinct strings in the order they were first seen, each with a number: what a segment being written knows
/// of a column until all its values are known and can be sorted.
///
/// Open addressing with linear probing over 32-bit slots; strings are copied into an own heap.
final class TextDictionary {
  private(set) var entries: [StringView] = []
  let heap = StringHeap()
  private var hashes: [UInt32] = []
  private var slots: [UInt32]
  private var mask: Int
  private static let free = UInt32.max

  init(capacity: Int = 64) {
    var size = 128
    while size < capacity * 2 { size *= 2 }
    slots = [UInt32](repeating: TextDictionary.free, count: size)
    mask = size - 1
  }

  var count: Int { entries.count }
  /// Memory in use, for the budget.
  var byteCount: Int { heap.byteCount + entries.count * 20 + slots.count * 4 }

  static func hash(_ view: StringView) -> UInt64 {
    view.isInline
      ? DistinctSketch.mix(DistinctSketch.mix(view.head) ^ view.tail)
      : view.withBytes { Checksum.compute($0, seed: 1) }
  }

  /// The number of `view`, adding it when it is new.
  func number(of view: StringView) -> UInt32 {
    let hash = UInt32(truncatingIfNeeded: TextDictionary.hash(view))
    var slot = Int(hash) & mask
    while slots[slot] != TextDictionary.free {
      let index = Int(slots[slot])
      if hashes[index] == hash && entries[index] == view { return slots[slot] }
      slot = (slot + 1) & mask
    }
    let number = UInt32(entries.count)
    slots[slot] = number
    entries.append(heap.add(view))
    hashes.append(hash)
    if entries.count * 2 > slots.count { grow() }
    return number
  }

  private func grow() {
    let size = slots.count * 2
    slots = [UInt32](repeating: TextDictionary.free, count: size)
    mask = size - 1
    for (index, hash) in hashes.enumerated() {
      var slot = Int(hash) & mask
      while slots[slot] != TextDictionary.free { slot = (slot + 1) & mask }
      slots[slot] = UInt32(index)
    }
  }

  /// Numbers in the order of their strings' bytes.
  func sortedNumbers() -> [UInt32] {
    entries.indices.map { UInt32($0) }.sorted {
      StringView.compare(entries[Int($0)], entries[Int($1)]) < 0
    }
  }

  /// A flat vector of the entries with these numbers, sharing the heap.
  func vector(_ numbers: [UInt32], type: LogicalType) -> Vector {
    let buffer = Buffer(of: StringView.self, count: max(1, numbers.count))
    let views = buffer.typed(StringView.self)
    for (row, number) in numbers.enumerated() { views[row] = entries[Int(number)] }
    return Vector(flat: buffer, type: type, count: numbers.count, owners: [heap])
  }
}

/// One string column of one row group, cut into its distinct values and 16-bit numbers of them. A row group
/// has at most 65,536 rows, so the numbers always fit.
struct LocalCodes: @unchecked Sendable {
  /// Distinct values in the order of first appearance; flat, without NULLs.
  let entries: Vector
  /// A number per row; NULL rows repeat the one before.
  let codes: Buffer
  let rowCount: Int
  let validity: Validity?

  var byteCount: Int { codes.byteCount + entries.count * 32 + (validity == nil ? 0 : rowCount / 8) }

  /// The rows as strings again.
  func values() -> Vector {
    let wide = Buffer(of: UInt32.self, count: max(1, rowCount))
    let target = wide.typed(UInt32.self)
    let source = codes.typed(UInt16.self)
    for row in 0..<rowCount { target[row] = UInt32(source[row]) }
    guard entries.count > 0 else { return .nulls(type: entries.type, count: rowCount) }
    return Vector(codes: wide, count: rowCount, dictionary: entries, validity: validity)
  }
}

extension LocalCodes {
  /// Cuts `vector` into distinct values and numbers; `nil` as soon as there are more than `limit` of them.
  static func make(_ vector: Vector, limit: Int) -> LocalCodes? {
    switch vector.form {
    case .dictionary where (vector.child?.count ?? 0) <= vector.count:
      return fromDictionary(vector, limit: limit)
    default: return fromValues(vector.flattened(), limit: limit)
    }
  }

  private static func fromValues(_ vector: Vector, limit: Int) -> LocalCodes? {
    let dictionary = TextDictionary()
    let codes = Buffer(of: UInt16.self, count: max(1, vector.count))
    let target = codes.typed(UInt16.self)
    let validity = vector.validity
    let isWithinLimit = vector.withValues(as: StringView.self) { views -> Bool in
      var last: UInt16 = 0
      for row in 0..<vector.count {
        if validity?.isValid(row) ?? true {
          last = UInt16(truncatingIfNeeded: dictionary.number(of: views[row]))
          if dictionary.count > limit { return false }
        }
        target[row] = last
      }
      return true
    }
    guard isWithinLimit else { return nil }
    return LocalCodes(
      entries: dictionary.vector(dictionary.entries.indices.map { UInt32($0) }, type: vector.type),
      codes: codes, rowCount: vector.count, validity: validity)
  }

  /// Entries are numbered once each, so rows cost a table look-up.
  private static func fromDictionary(_ vector: Vector, limit: Int) -> LocalCodes? {
    guard let child = vector.child, child.count > 0 else {
      return fromValues(vector.flattened(), limit: limit)
    }
    let dictionary = TextDictionary()
    var numbers = [Int32](repeating: -1, count: child.count)
    let codes = Buffer(of: UInt16.self, count: max(1, vector.count))
    let target = codes.typed(UInt16.self)
    let validity = vector.validity
    let isWithinLimit = child.withValues(as: StringView.self) { views in
      vector.withCodes { source -> Bool in
        var last: UInt16 = 0
        for row in 0..<vector.count {
          if validity?.isValid(row) ?? true {
            let code = Int(source[row])
            if numbers[code] < 0 {
              numbers[code] = Int32(truncatingIfNeeded: dictionary.number(of: views[code]))
              if dictionary.count > limit { return false }
            }
            last = UInt16(truncatingIfNeeded: numbers[code])
          }
          target[row] = last
        }
        return true
      }
    }
    guard isWithinLimit else { return nil }
    return LocalCodes(
      entries: dictionary.vector(dictionary.entries.indices.map { UInt32($0) }, type: vector.type),
      codes: codes, rowCount: vector.count, validity: validity)
  }
}
