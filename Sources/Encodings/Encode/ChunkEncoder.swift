import Vectors

/// Turns one column of one row group into the bytes of a chunk (see `ColumnChunk` for the header).
///
/// NULL slots first take the value of the row before them (the first valid value at the front), so that they cost no
/// bits and break no runs; which rows are NULL is kept beside the values.
public enum ChunkEncoder {
  /// Encodes up to 65,536 rows of any form. `forced` names the encoding to use where it can hold the values: on strings
  /// and floating point the integer encodings (run-length, bitmap, …) apply to the codes of a chunk-local dictionary.
  ///
  /// - Throws: `.resource` when the strings of the chunk pass 2 GB.
  public static func encode(
    _ column: Vector, forced: EncodingID? = nil
  ) throws(StoaError) -> EncodedChunk {
    try encode(column, forced: forced, isNested: false)
  }

  /// Encodes rows given as codes into the segment's sorted `dictionary` (flat, without NULLs); each code of a valid row is
  /// below its count. The chunk stores codes only.
  public static func encode(
    codes: UnsafePointer<UInt32>, count: Int, validity: Validity?, dictionary: Vector,
    forced: EncodingID? = nil
  ) throws(StoaError) -> EncodedChunk {
    precondition(count <= 65_536, "more rows than a row group has")
    precondition(validity == nil || validity!.count == count, "validity of another length")
    let nullCount = validity?.nullCount ?? 0
    if nullCount == count { return try allNull(dictionary.type, count) }
    var filled = NullFilling.fill(codes, count, validity)
    var draft = ChunkDraft(dictionary.type, count, validity)
    draft.third = dictionary.count
    let shape = SequenceShape(filled)
    precondition(shape.maximum < UInt64(dictionary.count), "code without an entry")
    let tree = treeForced(forced)
    let plan = IntegerPicker.plan(filled, forced: tree)
    draft.first = try plan.write(to: &draft.writer)
    let bounds = (
      dictionary.value(at: Int(shape.minimum)), dictionary.value(at: Int(shape.maximum))
    )
    let zone = ZoneMap.make(
      rowCount: count, nullCount: nullCount, min: bounds.0, max: bounds.1,
      distinctEstimate: DistinctEstimate.make(filled, span: shape.maximum - shape.minimum),
      isSorted: nullCount == 0 && NullFilling.ascends(filled))
    filled = []
    return draft.finish(.segmentDictionary, .dictionary, zone)
  }

  /// The encoding forced on the codes of a dictionary, where it makes sense.
  static func treeForced(_ forced: EncodingID?) -> EncodingID? {
    switch forced {
    case nil, .dictionary, .plain, .zstd, .constant: nil
    case .runLength, .bitmap, .bitPacked, .delta, .patched: forced
    }
  }

  static func encode(
    _ column: Vector, forced: EncodingID?, isNested: Bool
  ) throws(StoaError) -> EncodedChunk {
    precondition(column.count <= 65_536, "more rows than a row group has")
    let flat = column.flattened()
    if (flat.validity?.nullCount ?? 0) == flat.count { return try allNull(column.type, flat.count) }
    switch flat.type.physical {
    case .bool: return try integers(flat, UInt8.self, forced)
    case .int8: return try integers(flat, Int8.self, forced)
    case .int16: return try integers(flat, Int16.self, forced)
    case .int32: return try integers(flat, Int32.self, forced)
    case .int64: return try integers(flat, Int64.self, forced)
    case .int128: return try integers(flat, Int128.self, forced, isNested)
    case .float32: return try fixedWidth(flat, UInt32.self, forced, isNested)
    case .float64: return try fixedWidth(flat, UInt64.self, forced, isNested)
    case .string: return try strings(flat, forced, isNested)
    }
  }

  private static func allNull(_ type: LogicalType, _ count: Int) throws(StoaError) -> EncodedChunk {
    let draft = ChunkDraft(type, count, count == 0 ? nil : .allNull(count: count))
    return draft.finish(
      .constant, .constant,
      ZoneMap(
        rowCount: count, nullCount: count, min: .null, max: .null, distinctEstimate: 0,
        isSorted: count == 0))
  }
}

/// A chunk while it is written: the header is filled in last.
struct ChunkDraft {
  var writer = ChunkWriter()
  let type: LogicalType
  let count: Int
  let nullCount: Int
  var first = 0
  var second = 0
  var third = 0
  var reference: Int128 = 0
  private var nulls = 0

  init(_ type: LogicalType, _ count: Int, _ validity: Validity?) {
    self.type = type
    self.count = count
    nullCount = validity?.nullCount ?? 0
    _ = writer.reserve(ChunkHeader.byteCount)
    if let validity, nullCount > 0, nullCount < count {
      var words = (0..<Validity.wordCount(count)).map { ~validity.words[$0] }
      if count % 64 != 0 { words[words.count - 1] &= (1 << UInt64(count % 64)) &- 1 }
      nulls = RowContainer(words: words).write(to: &writer)
    }
  }

  /// The finished bytes.
  consuming func finish(
    _ layout: ChunkLayout, _ encoding: EncodingID, _ zone: ZoneMap
  ) -> EncodedChunk {
    writer.align(8)
    writer.set(UInt8(0), at: 0)
    writer.set(type.physical.rawValue, at: 1)
    writer.set(layout.rawValue, at: 2)
    writer.set(encoding.rawValue, at: 3)
    writer.setOffset(count, at: 4)
    writer.setOffset(nullCount, at: 8)
    writer.setOffset(nulls, at: 12)
    writer.setOffset(first, at: 16)
    writer.setOffset(second, at: 20)
    writer.setOffset(writer.count, at: 24)
    writer.setOffset(third, at: 28)
    writer.set(reference, at: 32)
    let buffer = writer.bytes.withUnsafeBytes { Buffer(copying: $0) }
    return EncodedChunk(bytes: buffer, zone: zone, encoding: encoding)
  }
}

/// NULL slots made to repeat their neighbours.
enum NullFilling {
  /// `values` widened by `convert`, NULL slots repeating the value before, those at the front the first valid one.
  @inline(__always)
  static func fill<T: BitwiseCopyable>(
    _ values: UnsafePointer<T>, _ count: Int, _ validity: Validity?, _ convert: (T) -> UInt64
  ) -> [UInt64] {
    [UInt64](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = count
      guard let validity else {
        for row in 0..<count { buffer[row] = convert(values[row]) }
        return
      }
      var last = convert(values[firstValid(validity)])
      for row in 0..<count {
        if validity.isValid(row) { last = convert(values[row]) }
        buffer[row] = last
      }
    }
  }

  static func fill(
    _ codes: UnsafePointer<UInt32>, _ count: Int, _ validity: Validity?
  ) -> [UInt64] { fill(codes, count, validity) { UInt64($0) } }

  /// The first row that is not NULL; there is one.
  static func firstValid(_ validity: Validity) -> Int {
    var row = 0
    while row < validity.count - 1 && !validity.isValid(row) { row += 1 }
    return row
  }

  static func ascends(_ values: [UInt64]) -> Bool {
    values.withUnsafeBufferPointer { values in
      var descents = 0
      for row in 1..<max(1, values.count) { descents &+= b2i(values[row] < values[row &- 1]) }
      return descents == 0
    }
  }
}
