import Vectors

/// Makes one sorted dictionary for a column of a whole segment, batch by batch: rows get provisional codes at once,
/// `finish` sorts the entries and says which final code each provisional one becomes. Gives up when the column has
/// more distinct values than a dictionary is good for. One owner.
public final class DictionaryBuilder {
  public let type: LogicalType
  /// Most entries before `add` gives up.
  public let limit: Int
  /// True once there were too many distinct values; the column is then encoded without a segment dictionary.
  public private(set) var hasGivenUp = false
  private var table: EntryTable

  public init(type: LogicalType, limit: Int) {
    self.type = type
    self.limit = limit
    table = EntryTable(type.physical)
  }

  /// Distinct values so far.
  public var count: Int { table.entries.count }

  /// Bytes held, for the memory budget.
  public var byteCount: Int { table.heap.byteCount + table.entries.count * 36 }

  /// Provisional codes, one per row (NULL rows get some code below `count`, or 0); `nil` once the limit is passed.
  public func add(_ batch: Vector) -> [UInt32]? {
    if hasGivenUp { return nil }
    precondition(batch.type.physical == type.physical, "another physical type")
    var codes: [UInt32] = []
    guard table.add(batch.flattened(), limit: limit, codes: &codes) else {
      hasGivenUp = true
      return nil
    }
    return codes
  }

  /// The dictionary in SQL's order, and the final code of every provisional one.
  public func finish() -> (dictionary: Vector, remap: [UInt32]) { table.sorted(type) }
}
