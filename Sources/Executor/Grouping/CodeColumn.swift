import Vectors

/// One group column as small codes: 0 for NULL, then the values seen so far. Owned by one worker.
class CodeColumn {
  let type: LogicalType
  /// Codes given out so far, NULL's included, are below this.
  fileprivate(set) var codeCount = 1
  /// What has been added to codes given out earlier, since the last look.
  fileprivate(set) var codeShift = 0

  /// More codes than this are not worth an array.
  static let codeLimit = 1 << 16

  init(type: LogicalType) { self.type = type }

  /// Writes one code per row; false when the column does not suit (its codes are then worthless).
  func assign(_ vector: Vector, into codes: UnsafeMutablePointer<UInt32>) throws(StoaError) -> Bool
  {
    false
  }

  /// The values of `count` codes.
  func values(_ codes: UnsafePointer<UInt32>, count: Int) -> Vector {
    .nulls(type: type, count: count)
  }

  /// The shift of earlier codes since the last call.
  final func takeShift() -> Int {
    defer { codeShift = 0 }
    return codeShift
  }

  /// A column for keys that look like `vector`; `nil` when a hash table is the better way.
  static func make(for vector: Vector) -> CodeColumn? {
    switch vector.type.physical {
    case .bool, .int8, .int16, .int32, .int64: return IntegerCodes(type: vector.type)
    case .string: return vector.form == .flat ? nil : DictionaryCodes(type: vector.type)
    case .int128, .float32, .float64: return nil
    }
  }
}

/// Integers within a window of values: the code is the distance from its start, plus one.
final class IntegerCodes: CodeColumn {
  private var base: Int64 = 0
  private var isEmpty = true

  override func assign(
    _ vector: Vector, into codes: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) -> Bool {
    switch vector.type.physical {
    case .bool: assign(vector, UInt8.self, codes)
    case .int8: assign(vector, Int8.self, codes)
    case .int16: assign(vector, Int16.self, codes)
    case .int32: assign(vector, Int32.self, codes)
    case .int64: assign(vector, Int64.self, codes)
    case .int128, .float32, .float64, .string: false
    }
  }

  private func assign<T: FixedWidthInteger & BitwiseCopyable>(
    _ vector: Vector, _: T.Type, _ codes: UnsafeMutablePointer<UInt32>
  ) -> Bool {
    let flat = vector.flattened()
    let values = flat.base.assumingMemoryBound(to: T.self)
    defer { withExtendedLifetime(flat) {} }
    let count = flat.count
    var low = T.max
    var high = T.min
    if let validity = flat.validity {
      for row in 0..<count where validity.isValid(row) {
        low = min(low, values[row])
        high = max(high, values[row])
      }
    } else {
      for row in 0..<count {
        let value = values[row]
        low = value < low ? value : low
        high = value > high ? value : high
      }
    }
    if low <= high {
      guard cover(Int64(truncatingIfNeeded: low), Int64(truncatingIfNeeded: high)) else {
        return false
      }
    }
    // Wrapping: NULL slots may hold anything and are overwritten below.
    let start = base &- 1
    for row in 0..<count {
      codes[row] = UInt32(truncatingIfNeeded: Int64(truncatingIfNeeded: values[row]) &- start)
    }
    if let validity = flat.validity {
      for row in 0..<count where !validity.isValid(row) { codes[row] = 0 }
    }
    return true
  }

  /// Widens the window to hold `low` to `high`; false when it would get too wide.
  private func cover(_ low: Int64, _ high: Int64) -> Bool {
    if isEmpty {
      guard UInt64(bitPattern: high &- low) < UInt64(CodeColumn.codeLimit - 1) else { return false }
      isEmpty = false
      base = low
      codeCount = Int(high &- low) + 2
      return true
    }
    let end = max(high, base + Int64(codeCount - 2))
    let start = min(low, base)
    guard UInt64(bitPattern: end &- start) < UInt64(CodeColumn.codeLimit - 1) else { return false }
    codeShift += Int(base &- start)
    base = start
    codeCount = Int(end &- start) + 2
    return true
  }

  override func values(_ codes: UnsafePointer<UInt32>, count: Int) -> Vector {
    let buffer = Buffer(byteCount: max(1, count * type.physical.byteWidth))
    switch type.physical.byteWidth {
    case 1: decode(codes, count, buffer.typed(Int8.self))
    case 2: decode(codes, count, buffer.typed(Int16.self))
    case 4: decode(codes, count, buffer.typed(Int32.self))
    default: decode(codes, count, buffer.typed(Int64.self))
    }
    let validity = Validity.make(count: count) { codes[$0] != 0 }
    return Vector(flat: buffer, type: type, count: count, validity: validity)
  }

