import Synchronization
import Vectors

/// A predicate on one column, made once per scan and shared by its workers. NULL never passes, except `isNull`.
/// Order and equality are SQL's: NaN equals itself and lies above all numbers, -0 = 0, strings by bytes.
///
/// Values must be of the column's kind: `.integer` for integers, DECIMAL (unscaled, of the column's scale), DATE and
/// TIMESTAMP; `.double` for REAL and DOUBLE; `.string`; `.boolean`. An integer may lie outside the column's type.
public final class ColumnFilter: Sendable {
  /// How a column value stands to the given one.
  public enum Comparison: UInt8, Sendable, CaseIterable {
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
  }

  /// Decides every row of a vector (any form): one `true` per row that passes. Deterministic, of that one column
  /// only. It may be asked about values no selected row has (dictionary entries, runs of NULL slots), so what it
  /// throws for one value must not hang on other columns.
  public typealias EntryPredicate = @Sendable (Vector) throws(StoaError) -> [Bool]

  public enum Kind: Sendable {
    case comparison(Comparison, Value)
    /// Bounds included; `nil` is open.
    case range(lower: Value?, upper: Value?)
    /// SQL's IN; NULLs in the list are ignored.
    case oneOf([Value])
    case isNull
    case isNotNull
    case keyTable(KeyTable)
    case keySet(KeySet)
    /// Evaluated once per dictionary entry, run or constant, on decoded batches otherwise.
    case entries(EntryPredicate)
  }

  public let kind: Kind
  let test: ValueTest
  /// Flags of entries by dictionary, so that a segment's dictionary is tested once, not once per chunk.
  private let cache = Mutex<[(dictionary: Vector, mask: EntryMask)]>([])

  public init(_ kind: Kind) {
    self.kind = kind
    test = ValueTest(kind)
  }

  /// `column <comparison> value`.
  public convenience init(_ comparison: Comparison, _ value: Value) {
    self.init(.comparison(comparison, value))
  }

  /// Which entries of `dictionary` pass.
  func entryMask(_ dictionary: Vector) throws(StoaError) -> EntryMask {
    let known = cache.withLock { list in list.first { $0.dictionary === dictionary }?.mask }
    if let known { return known }
    let mask = EntryMask(try test.flags(dictionary))
    cache.withLock { list in
      if list.count >= 8 { list.removeFirst() }
      list.append((dictionary, mask))
    }
    return mask
  }
}

/// Which entries of a dictionary pass, in the form that is cheapest to run on codes.
final class EntryMask: @unchecked Sendable {
  let filter: IntegerFilter

  init(_ flags: [UInt8]) {
    let passing = flags.reduce(0) { $0 + Int($1) }
    if passing == 0 {
      filter = .none
    } else if passing == flags.count {
      filter = .all
    } else {
      let first = flags.firstIndex(of: 1)!
      let last = flags.lastIndex(of: 1)!
      if last - first + 1 == passing {
        filter = .range(lower: UInt64(first), upper: UInt64(last))
      } else {
        let table = flags.withUnsafeBufferPointer {
          FilterTable($0.baseAddress!, count: $0.count)
        }
        filter = .table(table, shift: 0)
      }
    }
  }
}
