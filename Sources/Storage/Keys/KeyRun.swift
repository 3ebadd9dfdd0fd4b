import Catalog
import Encodings
import Vectors

/// The key run of an open segment.
public struct KeyRun: Sendable {
  let reader: SegmentReader
  /// Its place in the footer.
  let number: Int
  public let directory: SegmentKeyRun

  /// Columns of the key in the order in which its numbers are made.
  public var columns: [ColumnID] { directory.columns }
  public var form: KeyRunForm { directory.form }
  public var entryCount: Int { directory.entryCount }

  /// Rows of the segment.
  var rowCount: Int { reader.rowCount }
}

extension SegmentReader {
  /// The run of the key of these columns, in whatever order; `nil` when the segment has none.
  public func keyRun(of columns: [ColumnID]) -> KeyRun? {
    let wanted = Set(columns)
    guard
      let number = footer.keyRuns.firstIndex(where: {
        $0.columns.count == columns.count && wanted == Set($0.columns)
      })
    else { return nil }
    return KeyRun(reader: self, number: number, directory: footer.keyRuns[number])
  }
}

extension KeyRun {
  /// Bytes that fences take in memory, beside those of the file.
  private static let cacheOverhead = 256

  /// The fences, from the cache or the file.
  /// - Throws: `.corruption` naming file and offset.
  func fences() throws(StoaError) -> KeyRunFences {
    let identity = BlockIdentity.keyRunFences(number)
    let key = ChunkCache.Key(
      segment: reader.cacheKey, rowGroup: identity, column: BlockIdentity.noColumn)
    if case .keyFences(let fences)? = reader.cache.find(key) { return fences }
    let fences = try readFences()
    let cost = Int(directory.fences.byteCount) + KeyRun.cacheOverhead
    if case .keyFences(let kept) = reader.cache.insert(key, .keyFences(fences), byteCount: cost) {
      return kept
    }
    return fences
  }

  /// The fences as they are in the file now.
  func readFences() throws(StoaError) -> KeyRunFences {
    let block = directory.fences
    let location = ChunkLocation(path: reader.path, offsetInFile: block.offset)
    let buffer = try reader.read(
      block, rowGroup: BlockIdentity.keyRunFences(number), BlockIdentity.noColumn, location)
    var bytes = ByteReader(
      [UInt8](buffer.bytes), path: reader.path, baseOffset: block.offset)
    return try KeyRunFences(
      from: &bytes, blockCount: directory.blockCount, byteCount: directory.byteCount)
  }

  /// One block, from the cache or the file, verified.
  func block(_ block: Int, _ fences: KeyRunFences) throws(StoaError) -> Buffer {
    let key = ChunkCache.Key(
      segment: reader.cacheKey, rowGroup: BlockIdentity.keyRunBlock(number, block),
      column: BlockIdentity.noColumn)
    if case .bytes(let bytes)? = reader.cache.find(key) { return bytes }
    let range = fences.range(block)
    let file = try reader.fileSystem.open(reader.path, .read)
    let buffer = try file.readBuffer(
      at: directory.offset + UInt64(range.lowerBound), byteCount: range.count)
    try verify(buffer.bytes, block, fences)
    let cost = range.count + KeyRun.cacheOverhead
    if case .bytes(let kept) = reader.cache.insert(key, .bytes(buffer), byteCount: cost) {
      return kept
    }
    return buffer
  }

  /// - Throws: `.corruption` when the checksum of a block does not fit.
  func verify(
    _ bytes: UnsafeRawBufferPointer, _ block: Int, _ fences: KeyRunFences
  ) throws(StoaError) {
    let identity = BlockIdentity(
      reader.warehouse, .segment, table: reader.description.table, file: reader.description.id,
      rowGroup: BlockIdentity.keyRunBlock(number, block))
    guard Checksum.compute(bytes, seed: identity.seed) == fences.checksums[block] else {
      throw damaged(block, fences, "the checksum of a key run's block does not fit")
    }
  }

  /// An error that names a block.
  func damaged(_ block: Int, _ fences: KeyRunFences, _ message: String) -> StoaError {
    StoaError(
      .corruption, message, path: reader.path,
      offset: directory.offset + UInt64(fences.offsets[block]))
  }

  /// Entries of a block.
  func entryCount(ofBlock block: Int) -> Int {
    min(KeyRunBlock.capacity, entryCount - block * KeyRunBlock.capacity)
  }
}

/// Unpacked entries of one block at a time.
final class KeyRunEntries {
  private let keyBuffer = Buffer(of: UInt64.self, count: KeyRunBlock.capacity)
  private let positionBuffer = Buffer(of: UInt32.self, count: KeyRunBlock.capacity)
  let keys: UnsafeMutablePointer<UInt64>
  let positions: UnsafeMutablePointer<UInt32>
  /// Entries there are.
  private(set) var count = 0
  /// The block they are of; −1 before the first.
  private(set) var block = -1

  // Safe because the buffers live as long as this object does.
  init() {
    keys = keyBuffer.typed(UInt64.self)
    positions = positionBuffer.typed(UInt32.self)
  }

  /// Unpacks verified bytes of a block.
  /// - Throws: `.corruption` when they are no block.
  func unpack(
    _ bytes: UnsafeRawBufferPointer, _ block: Int, of run: KeyRun, _ fences: KeyRunFences
  ) throws(StoaError) {
    let expected = run.entryCount(ofBlock: block)
    let isGood = KeyRunBlock.decode(
      bytes, firstKey: fences.firstKeys[block], count: expected,
      positionLimit: UInt64(run.rowCount), keys: keys, positions: positions)
    guard isGood else {
      throw run.damaged(block, fences, "a block of a key run does not fit its segment")
    }
    count = expected
    self.block = block
  }

  func unpack(_ part: KeyRunPart, _ block: Int) throws(StoaError) {
    guard part.decode(block, keys: keys, positions: positions) else {
      throw StoaError(.inconsistency, "keys that were packed cannot be unpacked")
    }
    count = min(KeyRunBlock.capacity, part.entryCount - block * KeyRunBlock.capacity)
    self.block = block
  }
}
