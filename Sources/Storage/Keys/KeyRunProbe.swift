import Encodings
import Vectors

/// Looks for ascending keys in one run. Few keys read the blocks they need, through the cache; many read the run from
/// end to end, in large pieces and past the cache. Memory is one block and one piece, whatever the run's length. One
/// thread at a time.
public final class KeyRunProbe {
  public let run: KeyRun
  private let fences: KeyRunFences
  private let entries = KeyRunEntries()
  private let blocks: KeyRunBlocks
  private var row = 0

  /// - Parameter keyCount: how many keys will be looked for, roughly.
  public init(_ run: KeyRun, keyCount: Int) throws(StoaError) {
    self.run = run
    fences = try run.fences()
    blocks = try KeyRunBlocks(run, fences, isWhole: keyCount > run.directory.blockCount / 2)
  }

  /// Calls `body(index, position)` for every entry with the key at `index`. Keys ascend, from call to call too.
  public func find(
    _ keys: UnsafeBufferPointer<UInt64>, _ body: (_ index: Int, _ position: Int) -> Void
  ) throws(StoaError) {
    guard !fences.firstKeys.isEmpty else { return }
    for index in 0..<keys.count {
      guard try seek(keys[index]) else { return }
      report(keys[index], index, body)
      // Entries with the same key may go on in blocks behind; they are looked at without leaving this place.
      var block = entries.block + 1
      guard block < fences.firstKeys.count, fences.firstKeys[block] == keys[index] else { continue }
      let (first, firstRow) = (entries.block, row)
      while block < fences.firstKeys.count, fences.firstKeys[block] == keys[index] {
        try blocks.load(block, into: entries)
        row = 0
        report(keys[index], index, body)
        block += 1
      }
      try blocks.load(first, into: entries)
      row = firstRow
    }
  }

  /// Goes to the first entry whose key is not below `key`; false when there is none.
  private func seek(_ key: UInt64) throws(StoaError) -> Bool {
    while true {
      if entries.block >= 0, entries.count > 0, entries.keys[entries.count - 1] >= key {
        row = KeyRunProbe.lowerBound(entries.keys, row, entries.count, key)
        return true
      }
      let next = entries.block < 0 ? 0 : entries.block + 1
      guard next < fences.firstKeys.count else { return false }
      // All of the block there is below the key; the next to look at may be far away.
      try blocks.load(fences.firstBlock(holding: key, from: next), into: entries)
      row = 0
    }
  }

  private func report(_ key: UInt64, _ index: Int, _ body: (Int, Int) -> Void) {
    var entry = row
    while entry < entries.count, entries.keys[entry] == key {
      body(index, Int(entries.positions[entry]))
      entry += 1
    }
  }

  /// The first entry from `start` on that is not below `key`: steps that double, then halve.
  @inline(__always)
  private static func lowerBound(
    _ keys: UnsafeMutablePointer<UInt64>, _ start: Int, _ count: Int, _ key: UInt64
  ) -> Int {
    var low = start
    var step = 1
    while low &+ step <= count, keys[low &+ step &- 1] < key {
      low &+= step
      step &*= 2
    }
    var high = min(count, low &+ step)
    while low < high {
      let middle = (low &+ high) / 2
      if keys[middle] < key { low = middle &+ 1 } else { high = middle }
    }
    return low
  }
}

/// Blocks of a run from its file, one by one or in pieces.
final class KeyRunBlocks {
  /// Blocks that are read at once when all of them are.
  private static let pieceLength = 64

  private let run: KeyRun
  private let fences: KeyRunFences
  private let file: (any File)?
  private var piece: Buffer?
  private var pieceBlocks = 0..<0

  /// - Parameter isWhole: most blocks will be wanted, in order.
  init(_ run: KeyRun, _ fences: KeyRunFences, isWhole: Bool) throws(StoaError) {
    self.run = run
    self.fences = fences
    file = isWhole ? try run.reader.fileSystem.open(run.reader.path, .read) : nil
  }

  /// - Throws: `.corruption` naming file and offset.
  func load(_ block: Int, into entries: KeyRunEntries) throws(StoaError) {
    guard let file else {
      let bytes = try run.block(block, fences)
      try entries.unpack(bytes.bytes, block, of: run, fences)
      return withExtendedLifetime(bytes) {}
    }
    if !pieceBlocks.contains(block) {
      pieceBlocks = block..<min(block + KeyRunBlocks.pieceLength, run.directory.blockCount)
      let start = fences.range(block).lowerBound
      let end = fences.range(pieceBlocks.upperBound - 1).upperBound
      piece = nil
      piece = try file.readBuffer(
        at: run.directory.offset + UInt64(start), byteCount: end - start)
    }
    guard let piece else { throw StoaError(.inconsistency, "a piece of a key run is missing") }
    let origin = fences.range(pieceBlocks.lowerBound).lowerBound
    let range = fences.range(block)
    let bytes = UnsafeRawBufferPointer(
      rebasing: piece.bytes[(range.lowerBound - origin)..<(range.upperBound - origin)])
    try run.verify(bytes, block, fences)
    try entries.unpack(bytes, block, of: run, fences)
    withExtendedLifetime(piece) {}
  }
}

extension KeyRun {
  /// Positions of the rows with one of these keys, which are sorted; with hashes, some of others too.
  public func positions(of numbers: KeyNumbers) throws(StoaError) -> [Int] {
    let probe = try KeyRunProbe(self, keyCount: numbers.count)
    var positions: [Int] = []
    // The standard library's closure takers rethrow any Error, hence the Result.
    let result = numbers.keys.withUnsafeBufferPointer { keys -> Result<Void, StoaError> in
      Result { () throws(StoaError) in try probe.find(keys) { positions.append($1) } }
    }
    try result.get()
    return positions
  }
}
