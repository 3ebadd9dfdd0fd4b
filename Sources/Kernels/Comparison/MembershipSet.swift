import Vectors

/// The constants of an IN list, typed and made ready for lookup: a byte table when integers lie close
/// together, sorted values for other numbers, a hash table for text.
public final class MembershipSet: @unchecked Sendable {
  private enum Lookup {
    case empty
    /// Byte per value from `first` on.
    case table(first: Int64, bytes: Buffer, count: Int)
    case sorted64([Int64])
    case sorted128([Int128])
    case text(TextSet)
  }

  /// The widest byte table.
  private static let tableCapacity = 65_536

  private let lookup: Lookup
  private let type: LogicalType
  private let hasNull: Bool
  /// Bits of stored values that do not count, those of intervals below their length.
  private let shift: Int128

  /// `values` are of `type`, without NULL; with `hasNull` a miss is NULL.
  public init(_ values: [Value], type: LogicalType, hasNull: Bool) {
    self.type = type
    self.hasNull = hasNull
    let shift: Int128 = type == .interval ? Interval.lengthShift : 0
    self.shift = shift
    switch type.physical {
    case .bool:
      lookup = MembershipSet.integers(
        values.compactMap { if case .boolean(let flag) = $0 { flag ? 1 : 0 } else { nil } })
    case .int8, .int16, .int32, .int64:
      lookup = MembershipSet.integers(
        values.compactMap { $0.integer.flatMap { Int64(exactly: $0) } })
    case .int128:
      let integers = values.compactMap(\.integer).map { $0 >> shift }
      lookup = integers.isEmpty ? .empty : .sorted128(integers.sorted())
    case .float32, .float64:
      let isReal = type.physical == .float32
      lookup = MembershipSet.integers(
        values.compactMap {
          guard case .double(let number) = $0 else { return nil }
          return MembershipSet.key(isReal ? Double(Float(number)) : number)
        })
    case .string:
      let texts = values.compactMap(\.bytes)
      lookup = texts.isEmpty ? .empty : .text(TextSet(texts))
    }
  }

  private static func integers(_ values: [Int64]) -> Lookup {
    guard let low = values.min(), let high = values.max() else { return .empty }
    let (span, overflow) = high.subtractingReportingOverflow(low)
    guard !overflow, span < tableCapacity else { return .sorted64(Array(Set(values)).sorted()) }
    let bytes = Buffer(byteCount: Int(span) + 1, zeroed: true)
    for value in values { bytes.typed(UInt8.self)[Int(value - low)] = 1 }
    return .table(first: low, bytes: bytes, count: Int(span) + 1)
  }

  /// One integer per distinct number: NaNs alike, −0 as 0.
  private static func key(_ number: Double) -> Int64 {
    if number.isNaN { return Int64(bitPattern: Double.nan.bitPattern) }
    return Int64(bitPattern: (number == 0 ? 0 : number).bitPattern)
  }

  /// TRUE, FALSE or NULL per row of `vector`, which has the type the set was made for.
  public func contains(_ vector: Vector) throws(StoaError) -> Vector {
    guard vector.type.physical == type.physical else {
      throw StoaError(.inconsistency, "IN list of \(type) probed with \(vector.type)")
    }
    return try VectorForms.map(vector) { (flat: Vector) throws(StoaError) -> Vector in
      self.rows(flat)
    }
  }

  private func rows(_ flat: Vector) -> Vector {
    let count = flat.count
    let result = FlatResult<UInt8>(count: count)
    let target = result.values
    switch flat.type.physical {
    case .bool: flat.withValues(as: UInt8.self) { fill(target, count, $0) { Int64($0) } }
    case .int8: flat.withValues(as: Int8.self) { fill(target, count, $0) { Int64($0) } }
    case .int16: flat.withValues(as: Int16.self) { fill(target, count, $0) { Int64($0) } }
    case .int32: flat.withValues(as: Int32.self) { fill(target, count, $0) { Int64($0) } }
    case .int64: flat.withValues(as: Int64.self) { fill(target, count, $0) { $0 } }
    case .float32:
      flat.withValues(as: Float.self) { fill(target, count, $0) { MembershipSet.key(Double($0)) } }
    case .float64:
      flat.withValues(as: Double.self) { fill(target, count, $0) { MembershipSet.key($0) } }
    case .int128 where shift > 0:
      let lengths = flat.withValues(as: Int128.self) { values in
        (0..<count).map { values[$0] >> shift }
      }
      lengths.withUnsafeBufferPointer { values in
        if let base = values.baseAddress { fillWide(target, count, base) }
      }
    case .int128: flat.withValues(as: Int128.self) { fillWide(target, count, $0) }
    case .string: flat.withValues(as: StringView.self) { fillText(target, count, $0) }
    }
    var validity = flat.validity
    if hasNull {
      let known = validity
      validity = Validity.make(count: count) { target[$0] != 0 && (known?.isValid($0) ?? true) }
    }
    return result.vector(.boolean, count: count, validity: validity)
  }

