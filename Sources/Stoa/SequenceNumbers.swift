import Catalog
import SQL
import Storage
import Synchronization

/// Numbers of sequences that this process has taken out of the warehouse and not yet given to anybody. Its sessions share
/// them, so numbers within a process come in order. What is left when the warehouse is closed is given back unless another
/// process took numbers since; a process that is killed loses it.
final class SequenceNumbers: Sendable {
  private let ranges = Mutex<[ObjectID: SequenceRange]>([:])
  /// One thread at a time takes more.
  private let taking = Mutex<Void>(())

  /// The next numbers.
  func next(
    of sequence: SequenceDefinition, count: Int, _ store: TableStore, timeoutMilliseconds: Int
  ) throws(StoaError) -> [Int64] {
    var numbers: [Int64] = []
    numbers.reserveCapacity(count)
    if take(of: sequence, count, &numbers) { return numbers }
    try taking.withLock { _ throws(StoaError) in
      while !take(of: sequence, count, &numbers) {
        let range = try store.takeNumbers(
          of: sequence.id, count: max(count - numbers.count, sequence.chunk),
          timeoutMilliseconds: timeoutMilliseconds)
        ranges.withLock { $0[sequence.id] = range }
      }
    }
    return numbers
  }

  /// Adds numbers until there are `count`; false when more must be taken. Numbers of a generation before the one the
  /// statement sees are not given out.
  private func take(
    of sequence: SequenceDefinition, _ count: Int, _ numbers: inout [Int64]
  ) -> Bool {
    ranges.withLock { ranges in
      guard var range = ranges[sequence.id], range.generation >= sequence.generation else {
        return numbers.count >= count
      }
      while numbers.count < count, let number = range.removeFirst() { numbers.append(number) }
      ranges[sequence.id] = range.count > 0 ? range : nil
      return numbers.count >= count
    }
  }

  /// Forgets numbers of a sequence that begins anew, and gives them back.
  func giveBack(_ id: ObjectID, _ store: TableStore, timeoutMilliseconds: Int) throws(StoaError) {
    let range = ranges.withLock { $0.removeValue(forKey: id) }
    if let range { try store.giveBack(range, of: id, timeoutMilliseconds: timeoutMilliseconds) }
  }

  /// Forgets numbers without giving them back.
  func forget(_ id: ObjectID) { ranges.withLock { $0[id] = nil } }

  /// At the end; where that is not possible the numbers are lost.
  func giveBackAll(_ store: TableStore) {
    for (id, range) in ranges.withLock({ $0 }) {
      forget(id)
      _ = try? store.giveBack(range, of: id, timeoutMilliseconds: 0)
    }
  }
}

/// The numbers that a session got last.
final class LastNumbers: Sendable {
  private struct Numbers {
    var last: Int64?
    var bySequence: [ObjectID: Int64] = [:]
  }

  private let numbers = Mutex(Numbers())

  func set(_ number: Int64, of id: ObjectID, isLast: Bool = true) {
    numbers.withLock {
      $0.bySequence[id] = number
      if isLast { $0.last = number }
    }
  }

  func current(_ id: ObjectID) -> Int64? { numbers.withLock { $0.bySequence[id] } }

  var last: Int64? { numbers.withLock { $0.last } }
}

/// Numbers for one statement of a session.
struct StatementSequences: SequenceSource {
  private let warehouse: Warehouse
  private let lastNumbers: LastNumbers
  private let transaction: WriteTransaction?
  private let isReadOnly: Bool
  private let timeoutMilliseconds: Int

  init(_ session: Session) {
    warehouse = session.warehouse
    lastNumbers = session.lastNumbers
    transaction = session.openTransaction?.changes
    isReadOnly = session.openTransaction?.isReadOnly ?? false
    timeoutMilliseconds = session.settings.lockTimeoutMilliseconds
  }

  private func requireWritable(_ function: String) throws(StoaError) {
    if isReadOnly {
      throw StoaError(.readOnly, "\(function) in a transaction that was begun READ ONLY")
    }
    if warehouse.store.mode == .readOnly {
      throw StoaError(
        .readOnly, "\(function) takes numbers, but the warehouse was opened to be read only",
        path: warehouse.path)
    }
  }

  /// The transaction, when the numbers are its own until it commits.
  private func owner(
    of sequence: SequenceDefinition
  ) throws(StoaError) -> WriteTransaction? {
    guard let transaction, !transaction.isFinished, transaction.ownsNumbers(of: sequence.id) else {
      return nil
    }
    if sequence.continues, transaction.snapshot.catalog.sequence(sequence.id) != nil {
      throw StoaError(
        .usage, "sequence \"\(sequence.name)\" was altered in this transaction",
        hint: "COMMIT first, then take numbers of it")
    }
    return transaction
  }

  func nextNumbers(
    of sequence: SequenceDefinition, count: Int
  ) throws(StoaError) -> [Int64] {
    guard count > 0 else { return [] }
    try requireWritable("nextval")
    var numbers: [Int64] = []
    if let transaction = try owner(of: sequence) {
      while numbers.count < count {
        var range = try transaction.takeOwnNumbers(of: sequence, count: count - numbers.count)
        while let number = range.removeFirst() { numbers.append(number) }
      }
    } else {
      numbers = try warehouse.numbers.next(
        of: sequence, count: count, warehouse.store, timeoutMilliseconds: timeoutMilliseconds)
    }
    if let last = numbers.last { lastNumbers.set(last, of: sequence.id) }
    return numbers
  }

  func currentNumber(of sequence: SequenceDefinition) throws(StoaError) -> Int64 {
    if let number = lastNumbers.current(sequence.id) { return number }
    throw StoaError(
      .evaluation, "currval: this session has taken no number of sequence \"\(sequence.name)\" yet",
      hint: "nextval takes one")
  }

  func lastNumber() throws(StoaError) -> Int64 {
    if let number = lastNumbers.last { return number }
    throw StoaError(
      .evaluation, "lastval: this session has taken no number of any sequence yet",
      hint: "nextval takes one")
  }

  func set(_ sequence: SequenceDefinition, to position: SequencePosition) throws(StoaError) {
    try requireWritable("setval")
    if let transaction = try owner(of: sequence) {
      transaction.setOwnNumbers(of: sequence, to: position)
    } else {
      try warehouse.store.restart(
        sequence.id, at: position, timeoutMilliseconds: timeoutMilliseconds)
      warehouse.numbers.forget(sequence.id)
    }
    if position.isCalled { lastNumbers.set(position.last, of: sequence.id, isLast: false) }
  }
}

extension Session {
  /// Applies an edit of the catalog; numbers taken of a sequence that changes are given back before.
  func apply(_ edit: CatalogEdit, _ transaction: WriteTransaction) throws(StoaError) {
    guard case .alterObject(.sequence(var sequence)) = edit,
      transaction.catalog.sequence(sequence.id)?.generation != sequence.generation
    else {
      try transaction.apply(edit)
      return
    }
    if transaction.ownsNumbers(of: sequence.id) {
      if sequence.continues, let old = transaction.catalog.sequence(sequence.id), !old.continues {
        sequence.origin = transaction.ownPosition(of: old)
        sequence.continues = false
      }
    } else {
      try warehouse.numbers.giveBack(
        sequence.id, warehouse.store, timeoutMilliseconds: settings.lockTimeoutMilliseconds)
    }
    try transaction.apply(.alterObject(.sequence(sequence)))
  }
}
