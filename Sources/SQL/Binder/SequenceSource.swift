import Catalog
import Synchronization
import Vectors

/// Where the functions of sequences get their numbers: the session, for one statement.
public protocol SequenceSource: Sendable {
  /// The next numbers, of which none is given to anybody else.
  func nextNumbers(
    of sequence: SequenceDefinition, count: Int
  ) throws(StoaError) -> [Int64]
  /// The number that this session got last of the sequence.
  func currentNumber(of sequence: SequenceDefinition) throws(StoaError) -> Int64
  /// The number that this session got last of any sequence.
  func lastNumber() throws(StoaError) -> Int64
  /// `setval`.
  func set(_ sequence: SequenceDefinition, to position: SequencePosition) throws(StoaError)
}

/// Sequences whose numbers the statement takes.
final class TakenSequences: Sendable {
  private let ids = Mutex<Set<ObjectID>>([])

  func insert(_ id: ObjectID) { ids.withLock { _ = $0.insert(id) } }

  /// Whether the sequence is among them; any without a number.
  func contains(_ id: ObjectID?) -> Bool {
    ids.withLock { ids in id.map { ids.contains($0) } ?? !ids.isEmpty }
  }
}