  @inline(__always)
  private func fill<T>(
    _ target: UnsafeMutablePointer<UInt8>, _ count: Int, _ values: UnsafePointer<T>,
    _ widen: (T) -> Int64
  ) {
    switch lookup {
    case .table(let first, let bytes, let tableCount):
      let table = bytes.typed(UInt8.self)
      let limit = UInt64(tableCount)
      for row in 0..<count {
        // A difference that wraps is far outside the table, as unsigned.
        let slot = UInt64(bitPattern: widen(values[row]) &- first)
        target[row] = slot < limit ? table[Int(slot)] : 0
      }
    case .sorted64(let sorted):
      sorted.withUnsafeBufferPointer { sorted in
        for row in 0..<count {
          target[row] = MembershipSet.search(sorted, widen(values[row])) ? 1 : 0
        }
      }
    case .empty, .sorted128, .text: target.update(repeating: 0, count: count)
    }
  }

  private func fillWide(
    _ target: UnsafeMutablePointer<UInt8>, _ count: Int, _ values: UnsafePointer<Int128>
  ) {
    guard case .sorted128(let sorted) = lookup else {
      return target.update(repeating: 0, count: count)
    }
    sorted.withUnsafeBufferPointer { sorted in
      for row in 0..<count { target[row] = MembershipSet.search(sorted, values[row]) ? 1 : 0 }
    }
  }

  private func fillText(
    _ target: UnsafeMutablePointer<UInt8>, _ count: Int, _ values: UnsafePointer<StringView>
  ) {
    guard case .text(let set) = lookup else { return target.update(repeating: 0, count: count) }
    for row in 0..<count { target[row] = set.contains(values[row]) ? 1 : 0 }
  }

  @inline(__always)
  private static func search<T: Comparable>(_ sorted: UnsafeBufferPointer<T>, _ value: T) -> Bool {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low &+ high) >> 1
      if sorted[middle] < value { low = middle &+ 1 } else { high = middle }
    }
    return low < sorted.count && sorted[low] == value
  }
}

/// Distinct strings in an open-addressing hash table, at most half full.
private final class TextSet {
  private let heap = StringHeap()
  private let slots: Buffer
  private let isUsed: Buffer
  private let mask: Int

  init(_ texts: [[UInt8]]) {
    var capacity = 8
    while capacity < texts.count * 2 { capacity *= 2 }
    mask = capacity - 1
    slots = Buffer(of: StringView.self, count: capacity)
    isUsed = Buffer(byteCount: capacity, zeroed: true)
    for text in texts { insert(text.withUnsafeBytes { heap.add($0) }) }
  }

  private func insert(_ view: StringView) {
    var slot = TextSet.hash(view) & mask
    while isUsed.typed(UInt8.self)[slot] != 0 {
      if slots.typed(StringView.self)[slot] == view { return }
      slot = (slot + 1) & mask
    }
    slots.typed(StringView.self)[slot] = view
    isUsed.typed(UInt8.self)[slot] = 1
  }

  func contains(_ view: StringView) -> Bool {
    var slot = TextSet.hash(view) & mask
    while isUsed.typed(UInt8.self)[slot] != 0 {
      if slots.typed(StringView.self)[slot] == view { return true }
      slot = (slot + 1) & mask
    }
    return false
  }

  private static func hash(_ view: StringView) -> Int {
    var state = view.head &* 0x9E37_79B9_7F4A_7C15
    if view.isInline {
      state ^= view.tail &* 0xC2B2_AE3D_27D4_EB4F
    } else {
      view.withBytes { bytes in
        for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
      }
    }
    return Int(truncatingIfNeeded: (state ^ (state >> 29)) >> 3)
  }
}
