import Catalog
import Encodings
import Synchronization
import Vectors

/// Encoded, verified column chunks and dictionaries kept in memory, shared by all queries of a warehouse and
/// counted in its budget.
///
/// Scan-resistant: two queues (Johnson and Shasha, "2Q: A Low Overhead High Performance Buffer Management
/// Replacement Algorithm", VLDB 1994, simplified). A chunk enters the first queue; a second use while it is
/// there moves it to the main one, which a scan of a large table does not flush. Eviction takes from the
/// first queue while that holds more than a quarter of the bytes.
///
/// A chunk in use stays alive through its reference, evicted or not; the budget counts what the cache holds.
public final class ChunkCache: Sendable {
  /// Names one cached block.
  public struct Key: Hashable, Sendable {
    /// `SegmentReader.cacheKey`.
    public var segment: UInt64
    public var rowGroup: UInt32
    public var column: UInt32
  }

  /// What is cached; the type says what the bytes are.
  public enum Block: Sendable {
    case chunk(ColumnChunk)
    case vector(Vector)
    case bitmaps(BitmapIndex)
    case keyFences(KeyRunFences)
    /// A block of a key run, packed.
    case bytes(Buffer)
  }

  private final class Entry: @unchecked Sendable {
    let key: Key
    let block: Block
    let byteCount: Int
    var isMain = false
    var wasUsed = false

    init(_ key: Key, _ block: Block, _ byteCount: Int) {
      self.key = key
      self.block = block
      self.byteCount = byteCount
    }
  }

  private struct Contents {
    var entries: [Key: Entry] = [:]
    // Queues with a moving head; an entry that was removed or moved is skipped when met.
    var first: [Entry] = []
    var firstHead = 0
    var main: [Entry] = []
    var mainHead = 0
    var firstBytes = 0
    var mainBytes = 0
    var hits = 0
    var misses = 0
  }

  public let budget: MemoryBudget
  private let contents = Mutex(Contents())

  public init(budget: MemoryBudget) { self.budget = budget }
  deinit { removeAll() }

  /// Bytes held now.
  public var byteCount: Int { contents.withLock { $0.firstBytes + $0.mainBytes } }
  /// Lookups that found their block, and those that did not.
  public var counts: (hits: Int, misses: Int) { contents.withLock { ($0.hits, $0.misses) } }

  /// The block, if it is cached.
  public func find(_ key: Key) -> Block? {
    contents.withLock { contents in
      guard let entry = contents.entries[key] else {
        contents.misses += 1
        return nil
      }
      contents.hits += 1
      if entry.isMain {
        entry.wasUsed = true
      } else {
        ChunkCache.promote(entry, &contents)
      }
      return entry.block
    }
  }

  /// Adds a block unless another thread was faster; returns the one to use. A block for which the budget has
  /// no room is used but not kept.
  public func insert(_ key: Key, _ block: Block, byteCount: Int) -> Block {
    contents.withLock { contents in
      if let known = contents.entries[key] { return known.block }
      guard reserve(byteCount, &contents) else { return block }
      let entry = Entry(key, block, byteCount)
      contents.entries[key] = entry
      contents.first.append(entry)
      contents.firstBytes += byteCount
      return block
    }
  }

  /// Gives memory back to the budget, for queries that need it more.
  /// - Returns: the bytes freed, at least `wanted` unless the cache held less.
  @discardableResult
  public func shrink(by wanted: Int) -> Int {
    contents.withLock { contents in
      var freed = 0
      while freed < wanted, let bytes = evictOne(&contents) { freed += bytes }
      return freed
    }
  }

  /// Forgets everything.
  public func removeAll() { shrink(by: .max) }

  /// Forgets the blocks of one segment.
  public func remove(segment: SegmentID) {
    contents.withLock { contents in
      for (key, entry) in contents.entries where key.segment == segment {
        drop(entry, &contents)
      }
    }
  }

  /// Blocks may fill the budget only up to half: the rest belongs to queries. Evicts to make room.
  private func reserve(_ byteCount: Int, _ contents: inout Contents) -> Bool {
    let limit = budget.limit / 2
    guard byteCount <= limit else { return false }
    while contents.firstBytes + contents.mainBytes + byteCount > limit {
      guard evictOne(&contents) != nil else { break }
    }
    while !budget.tryReserve(byteCount) {
      guard evictOne(&contents) != nil else { return false }
    }
    return true
  }

  private static func promote(_ entry: Entry, _ contents: inout Contents) {
    entry.isMain = true
    contents.firstBytes -= entry.byteCount
    contents.mainBytes += entry.byteCount
    contents.main.append(entry)
  }

  private func evictOne(_ contents: inout Contents) -> Int? {
    let total = contents.firstBytes + contents.mainBytes
    if contents.firstBytes * 4 > total || contents.mainBytes == 0 {
      if let bytes = evictFirst(&contents) { return bytes }
    }
    return evictMain(&contents) ?? evictFirst(&contents)
  }

  private func evictFirst(_ contents: inout Contents) -> Int? {
    while contents.firstHead < contents.first.count {
      let entry = contents.first[contents.firstHead]
      contents.firstHead += 1
      ChunkCache.compact(&contents.first, &contents.firstHead)
      guard !entry.isMain, contents.entries[entry.key] === entry else { continue }
      return drop(entry, &contents)
    }
    return nil
  }

  /// The main queue is a clock: an entry used since its last turn gets another one.
  private func evictMain(_ contents: inout Contents) -> Int? {
    while contents.mainHead < contents.main.count {
      let entry = contents.main[contents.mainHead]
      contents.mainHead += 1
      ChunkCache.compact(&contents.main, &contents.mainHead)
      guard contents.entries[entry.key] === entry else { continue }
      if entry.wasUsed {
        entry.wasUsed = false
        contents.main.append(entry)
        continue
      }
      return drop(entry, &contents)
    }
    return nil
  }

  private static func compact(_ queue: inout [Entry], _ head: inout Int) {
    guard head > 64, head * 2 > queue.count else { return }
    queue.removeFirst(head)
    head = 0
  }

  @discardableResult
  private func drop(_ entry: Entry, _ contents: inout Contents) -> Int {
    contents.entries[entry.key] = nil
    if entry.isMain {
      contents.mainBytes -= entry.byteCount
    } else {
      contents.firstBytes -= entry.byteCount
    }
    budget.release(entry.byteCount)
    return entry.byteCount
  }
}
