import SQL
import Storage

/// The transaction between BEGIN and COMMIT.
final class OpenTransaction {
  let changes: WriteTransaction
  let isReadOnly: Bool
  /// Innermost last; a name may be used again, then the newer one counts.
  var savepoints: [(name: String, savepoint: WriteTransaction.Savepoint)] = []
  /// What went wrong; until then the end, or a way back to a savepoint, nothing more is done.
  var failure: StoaError?

  init(_ changes: WriteTransaction, isReadOnly: Bool) {
    self.changes = changes
    self.isReadOnly = isReadOnly
  }
}

/// BEGIN, COMMIT, ROLLBACK and savepoints. As in PostgreSQL, a statement that fails inside a transaction ends all
/// but its rollback, whole or to a savepoint.
extension Session {
  /// Whether BEGIN was said and not yet COMMIT or ROLLBACK.
  public var isInTransaction: Bool { openTransaction != nil }

  /// What statements see now.
  func currentSnapshot() throws(StoaError) -> Snapshot {
    if let openTransaction { return openTransaction.changes.view }
    return try warehouse.store.snapshot()
  }

  func begin(isReadOnly: Bool) throws(StoaError) -> QueryResult {
    guard openTransaction == nil else {
      throw StoaError(
        .usage, "a transaction is open already",
        hint: "COMMIT or ROLLBACK it first; SAVEPOINT nests")
    }
    let changes = try warehouse.store.begin()
    changes.lockTimeoutMilliseconds = settings.lockTimeoutMilliseconds
    changes.isSynchronous = settings.isSynchronous
    openTransaction = OpenTransaction(changes, isReadOnly: isReadOnly)
    return QueryResult()
  }

  /// COMMIT of a transaction in which a statement failed rolls back, and says so.
  func commitTransaction() throws(StoaError) -> QueryResult {
    let open = try requireTransaction("COMMIT")
    openTransaction = nil
    guard open.failure == nil else {
      open.changes.rollback()
      return QueryResult(notices: [
        "The transaction was rolled back, because a statement had failed"
      ])
    }
    try open.changes.commit()
    return QueryResult()
  }

  func rollbackTransaction() throws(StoaError) -> QueryResult {
    let open = try requireTransaction("ROLLBACK")
    openTransaction = nil
    open.changes.rollback()
    return QueryResult()
  }

  func savepoint(_ name: String) throws(StoaError) -> QueryResult {
    let open = try requireTransaction("SAVEPOINT")
    open.savepoints.append((name, open.changes.savepoint()))
    return QueryResult()
  }

  /// Undoes what was done since the savepoint, which stays.
  func rollback(to name: String) throws(StoaError) -> QueryResult {
    let open = try requireTransaction("ROLLBACK TO")
    let index = try position(of: name, in: open)
    open.changes.rollback(to: open.savepoints[index].savepoint)
    open.savepoints.removeLast(open.savepoints.count - index - 1)
    open.failure = nil
    return QueryResult()
  }

  /// Forgets a savepoint and those after it; what was done stays.
  func release(_ name: String) throws(StoaError) -> QueryResult {
    let open = try requireTransaction("RELEASE")
    let index = try position(of: name, in: open)
    open.savepoints.removeLast(open.savepoints.count - index)
    return QueryResult()
  }

  private func requireTransaction(_ statement: String) throws(StoaError) -> OpenTransaction {
    if let openTransaction { return openTransaction }
    throw StoaError(.usage, "\(statement) outside a transaction", hint: "BEGIN starts one")
  }

  private func position(of name: String, in open: OpenTransaction) throws(StoaError) -> Int {
    if let index = open.savepoints.lastIndex(where: { $0.name == name }) { return index }
    throw StoaError(
      .binding, "there is no savepoint \"\(name)\"",
      hint: closestSpelling(to: name, among: open.savepoints.map(\.name))
        .map { "Did you mean \($0)?" })
  }

  /// - Throws: when a statement of the transaction has failed and this one does not end it.
  func requireUsableTransaction(_ syntax: StatementSyntax) throws(StoaError) {
    guard let failure = openTransaction?.failure else { return }
    switch syntax.kind {
    case .commit, .rollback, .rollbackTo: return
    default:
      throw StoaError(
        .usage, "the transaction has failed (\(failure.message)); nothing more is done in it",
        hint: "ROLLBACK ends it, ROLLBACK TO goes back to a savepoint")
    }
  }

  /// Runs a changing statement in the open transaction, or in one of its own that is committed at once.
  /// - Parameter body: gets the transaction; must be repeatable when `isRepeatable`: a transaction of its own whose
  ///   commit meets a conflict is run again on the newer state.
  func inTransaction<Result>(
    isRepeatable: Bool = true, _ body: (WriteTransaction) throws(StoaError) -> Result
  ) throws(StoaError) -> Result {
    if let open = openTransaction { return try inOpenTransaction(open, body) }
    var attempts = 0
    while true {
      attempts += 1
      let transaction = try warehouse.store.beginWrite(
        timeoutMilliseconds: settings.lockTimeoutMilliseconds)
      transaction.isSynchronous = settings.isSynchronous
      do throws(StoaError) {
        let result = try body(transaction)
        try cancellation.check()
        try transaction.commit()
        return result
      } catch {
        transaction.rollback()
        guard transaction.isConflict, isRepeatable, attempts < Session.maximalAttempts else {
          throw error
        }
        // What it met may not be durable yet, and only then do new transactions start from it.
        try warehouse.store.waitForNewest()
      }
    }
  }

  private static var maximalAttempts: Int { 1000 }

  private func inOpenTransaction<Result>(
    _ open: OpenTransaction, _ body: (WriteTransaction) throws(StoaError) -> Result
  ) throws(StoaError) -> Result {
    guard !open.isReadOnly else {
      throw StoaError(.readOnly, "the transaction was begun READ ONLY")
    }
    let savepoint = open.changes.savepoint()
    do throws(StoaError) {
      return try body(open.changes)
    } catch {
      open.changes.rollback(to: savepoint)
      open.failure = error
      throw error
    }
  }
}
