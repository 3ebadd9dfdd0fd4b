import Vectors

// One column of a sort, seen as 64-bit ordinals whose order is the column's order among given rows.
//
// An ordinal chunk covers the rows' value range only: minimum 0, width in bits as small as the range allows,
// NULL as the value before or after all. Descending order subtracts from the largest. Chunks that do not
// tell all different values apart (strings longer than 7 bytes from `offset`, 128-bit integers of a wide
// range) say so, and the caller refines groups of equal chunks with the same column again.

/// What `SortColumn.measure` finds about the rows it was given.
struct OrdinalChunk {
  /// Smallest and largest ordinal among rows that are not NULL; minimum > maximum when all are NULL.
  var minimum: UInt64
  var maximum: UInt64
  var hasNulls: Bool
  var hasValues: Bool { minimum <= maximum }
  /// Whether equal ordinals mean equal values.
  var isExact: Bool
  /// 128-bit integers only: whether ordinals are the value minus `base`, instead of its high half.
  var base: Int128? = nil
  /// Bits to drop so that NULL has room beside a full 64-bit range.
  var shift: UInt64 = 0
  /// Bits of one normalised ordinal.
  var bitCount = 0
  /// Highest normalised ordinal of a value.
  var top: UInt64 = 0
}

/// A sort column whose values can be had as ordinals.
final class SortColumn {
  let vector: Vector
  let specification: SortSpecification
  /// Order of each entry of a string dictionary; equal entries have equal ranks.
  private let ranks: [UInt32]?

  init(_ given: Vector, _ specification: SortSpecification) {
    self.specification = specification
    let vector = given.type == .interval ? Interval.lengths(given.flattened()) : given
    if vector.form == .dictionary, vector.type.physical == .string,
      vector.child!.count <= vector.count
    {
      self.vector = vector
      ranks = SortColumn.ranks(of: vector.child!)
    } else {
      self.vector = vector.form == .constant ? vector : vector.flattened()
      ranks = nil
    }
  }

  private static func ranks(of dictionary: Vector) -> [UInt32] {
    let order = RowOrder.sort(columns: [dictionary], specifications: [SortSpecification()])
    var ranks = [UInt32](repeating: 0, count: dictionary.count)
    dictionary.withValues(as: StringView.self) { views in
      var rank: UInt32 = 0
      for (position, entry) in order.enumerated() {
        if position > 0, views[Int(entry)] != views[Int(order[position - 1])] { rank += 1 }
        ranks[Int(entry)] = rank
      }
    }
    return ranks
  }

  /// Range and exactness of the ordinals of `rows` (`nil`: all) of a column that is not constant.
  func measure(_ rows: UnsafePointer<UInt32>?, _ count: Int, offset: Int) -> OrdinalChunk {
    var chunk = OrdinalChunk(minimum: .max, maximum: 0, hasNulls: false, isExact: true)
    if let ranks {
      ranks.withUnsafeBufferPointer { ranks in
        let codes = vector.base.assumingMemoryBound(to: UInt32.self)
        scan(rows, count, codes, &chunk) { UInt64(ranks[Int($0)]) }
      }
    } else {
      measureFlat(rows, count, offset, &chunk)
    }
    normalise(&chunk)
    return chunk
  }

  private func measureFlat(
    _ rows: UnsafePointer<UInt32>?, _ count: Int, _ offset: Int, _ chunk: inout OrdinalChunk
  ) {
    let base = vector.base
    func ordinals<T: SortOrdinal>(_: T.Type) {
      scan(rows, count, base.assumingMemoryBound(to: T.self), &chunk) { $0.sortOrdinal }
    }
    switch vector.type.physical {
    case .bool: ordinals(UInt8.self)
    case .int8: ordinals(Int8.self)
    case .int16: ordinals(Int16.self)
    case .int32: ordinals(Int32.self)
    case .int64: ordinals(Int64.self)
    case .float32: ordinals(Float.self)
    case .float64: ordinals(Double.self)
    case .int128: measureWide(rows, count, &chunk)
    case .string:
      let views = base.assumingMemoryBound(to: StringView.self)
      scan(rows, count, views, &chunk) { SortColumn.chunk(of: $0, offset) }
      chunk.isExact = chunk.maximum == 0 || !anyContinues(rows, count, offset)
    }
    withExtendedLifetime(vector) {}
  }

