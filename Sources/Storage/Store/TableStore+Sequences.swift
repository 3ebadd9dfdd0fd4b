import Catalog
import Vectors

// Numbers of sequences. They are taken by small commits of their own, which no rollback undoes and which are durable
// before a number is given out: so no number is given twice, whoever stops when.
extension TableStore {
  /// Takes up to `count` numbers of the newest state's sequence for this process.
  /// - Throws: `.binding` when the sequence is not there any more, `.evaluation` when its numbers are used up,
  ///   `.readOnly`, `.busy` when another process does not stop writing.
  public func takeNumbers(
    of id: ObjectID, count: Int, timeoutMilliseconds: Int? = nil
  ) throws(StoaError) -> SequenceRange {
    var taken: SequenceRange?
    try commitAlone(timeoutMilliseconds) { state throws(StoaError) in
      let sequence = try TableStore.sequence(id, in: state)
      let range = try sequence.take(count, after: state.position(of: sequence))
      taken = range
      return [.advanceSequence(id, generation: sequence.generation, range.end)]
    }
    guard let taken else { throw StoaError(.inconsistency, "no numbers were taken") }
    return taken
  }

  /// Gives numbers back that were taken last, so that they are given out by whoever comes next.
  /// - Returns: false when others took some since, or the sequence began anew; nothing has changed then.
  @discardableResult
  public func giveBack(
    _ range: SequenceRange, of id: ObjectID, timeoutMilliseconds: Int? = nil
  ) throws(StoaError) -> Bool {
    var isDone = false
    try commitAlone(timeoutMilliseconds) { state throws(StoaError) in
      guard range.count > 0, let sequence = state.catalog.sequence(id),
        sequence.generation == range.generation, state.position(of: sequence) == range.end
      else { return [] }
      isDone = true
      return [.advanceSequence(id, generation: range.generation, range.before)]
    }
    return isDone
  }

  /// Begins the sequence anew at a position, for all transactions at once.
  /// - Returns: the new generation.
  @discardableResult
  public func restart(
    _ id: ObjectID, at position: SequencePosition, timeoutMilliseconds: Int? = nil
  ) throws(StoaError) -> UInt32 {
    var generation: UInt32 = 0
    try commitAlone(timeoutMilliseconds) { state throws(StoaError) in
      let sequence = try TableStore.sequence(id, in: state).restarted(at: position)
      generation = sequence.generation
      return [.catalog(.alterObject(.sequence(sequence)))]
    }
    return generation
  }

  private static func sequence(
    _ id: ObjectID, in state: StoreState
  ) throws(StoaError) -> SequenceDefinition {
    if let sequence = state.catalog.sequence(id) { return sequence }
    throw StoaError(.binding, "the sequence was dropped in the meantime")
  }

  /// Commits edits on the newest state, whatever transactions are open; returns when the disk has them.
  private func commitAlone(
    _ timeoutMilliseconds: Int?, _ edits: (StoreState) throws(StoaError) -> [LogEdit]
  ) throws(StoaError) {
    try acquireWriting(timeoutMilliseconds: timeoutMilliseconds)
    defer { releaseWriting() }
    let number = try commits.withLock { () throws(StoaError) -> CommitNumber? in
      try inner.withLock { inner throws(StoaError) -> CommitNumber? in
        let edits = try edits(inner.tail)
        guard !edits.isEmpty else { return nil }
        var isWritten = false
        return try write(edits, kinds: .reserve, &inner, &isWritten)
      }
    }
    if let number { try waitUntilSynced(number) }
  }
}

extension WriteTransaction {
  /// Whether the sequence's numbers are this transaction's own until it commits: it made it, or began it anew.
  public func ownsNumbers(of id: ObjectID) -> Bool {
    guard let own = catalog.sequence(id) else { return false }
    return snapshot.catalog.sequence(id)?.generation != own.generation
  }
}
