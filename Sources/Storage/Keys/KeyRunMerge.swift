import Kernels
import Vectors

/// One sorted run on its way through a merge: a block of it at a time.
final class KeyRunStream {
  private enum Source {
    case part(KeyRunPart)
    case file(KeyRunBlocks)
  }

  private let source: Source
  private let entries = KeyRunEntries()
  let blockCount: Int

  /// The sorted keys of a row group in memory.
  init(_ part: KeyRunPart) {
    source = .part(part)
    blockCount = part.firstKeys.count
  }

  /// A run in its file.
  init(_ run: KeyRun) throws(StoaError) {
    let blocks = try KeyRunBlocks(run, try run.fences(), isWhole: true)
    source = .file(blocks)
    blockCount = run.directory.blockCount
  }

  /// Goes to the next block; false at the end.
  func advance() throws(StoaError) -> Bool {
    let next = entries.block + 1
    guard next < blockCount else { return false }
    switch source {
    case .part(let part): try entries.unpack(part, next)
    case .file(let blocks): try blocks.load(next, into: entries)
    }
    return true
  }

  // Valid until `advance`.
  var keys: UnsafePointer<UInt64> { UnsafePointer(entries.keys) }
  var positions: UnsafePointer<UInt32> { UnsafePointer(entries.positions) }
  var count: Int { entries.count }
}

/// Entries of several runs in ascending order of key, run and position. Memory: a block per run.
public final class KeyRunMerge {
  /// The next entry of a run, kept where the inner loop finds it without counting references.
  private struct Head {
    var keys: UnsafePointer<UInt64>?
    var positions: UnsafePointer<UInt32>?
    var key: UInt64 = 0
    var row = 0
    var count = 0
  }

  /// The entries taken last.
  public private(set) var keys: [UInt64] = []
  /// The number of the run each came from.
  public private(set) var runs: [UInt32] = []
  public private(set) var positions: [UInt32] = []

  private let streams: [KeyRunStream]
  private let heads: UnsafeMutablePointer<Head>
  private var tree: LoserTree
  private var hasBegun = false

  init(_ streams: [KeyRunStream]) {
    self.streams = streams
    heads = .allocate(capacity: max(1, streams.count))
    heads.initialize(repeating: Head(), count: max(1, streams.count))
    tree = LoserTree(runCount: 0) { _, _ in false }
  }

  /// - Parameter runs: numbered as they are given.
  public convenience init(_ runs: [KeyRun]) throws(StoaError) {
    var streams: [KeyRunStream] = []
    for run in runs { streams.append(try KeyRunStream(run)) }
    self.init(streams)
  }

  deinit { heads.deallocate() }

  /// Takes the next entries, at most `limit`; false at the end.
  public func next(_ limit: Int) throws(StoaError) -> Bool {
    if !hasBegun {
      for stream in streams.indices { try advance(stream) }
      let heads = heads
      tree = LoserTree(runCount: streams.count) { KeyRunMerge.precedes(heads, $0, $1) }
      hasBegun = true
    }
    // Locals, because every access to a property of a class is checked.
    var (keys, runs, positions, tree) = (self.keys, self.runs, self.positions, self.tree)
    self.keys = []
    self.runs = []
    self.positions = []
    self.tree = LoserTree(runCount: 0) { _, _ in false }
    keys.removeAll(keepingCapacity: true)
    runs.removeAll(keepingCapacity: true)
    positions.removeAll(keepingCapacity: true)
    let heads = heads
    while keys.count < limit {
      let winner = tree.winner
      guard winner >= 0, let from = heads[winner].keys, let places = heads[winner].positions else {
        break
      }
      let row = heads[winner].row
      keys.append(heads[winner].key)
      runs.append(UInt32(truncatingIfNeeded: winner))
      positions.append(places[row])
      if row &+ 1 < heads[winner].count {
        heads[winner].row = row &+ 1
        heads[winner].key = from[row &+ 1]
      } else {
        try advance(winner)
      }
      tree.replay { KeyRunMerge.precedes(heads, $0, $1) }
    }
    (self.keys, self.runs, self.positions, self.tree) = (keys, runs, positions, tree)
    return !keys.isEmpty
  }

  private func advance(_ stream: Int) throws(StoaError) {
    heads[stream] = Head()
    guard try streams[stream].advance(), streams[stream].count > 0 else { return }
    // Safe because the stream keeps the block until it advances again.
    heads[stream] = Head(
      keys: streams[stream].keys, positions: streams[stream].positions,
      key: streams[stream].keys[0], row: 0, count: streams[stream].count)
  }

  @inline(__always)
  private static func precedes(
    _ heads: UnsafeMutablePointer<Head>, _ left: Int, _ right: Int
  ) -> Bool {
    guard heads[left].keys != nil else { return false }
    guard heads[right].keys != nil else { return true }
    return heads[left].key < heads[right].key
  }
}