  /// Seven bytes from `offset`, zero-padded, above the number of bytes left, at most 8: the count tells
  /// "a" from "a\0", and 8 says that the string goes on.
  @inline(__always)
  static func chunk(of view: StringView, _ offset: Int) -> UInt64 {
    if offset == 0 {
      let first = UInt64(UInt32(truncatingIfNeeded: view.head >> 32).byteSwapped) << 32
      let count = UInt64(min(view.byteCount, 8))
      if view.isInline {
        let next = UInt64(UInt32(truncatingIfNeeded: view.tail).byteSwapped)
        return (first | next) & ~0xff | count
      }
    }
    return longChunk(of: view, offset)
  }

  private static func longChunk(of view: StringView, _ offset: Int) -> UInt64 {
    view.withBytes { bytes in
      guard bytes.count > offset else { return 0 }
      var word: UInt64 = 0
      for index in 0..<7 {
        word <<= 8
        if offset + index < bytes.count { word |= UInt64(bytes[offset + index]) }
      }
      return word << 8 | UInt64(min(bytes.count - offset, 8))
    }
  }

  private func anyContinues(_ rows: UnsafePointer<UInt32>?, _ count: Int, _ offset: Int) -> Bool {
    let views = vector.base.assumingMemoryBound(to: StringView.self)
    for index in 0..<count {
      let row = rows.map { Int($0[index]) } ?? index
      if vector.validity?.isValid(row) ?? true, views[row].byteCount > offset + 7 { return true }
    }
    return false
  }

  private func measureWide(
    _ rows: UnsafePointer<UInt32>?, _ count: Int, _ chunk: inout OrdinalChunk
  ) {
    let values = vector.base.assumingMemoryBound(to: Int128.self)
    var low = Int128.max
    var high = Int128.min
    for index in 0..<count {
      let row = rows.map { Int($0[index]) } ?? index
      guard vector.validity?.isValid(row) ?? true else {
        chunk.hasNulls = true
        continue
      }
      low = min(low, values[row])
      high = max(high, values[row])
    }
    guard low <= high else { return }
    let range = UInt128(bitPattern: high &- low)
    if range <= UInt128(UInt64.max) {
      chunk.base = low
      chunk.minimum = 0
      chunk.maximum = UInt64(range)
    } else {
      chunk.minimum = Int64(truncatingIfNeeded: low >> 64).sortOrdinal
      chunk.maximum = Int64(truncatingIfNeeded: high >> 64).sortOrdinal
      chunk.isExact = false
    }
  }

  @inline(__always)
  private func scan<T: BitwiseCopyable>(
    _ rows: UnsafePointer<UInt32>?, _ count: Int, _ values: UnsafePointer<T>,
    _ chunk: inout OrdinalChunk, _ ordinal: (T) -> UInt64
  ) {
    var low = UInt64.max
    var high: UInt64 = 0
    if let validity = vector.validity {
      for index in 0..<count {
        let row = rows.map { Int($0[index]) } ?? index
        if validity.isValid(row) {
          let value = ordinal(values[row])
          low = min(low, value)
          high = max(high, value)
        } else {
          chunk.hasNulls = true
        }
      }
    } else if let rows {
      for index in 0..<count {
        let value = ordinal(values[Int(rows[index])])
        low = min(low, value)
        high = max(high, value)
      }
    } else {
      for row in 0..<count {
        let value = ordinal(values[row])
        low = min(low, value)
        high = max(high, value)
      }
    }
    chunk.minimum = low
    chunk.maximum = high
  }

