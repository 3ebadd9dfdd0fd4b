import Encodings
import Synchronization
import Vectors

/// What a join's build side says about the rows worth reading on its probe side: filled when the build is done,
/// used by the scan that starts later. Not filled (a build that spilled, keys that are no integers): every
/// row may match.
public final class RuntimeFilter: Sendable {
  /// What is known about the keys.
  public enum Content: Sendable {
    /// No build row has a key: nothing can match.
    case nothing
    /// Every key of the range, bounds included, is there: exact.
    case range(Int64, Int64)
    /// The keys, exactly.
    case table(KeyTable, minimum: Int64, maximum: Int64)
    case set(KeySet)
    /// Keys lie between these; not all between them need be there.
    case bounds(Int64, Int64)
  }

  /// Unique in its plan.
  public let number: Int
  private let content = Mutex<Content?>(nil)
  private let applied = Atomic<Bool>(false)

  /// - Parameter number: names the filter within its plan.
  public init(number: Int) { self.number = number }

  /// `nil` until a build has published it.
  public var published: Content? { content.withLock { $0 } }

  /// Called once by the build, before the scan is prepared.
  public func publish(_ content: Content) { self.content.withLock { $0 = content } }

  /// The scan promises that each row it gives out passed the published content (and is not NULL).
  public func markApplied() { applied.store(true, ordering: .relaxed) }

  /// Whether every row of the scan has a key the build side has.
  var isAppliedExactly: Bool {
    guard applied.load(ordering: .relaxed), let published else { return false }
    if case .bounds = published { return false }
    return true
  }
}

extension RuntimeFilter.Content {
  /// The same as a predicate on a column of integers.
  public var columnFilter: ColumnFilter {
    switch self {
    case .nothing: ColumnFilter(.oneOf([]))
    case .range(let low, let high), .bounds(let low, let high):
      ColumnFilter(.range(lower: .integer(Int128(low)), upper: .integer(Int128(high))))
    case .table(let table, _, _): ColumnFilter(.keyTable(table))
    case .set(let set): ColumnFilter(.keySet(set))
    }
  }

  /// Least and greatest key, for skipping by zone map; `nil` when nothing can match.
  public var bounds: ClosedRange<Int64>? {
    switch self {
    case .nothing: nil
    case .range(let low, let high), .bounds(let low, let high), .table(_, let low, let high):
      low...high
    case .set(let set): set.minimum...set.maximum
    }
  }

  /// Whether one key passes.
  public func contains(_ key: Int64) -> Bool {
    switch self {
    case .nothing: false
    case .range(let low, let high), .bounds(let low, let high): key >= low && key <= high
    case .table(let table, _, _): table.contains(key)
    case .set(let set): set.contains(key)
    }
  }

  /// A key range up to this many keys gets a byte table whatever the number of keys; it fits the caches.
  private static let smallRange: UInt64 = 1 << 18
  /// More keys than this are given as bounds only: a larger set costs more than it saves.
  private static let largestSet = 1 << 22

  /// The content for `keys`, repeats allowed, without NULLs.
  static func make(_ blocks: [UnsafeBufferPointer<Int64>]) -> RuntimeFilter.Content {
    var count = 0
    var low = Int64.max
    var high = Int64.min
    for block in blocks {
      count += block.count
      for key in block {
        low = key < low ? key : low
        high = key > high ? key : high
      }
    }
    guard count > 0 else { return .nothing }
    let range = UInt64(bitPattern: high &- low)
    if range < max(smallRange, UInt64(4 * count + 65_536)), range < 1 << 31 {
      return table(blocks, low, high)
    }
    guard count <= largestSet else { return .bounds(low, high) }
    return .set(KeySet(Array(blocks.joined())))
  }

  private static func table(
    _ blocks: [UnsafeBufferPointer<Int64>], _ low: Int64, _ high: Int64
  ) -> RuntimeFilter.Content {
    let size = Int(high &- low) + 1
    let table = KeyTable(minimum: low, count: size)
    let bytes = table.bytes
    for block in blocks {
      for key in block { bytes[Int(truncatingIfNeeded: key &- low)] = 1 }
    }
    var present = 0
    for index in 0..<size { present &+= Int(bytes[index]) }
    return present == size ? .range(low, high) : .table(table, minimum: low, maximum: high)
  }
}
