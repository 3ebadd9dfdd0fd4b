import Vectors

/// A chunk of codes into a sorted dictionary: the segment's, or one of its own (`ChunkLayout.segmentDictionary`,
/// `.localDictionary`, and integer chunks whose tree begins with a dictionary). Filters are decided per entry and run
/// on codes; vectors share the dictionary object.
final class DictionaryChunk: ColumnChunk, @unchecked Sendable {
  private let codes: IntegerNode
  private let entries: Vector
  private let isLocal: Bool
  /// Every code that can be unpacked has an entry, so none needs a check.
  private let codesAreSafe: Bool

  private init(
    _ header: ChunkHeader, _ codes: IntegerNode, _ entries: Vector, isLocal: Bool
  ) throws(StoaError) {
    guard entries.count > 0, entries.form == .flat, codes.maximum <= UInt64(UInt32.max) else {
      throw header.bytes.damaged("codes without a dictionary", at: header.first)
    }
    self.codes = codes
    self.entries = entries
    self.isLocal = isLocal
    codesAreSafe = codes.maximum < UInt64(entries.count)
    super.init(header: header)
  }

  /// Codes into the segment's dictionary.
  convenience init(_ header: ChunkHeader, over dictionary: Vector) throws(StoaError) {
    guard dictionary.type.physical == header.type.physical, !dictionary.mayHaveNulls,
      header.third == dictionary.count
    else {
      throw header.bytes.damaged(
        "the segment's dictionary has \(dictionary.count) entries, not \(header.third)", at: 28)
    }
    let codes = try IntegerNode.open(header.bytes, at: header.first, count: header.rowCount)
    try self.init(header, codes, dictionary, isLocal: false)
  }

  /// Codes into entries stored with them.
  convenience init(local header: ChunkHeader) throws(StoaError) {
    let bytes = header.bytes
    guard header.second % 64 == 0, header.second < bytes.count else {
      throw bytes.damaged("entries at \(header.second)", at: 20)
    }
    let nested = ChunkBytes(
      base: bytes.base + header.second, count: bytes.count - header.second,
      location: bytes.location)
    let inner = try ChunkHeader(
      nested, owner: header.owner, type: header.type, rowCount: header.third)
    guard inner.nullCount == 0, inner.rowCount > 0 else {
      throw bytes.damaged("NULL in a dictionary")
    }
    let entries = try ColumnChunk.open(inner, dictionary: nil, isNested: true)
      .decode(rows: 0..<inner.rowCount).flattened()
    let codes = try IntegerNode.open(bytes, at: header.first, count: header.rowCount)
    try self.init(header, codes, entries, isLocal: true)
  }

  /// An integer chunk whose tree begins with a dictionary.
  convenience init(_ header: ChunkHeader, tree: DictionaryNode) throws(StoaError) {
    let offsets = Buffer(byteCount: max(1, tree.entries.count * 8))
    for (index, entry) in tree.entries.enumerated() { offsets.typed(UInt64.self)[index] = entry }
    let values = Buffer(byteCount: max(1, tree.entries.count * header.type.physical.byteWidth))
    Lanes.widen(
      offsets.pointer, .bits64, tree.entries.count, adding: header.reference,
      into: values.pointer, as: header.type.physical)
    let entries = Vector(flat: values, type: header.type, count: tree.entries.count)
    try self.init(header, tree.codes, entries, isLocal: true)
  }

  override var summary: String {
    "DICTIONARY(\(isLocal ? "\(entries.count)" : "segment"), \(codes.summary))"
  }
  override var dictionary: Vector? { entries }
  override var integers: IntegerNode? { codes }

  override func decodeRows(_ rows: Range<Int>) throws(StoaError) -> Vector {
    let blocks = (rows.count + blockCapacity - 1) / blockCapacity
    let target = Buffer(byteCount: blocks * blockCapacity * 4)
    try codes(of: rows, into: target.typed(UInt32.self))
    return Vector(
      codes: target, count: rows.count, dictionary: entries, validity: validity?.slice(rows))
  }

