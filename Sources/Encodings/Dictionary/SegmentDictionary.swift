import Vectors

/// The sorted dictionary of one column of a segment, as bytes: pieces of 65,536 entries, each a column chunk of its own
/// (strings plain or in zstd frames, numbers packed), so any block of entries can be decoded alone.
///
///   offset  size  field
///        0     1  format, 0
///        1     1  physical type
///        2     2  zero
///        4     4  entryCount, at most 4,194,304 (the rows of a segment)
///        8     *  8 bytes per piece: its offset, a multiple of 64
public enum SegmentDictionary {
  static let pieceCapacity = 65_536
  static let entryLimit = 64 * 65_536

  /// The bytes of `dictionary`: flat, ascending, each value once, without NULLs.
  public static func encode(_ dictionary: Vector) throws(StoaError) -> Buffer {
    precondition(dictionary.form == .flat && !dictionary.mayHaveNulls, "not a dictionary")
    precondition(dictionary.count <= entryLimit, "more entries than a segment has rows")
    var writer = ChunkWriter()
    writer.append(UInt8(0))
    writer.append(dictionary.type.physical.rawValue)
    writer.append(UInt16(0))
    writer.append(UInt32(dictionary.count))
    let pieces = (dictionary.count + pieceCapacity - 1) / pieceCapacity
    let table = writer.reserve(pieces * 8)
    for piece in 0..<pieces {
      let rows = piece * pieceCapacity..<min((piece + 1) * pieceCapacity, dictionary.count)
      let chunk = try ChunkEncoder.encode(dictionary.slice(rows), forced: nil, isNested: true)
      writer.align(64)
      writer.set(UInt64(writer.count), at: table + piece * 8)
      writer.append(chunk.bytes.bytes)
    }
    return writer.bytes.withUnsafeBytes { Buffer(copying: $0) }
  }

  /// The dictionary as one flat vector, kept alive by `owner`. Open it once per segment and share the object:
  /// consumers recognise dictionaries by identity.
  ///
  /// - Throws: `.corruption`, also when the entries do not ascend.
  public static func open(
    bytes raw: UnsafeRawBufferPointer, owner: AnyObject, type: LogicalType,
    location: ChunkLocation = ChunkLocation()
  ) throws(StoaError) -> Vector {
    guard let base = raw.baseAddress else { throw location.damaged("no dictionary") }
    let bytes = ChunkBytes(base: base, count: raw.count, location: location)
    let entryCount = try bytes.uint32(4)
    guard try bytes.uint8(0) == 0, PhysicalType(rawValue: try bytes.uint8(1)) == type.physical,
      entryCount <= entryLimit
    else { throw bytes.damaged("dictionary of \(entryCount) entries for type \(type)") }
    let pieces = (entryCount + pieceCapacity - 1) / pieceCapacity
    var whole: Vector?
    var builder = VectorBuilder(type: type, capacity: 1)
    for piece in 0..<pieces {
      let offset = try bytes.uint64(8 + piece * 8)
      guard offset % 64 == 0, offset < UInt64(bytes.count) else {
        throw bytes.damaged("entries at \(offset)", at: 8 + piece * 8)
      }
      let rows = min(pieceCapacity, entryCount - piece * pieceCapacity)
      let chunk = try ColumnChunk.open(
        bytes: UnsafeRawBufferPointer(rebasing: raw[Int(offset)...]), owner: owner, type: type,
        rowCount: rows, location: location)
      let entries = try chunk.decode(rows: 0..<rows).flattened()
      // Checked before the next piece: forged pieces cannot repeat themselves without end.
      try check(entries, after: whole, location)
      if pieces == 1 { return entries }
      builder.append(entries)
      whole = entries
    }
    return builder.finish()
  }

  private static func check(
    _ entries: Vector, after previous: Vector?, _ location: ChunkLocation
  ) throws(StoaError) {
    guard !entries.mayHaveNulls, VectorBounds.ascends(entries) else {
      throw location.damaged("dictionary entries do not ascend")
    }
    // Equal neighbours are damage too, but for floating point, where 0 and -0 are two entries.
    switch entries.type.physical {
    case .float32, .float64: break
    case .string:
      let views = entries.base.assumingMemoryBound(to: StringView.self)
      for row in 1..<max(1, entries.count) where views[row] == views[row - 1] {
        throw location.damaged("a dictionary entry occurs twice")
      }
      withExtendedLifetime(entries) {}
    case .bool, .int8, .int16, .int32, .int64, .int128:
      for row in 1..<max(1, entries.count)
      where entries.value(at: row) == entries.value(at: row - 1) {
        throw location.damaged("a dictionary entry occurs twice")
      }
    }
    if let previous, entries.count > 0,
      entries.value(at: 0) < previous.value(at: previous.count - 1)
    {
      throw location.damaged("dictionary entries do not ascend")
    }
  }
}