  private func normalise(_ chunk: inout OrdinalChunk) {
    guard chunk.hasValues else { return }
    var range = chunk.maximum - chunk.minimum
    if chunk.hasNulls {
      if range == .max {
        chunk.shift = 1
        chunk.isExact = false
        range >>= 1
      }
      chunk.top = range
      range += 1
    } else {
      chunk.top = range
    }
    chunk.bitCount = 64 - range.leadingZeroBitCount
  }

  /// Appends the ordinals of `rows` to `keys`: `key << kept | ordinal >> dropped`, `kept` being the
  /// chunk's bits less `dropped`; `isFirst` takes the keys for 0 whatever they hold.
  func append(
    _ chunk: OrdinalChunk, dropping dropped: Int, to keys: UnsafeMutablePointer<UInt64>,
    _ rows: UnsafePointer<UInt32>?, _ count: Int, offset: Int, isFirst: Bool
  ) {
    let base = vector.base
    func ordinals<T: SortOrdinal>(_: T.Type) {
      append(
        chunk, dropped, keys, rows, count, base.assumingMemoryBound(to: T.self), isFirst
      ) {
        $0.sortOrdinal
      }
    }
    if let ranks {
      ranks.withUnsafeBufferPointer { ranks in
        append(
          chunk, dropped, keys, rows, count, base.assumingMemoryBound(to: UInt32.self), isFirst
        ) {
          UInt64(ranks[Int($0)])
        }
      }
      return
    }
    switch vector.type.physical {
    case .bool: ordinals(UInt8.self)
    case .int8: ordinals(Int8.self)
    case .int16: ordinals(Int16.self)
    case .int32: ordinals(Int32.self)
    case .int64: ordinals(Int64.self)
    case .float32: ordinals(Float.self)
    case .float64: ordinals(Double.self)
    case .int128:
      let values = base.assumingMemoryBound(to: Int128.self)
      append(chunk, dropped, keys, rows, count, values, isFirst) { value in
        if let low = chunk.base { return UInt64(truncatingIfNeeded: value &- low) }
        return Int64(truncatingIfNeeded: value >> 64).sortOrdinal
      }
    case .string:
      let views = base.assumingMemoryBound(to: StringView.self)
      append(chunk, dropped, keys, rows, count, views, isFirst) {
        SortColumn.chunk(of: $0, offset)
      }
    }
  }

  @inline(__always)
  private func append<T: BitwiseCopyable>(
    _ chunk: OrdinalChunk, _ dropped: Int, _ keys: UnsafeMutablePointer<UInt64>,
    _ rows: UnsafePointer<UInt32>?, _ count: Int, _ values: UnsafePointer<T>, _ isFirst: Bool,
    _ ordinal: (T) -> UInt64
  ) {
    let nullsFirst = specification.nullsFirst
    let bump: UInt64 = chunk.hasNulls && nullsFirst ? 1 : 0
    let null: UInt64 = nullsFirst ? 0 : chunk.top &+ 1
    let isDescending = specification.isDescending
    let kept = UInt64(chunk.bitCount - dropped)
    let drop = UInt64(dropped)
    @inline(__always) func normalised(_ value: T) -> UInt64 {
      let risen = (ordinal(value) &- chunk.minimum) >> chunk.shift
      return (isDescending ? chunk.top &- risen : risen) &+ bump
    }
    if let validity = vector.validity {
      for index in 0..<count {
        let row = rows.map { Int($0[index]) } ?? index
        let value = validity.isValid(row) ? normalised(values[row]) : null
        keys[index] = (isFirst ? 0 : keys[index] << kept) | value >> drop
      }
    } else if let rows {
      for index in 0..<count {
        let value = normalised(values[Int(rows[index])])
        keys[index] = (isFirst ? 0 : keys[index] << kept) | value >> drop
      }
    } else if isFirst {
      for row in 0..<count { keys[row] = normalised(values[row]) >> drop }
    } else {
      for row in 0..<count { keys[row] = keys[row] << kept | normalised(values[row]) >> drop }
    }
    withExtendedLifetime(vector) {}
  }
}