  private func decode<T: FixedWidthInteger>(
    _ codes: UnsafePointer<UInt32>, _ count: Int, _ target: UnsafeMutablePointer<T>
  ) {
    for row in 0..<count {
      target[row] = codes[row] == 0 ? 0 : T(truncatingIfNeeded: base &+ Int64(codes[row]) &- 1)
    }
  }
}

/// Strings that come as dictionary vectors: each dictionary's codes are translated, entry by entry as they
/// are met, to codes that hold for the whole query. Dictionaries are recognised by identity.
final class DictionaryCodes: CodeColumn {
  private let domain: GroupTable
  private var remaps: [(dictionary: Vector, codes: Buffer)] = []
  /// Dictionaries whose translation is kept.
  private static let remapLimit = 16
  private static let unknown = UInt32.max

  override init(type: LogicalType) {
    domain = GroupTable(types: [type])
    super.init(type: type)
  }

  override func assign(
    _ vector: Vector, into codes: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) -> Bool {
    switch vector.form {
    case .flat: return false
    case .constant:
      guard vector.validity == nil else {
        codes.update(repeating: 0, count: vector.count)
        return true
      }
      var code: UInt32 = 0
      try domain.assign([vector.resizedConstant(count: 1)], count: 1, into: &code)
      codes.update(repeating: code + 1, count: vector.count)
    case .runs: try assignRuns(vector, codes)
    case .dictionary: try assignDictionary(vector, codes)
    }
    codeCount = domain.count + 1
    return codeCount <= CodeColumn.codeLimit
  }

  private func assignRuns(
    _ vector: Vector, _ codes: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) {
    guard let values = vector.child, values.count > 0 else { return }
    let buffer = Buffer(of: UInt32.self, count: values.count)
    let valueCodes = buffer.typed(UInt32.self)
    try domain.assign([values.ignoringNulls], count: values.count, into: valueCodes)
    vector.withRunEnds { ends in
      var start = 0
      for run in 0..<values.count {
        let end = Int(ends[run])
        let code = values.isValid(run) ? valueCodes[run] + 1 : 0
        (codes + start).update(repeating: code, count: end - start)
        start = end
      }
    }
  }

  private func assignDictionary(
    _ vector: Vector, _ codes: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) {
    guard let dictionary = vector.child, dictionary.count > 0 else {
      codes.update(repeating: 0, count: vector.count)
      return
    }
    let remap = remap(for: dictionary).typed(UInt32.self)
    let count = vector.count
    let base = vector.base.assumingMemoryBound(to: UInt32.self)
    var missing: UInt32 = 0
    for row in 0..<count {
      let code = remap[Int(truncatingIfNeeded: base[row])]
      codes[row] = code
      missing |= code == DictionaryCodes.unknown ? 1 : 0
    }
    if missing != 0 {
      try resolve(vector, dictionary, remap)
      for row in 0..<count { codes[row] = remap[Int(truncatingIfNeeded: base[row])] }
    }
    if let validity = vector.validity {
      for row in 0..<count where !validity.isValid(row) { codes[row] = 0 }
    }
    withExtendedLifetime(vector) {}
  }

  private func remap(for dictionary: Vector) -> Buffer {
    if let known = remaps.last(where: { $0.dictionary === dictionary }) { return known.codes }
    let buffer = Buffer(of: UInt32.self, count: dictionary.count)
    buffer.typed(UInt32.self).update(repeating: DictionaryCodes.unknown, count: dictionary.count)
    if remaps.count >= DictionaryCodes.remapLimit { remaps.removeFirst() }
    remaps.append((dictionary, buffer))
    return buffer
  }

  /// Translates the entries that `vector` uses and that are not known yet.
  private func resolve(
    _ vector: Vector, _ dictionary: Vector, _ remap: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) {
    var entries: [UInt32] = []
    let base = vector.base.assumingMemoryBound(to: UInt32.self)
    for row in 0..<vector.count where remap[Int(base[row])] == DictionaryCodes.unknown {
      remap[Int(base[row])] = 0
      entries.append(base[row])
    }
    var found = [UInt32](repeating: 0, count: entries.count)
    try domain.assign(
      [dictionary.gather(entries, count: entries.count)], count: entries.count, into: &found)
    for (index, entry) in entries.enumerated() { remap[Int(entry)] = found[index] + 1 }
  }

  override func values(_ codes: UnsafePointer<UInt32>, count: Int) -> Vector {
    guard domain.count > 0 else { return .nulls(type: type, count: count) }
    let buffer = Buffer(of: UInt32.self, count: max(1, count))
    let target = buffer.typed(UInt32.self)
    for row in 0..<count { target[row] = codes[row] == 0 ? 0 : codes[row] - 1 }
    let validity = Validity.make(count: count) { codes[$0] != 0 }
    return Vector(
      codes: buffer, count: count, dictionary: domain.keyVector(0, 0..<domain.count).ignoringNulls,
      validity: validity)
  }
}
