import Stoa
import Storage

// Two sessions of a process: while one has a transaction open, the other commits. What both did must be there, as if one
// had waited for the other; where both touched the same row or key, the second to commit fails.
extension Simulation {
  /// - Returns: false when there is nothing to do it with.
  func playTwoSessions() throws -> Bool {
    guard !model.tables.isEmpty else { return false }
    workload.definesInTransactions = false
    defer { workload.definesInTransactions = true }
    let first = workload.transaction(model)
    otherWorkload.offset = 5000
    // Now and then both choose the same keys.
    otherWorkload.keyOffset = below(2) * 5000
    let second = otherWorkload.change(model)
    guard first.steps.count > 2, !second.isTransaction, !second.isRefused,
      !model.meetWithoutKey(first.after, second.after)
    else { return false }
    operation = "two sessions"
    if isTraced { print("\(place): \(first.text.prefix(400)) beside \(second.text.prefix(200))") }
    let writer = writers[below(writers.count)]
    try catchUp(writer)
    let other = Place(writer.warehouse)
    other.session.settings.isSynchronous = writer.session.settings.isSynchronous
    let base = model
    let moment = 1 + below(first.steps.count - 1)
    var states = [base]
    watch()
    let earlyFailure = failure {
      for step in first.steps[..<moment] { try writer.run(step, "", nil) }
    }
    if earlyFailure != nil { _ = try? writer.session.execute("ROLLBACK") }
    let otherFailure = failure { try other.run(second, backup: "") }
    if otherFailure == nil {
      states.append(second.after)
      committed(second.after, by: other)
    }
    let firstFailure =
      earlyFailure
      ?? failure {
        for step in first.steps[moment...] { try writer.run(step, "", nil) }
      }
    if firstFailure != nil, writer.session.isInTransaction {
      _ = try? writer.session.execute("ROLLBACK")
    }
    recorder.stop(system)
    let merged =
      first.after == base
      ? model : otherFailure == nil ? base.merged(first.after, second.after) : first.after
    if isTraced {
      let texts = [firstFailure, otherFailure].map { $0.map { "\($0)" } ?? "done" }
      print("  first \(texts[0]), second \(texts[1])")
    }
    explain(firstFailure, first, mayBreak: merged == nil)
    explain(otherFailure, second, mayBreak: false)
    if firstFailure == nil {
      if let merged {
        states.append(merged)
        committed(merged, by: writer)
      } else {
        judge.fault("wrong", "\(place): both committed: \(first.text); \(second.text)")
        committed(try Model.read(writer.session).model, by: writer)
      }
    }
    judgePoints(killed: states)
    judge.compare(writer, [model], place, isDeep: false)
    return true
  }

  private func failure(_ body: () throws -> Void) -> StoaError? {
    do {
      try body()
      return nil
    } catch {
      return error as? StoaError ?? StoaError(.inconsistency, "\(error)")
    }
  }

  /// Only conflicts may stop a session; a constraint too when both together would break it.
  private func explain(_ failure: StoaError?, _ operation: Operation, mayBreak: Bool) {
    guard let failure, failure.kind != .busy else { return }
    if failure.kind == .constraint, mayBreak { return }
    judge.fault("wrong", "\(place) failed: \(failure); \(operation.text)")
  }
}
