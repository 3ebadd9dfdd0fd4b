import Vectors

/// Least and greatest values of vectors, in SQL's order.
enum VectorBounds {
  /// The bounds of the rows that are not NULL; both `.null` when there are none.
  static func minMax(_ vector: Vector) -> (min: Value, max: Value) {
    let flat = vector.flattened()
    defer { withExtendedLifetime(flat) {} }
    switch flat.type.physical {
    case .bool: return integers(flat, UInt8.self)
    case .int8: return integers(flat, Int8.self)
    case .int16: return integers(flat, Int16.self)
    case .int32: return integers(flat, Int32.self)
    case .int64: return integers(flat, Int64.self)
    case .int128: return integers(flat, Int128.self)
    case .float32:
      let keys = floatKeys(flat, Float.self)
      return pick(flat) { keys[$0] < keys[$1] }
    case .float64:
      let keys = floatKeys(flat, Double.self)
      return pick(flat) { keys[$0] < keys[$1] }
    case .string:
      let views = flat.base.assumingMemoryBound(to: StringView.self)
      return pick(flat) { StringView.compare(views[$0], views[$1]) < 0 }
    }
  }

  private static func integers<T: FixedWidthInteger & BitwiseCopyable>(
    _ vector: Vector, _: T.Type
  ) -> (min: Value, max: Value) {
    let values = vector.base.assumingMemoryBound(to: T.self)
    return pick(vector) { values[$0] < values[$1] }
  }

  private static func floatKeys<T: BinaryFloatingPoint & BitwiseCopyable>(
    _ vector: Vector, _: T.Type
  ) -> [Int64] {
    let values = vector.base.assumingMemoryBound(to: T.self)
    defer { withExtendedLifetime(vector) {} }
    return (0..<vector.count).map { ValueTest.orderedKey(Double(values[$0])) }
  }

  private static func pick(
    _ vector: Vector, _ precedes: (Int, Int) -> Bool
  ) -> (min: Value, max: Value) {
    var low = -1
    var high = -1
    for row in 0..<vector.count where vector.isValid(row) {
      if low < 0 || precedes(row, low) { low = row }
      if high < 0 || precedes(high, row) { high = row }
    }
    return low < 0 ? (.null, .null) : (vector.value(at: low), vector.value(at: high))
  }

  /// Whether the rows of a flat vector without NULLs ascend; of floating point, wide integers and strings.
  static func ascends(_ vector: Vector) -> Bool {
    func check(_ descends: (Int) -> Bool) -> Bool {
      for row in 1..<max(1, vector.count) where descends(row) { return false }
      return true
    }
    defer { withExtendedLifetime(vector) {} }
    switch vector.type.physical {
    case .string:
      let views = vector.base.assumingMemoryBound(to: StringView.self)
      return check { StringView.compare(views[$0 - 1], views[$0]) > 0 }
    case .float32:
      let keys = floatKeys(vector, Float.self)
      return check { keys[$0] < keys[$0 - 1] }
    case .float64:
      let keys = floatKeys(vector, Double.self)
      return check { keys[$0] < keys[$0 - 1] }
    case .int128:
      let values = vector.base.assumingMemoryBound(to: Int128.self)
      return check { values[$0] < values[$0 - 1] }
    case .bool, .int8, .int16, .int32, .int64:
      return check { vector.value(at: $0) < vector.value(at: $0 - 1) }
    }
  }
}

/// Distinct values guessed from a sample.
enum DistinctEstimate {
  /// The estimator of Charikar, Chaudhuri, Motwani, Narasayya, "Towards Estimation Error Guarantees for Distinct
  /// Values", PODS 2000: values seen once in the sample stand for sqrt(rows / sample) others. At most `span` + 1.
  static func make(_ values: [UInt64], span: UInt64) -> Int {
    let most = span >= UInt64(values.count) ? values.count : Int(span) + 1
    return make(values.count, most: most) { values[$0] }
  }

  /// The same for values given by their bits or hashes.
  static func make(_ count: Int, most: Int, _ value: (Int) -> UInt64) -> Int {
    let size = min(count, 2048)
    guard size > 0 else { return 0 }
    var sample: [UInt64] = []
    sample.reserveCapacity(size)
    for index in 0..<size { sample.append(value(index * count / size)) }
    sample.sort()
    var distinct = 0
    var singles = 0
    var start = 0
    for index in 1...size where index == size || sample[index] != sample[start] {
      distinct += 1
      if index - start == 1 { singles += 1 }
      start = index
    }
    let scale = (Double(count) / Double(size)).squareRoot()
    let estimate = Int(scale * Double(singles)) + distinct - singles
    return max(1, min(estimate, most))
  }
}

extension ZoneMap {
  /// A zone map whose strings are cut to `stringLimit` bytes.
  static func make(
    rowCount: Int, nullCount: Int, min: Value, max: Value, distinctEstimate: Int, isSorted: Bool
  ) -> ZoneMap {
    var zone = ZoneMap(
      rowCount: rowCount, nullCount: nullCount, min: min, max: max,
      distinctEstimate: distinctEstimate, isSorted: isSorted)
    if case .string(let text) = min, let short = cut(text) {
      zone.min = .string(short)
      zone.minIsExact = false
    }
    if case .string(let text) = max, let short = cut(text) {
      zone.max = .string(short)
      zone.maxIsExact = false
    }
    if case .bytes(let bytes) = min, bytes.count > stringLimit {
      zone.min = .bytes(Array(bytes.prefix(stringLimit)))
      zone.minIsExact = false
    }
    if case .bytes(let bytes) = max, bytes.count > stringLimit {
      zone.max = .bytes(Array(bytes.prefix(stringLimit)))
      zone.maxIsExact = false
    }
    return zone
  }

  /// The longest prefix of whole characters within the limit; `nil` when the text is short enough, and sound: bytes
  /// that were not UTF-8 came here as U+FFFD, before the first of which the prefix ends.
  private static func cut(_ text: String) -> String? {
    let isRepaired = text.unicodeScalars.contains("\u{FFFD}")
    if text.utf8.count <= stringLimit && !isRepaired { return nil }
    var kept = String.UnicodeScalarView()
    var byteCount = 0
    for scalar in text.unicodeScalars {
      byteCount += String(scalar).utf8.count
      if byteCount > stringLimit || scalar == "\u{FFFD}" { break }
      kept.append(scalar)
    }
    return String(kept)
  }
}