  override func gatherRows(
    _ positions: UnsafePointer<UInt16>, _ count: Int
  ) throws(StoaError) -> Vector {
    let target = Buffer(byteCount: count * 4)
    try codes(at: positions, count, into: target.typed(UInt32.self))
    return Vector(
      codes: target, count: count, dictionary: entries,
      validity: validity?.gather(positions, count: count))
  }

  override func codes(
    of rows: Range<Int>, into target: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) {
    try codes.unpackCodes(rows, into: target)
    try check(target, rows.count)
  }

  override func codes(
    at positions: UnsafePointer<UInt16>, _ count: Int, into target: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) {
    try codes.gatherCodes(positions, count, into: target)
    try check(target, count)
  }

  private func check(_ target: UnsafePointer<UInt32>, _ count: Int) throws(StoaError) {
    if codesAreSafe { return }
    let greatest = Lanes.minMax(target, count, .bits32).max
    guard greatest < UInt64(entries.count) else {
      throw location.damaged("code \(greatest) in a dictionary of \(entries.count)")
    }
  }

  override func form(
    _ test: ValueTest, _ filter: ColumnFilter
  ) throws(StoaError) -> CompiledFilter.Form {
    switch test {
    case .nothing: return .none
    case .nulls: return .nulls
    case .everything: return .valid
    default:
      let mask = isLocal ? EntryMask(try test.flags(entries)) : try filter.entryMask(entries)
      return .integers(mask.filter)
    }
  }

  /// Counts rows per code, then multiplies.
  override func sumRows(
    _ positions: UnsafePointer<UInt16>?, _ count: Int
  ) throws(StoaError) -> Int128? {
    let blocks = (count + blockCapacity - 1) / blockCapacity
    let target = Buffer(byteCount: max(1, blocks * blockCapacity * 4))
    let rows = target.typed(UInt32.self)
    if let positions {
      try codes(at: positions, count, into: rows)
    } else {
      try codes(of: 0..<count, into: rows)
    }
    var counts = [Int](repeating: 0, count: entries.count)
    for index in 0..<count { counts[Int(rows[index])] += 1 }
    var total: Int128 = 0
    var overflowed = false
    for (code, occurrences) in counts.enumerated() where occurrences > 0 {
      guard let value = entries.value(at: code).integer else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: Int128(occurrences))
      let (sum, overflow2) = total.addingReportingOverflow(product)
      total = sum
      overflowed = overflowed || overflow || overflow2
    }
    return overflowed ? nil : total
  }

  /// Entries are sorted, so the bounds of the codes are the bounds of the values.
  override func minMaxRows(
    _ positions: UnsafePointer<UInt16>?, _ count: Int
  ) throws(StoaError) -> (min: Value, max: Value) {
    var bounds: (min: UInt64, max: UInt64)
    if let positions {
      let scratch = Buffer(byteCount: count * codes.lane.byteCount)
      try codes.gather(positions, count, into: scratch.pointer)
      bounds = Lanes.minMax(scratch.pointer, count, codes.lane)
    } else {
      bounds = try codes.minMax()
    }
    guard bounds.max < UInt64(entries.count) else {
      throw location.damaged("code \(bounds.max) in a dictionary of \(entries.count)")
    }
    return (entries.value(at: Int(bounds.min)), entries.value(at: Int(bounds.max)))
  }

  /// Floating-point dictionaries keep 0 and -0 (and several NaN) apart, which grouping must not.
  override func domain(limit: Int) throws(StoaError) -> Vector? {
    guard entries.count <= limit else { return nil }
    guard type.physical == .float32 || type.physical == .float64 else { return entries }
    for index in 1..<max(1, entries.count)
    where entries.value(at: index) == entries.value(at: index - 1) { return nil }
    return entries
  }
}
