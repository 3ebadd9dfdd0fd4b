import Stoa
import Storage

/// An endless random sequence of operations. What comes next depends only on the seed and on what the tables
/// hold, so that whoever knows both knows what another process is doing.
struct Workload: Sendable {
  /// What the sizes are made for.
  enum Size: Sendable {
    /// Files in memory: as few rows as do.
    case small
    /// Real ones.
    case large
  }

  var random: SplitMix64
  /// Tables of other prefixes are somebody else's.
  let prefix: String
  let size: Size
  /// Added to new ids, and to new keys, so that two workloads on the same tables do not choose the same.
  var offset = 0
  var keyOffset = 0
  /// Whether transactions have definitions in them.
  var definesInTransactions = true

  init(seed: UInt64, prefix: String, size: Size) {
    random = SplitMix64(seed: seed)
    self.prefix = prefix
    self.size = size
  }

  mutating func below(_ limit: Int) -> Int { Int(random.next() % UInt64(max(1, limit))) }
  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

  /// The next operation on tables that hold `model`.
  mutating func next(_ model: Model) -> Operation {
    if model.tables.isEmpty { return create(model) }
    switch below(100) {
    case 0..<45: return change(model)
    case 45..<60: return transaction(model)
    case 60..<72: return define(model)
    case 72..<80:
      return plain("compact", below(2) == 0 ? "COMPACT" : "COMPACT \(pick(model.names))", model)
    case 80..<85: return plain("checkpoint", "CHECKPOINT", model)
    case 85..<93: return Operation(name: "steps", steps: [.steps(1 + below(20))], after: model)
    case 93..<95: return set(model)
    case 95..<97: return Operation(name: "backup", steps: [.backup], after: model)
    default: return bulk(pick(model.names), model)
    }
  }

  /// What changes promises, but no rows.
  private mutating func set(_ model: Model) -> Operation {
    switch below(6) {
    case 0, 1: return plain("set", "SET synchronous = off", model)
    case 2, 3: return plain("set", "SET synchronous = on", model)
    case 4: return plain("set retention", "SET retention = '1 hour'", model)
    default: return plain("set retention", "SET retention = 0", model)
    }
  }

  private func plain(_ name: String, _ sql: String, _ model: Model) -> Operation {
    Operation(name: name, steps: [.sql(sql)], after: model)
  }

  /// Several changes and definitions, with savepoints, committed or not.
  mutating func transaction(_ model: Model) -> Operation {
    var steps: [Operation.Step] = [.sql("BEGIN")]
    var now = model
    for index in 0...(1 + below(3)) {
      let saved = now
      let hasSavepoint = below(4) == 0
      if hasSavepoint { steps.append(.sql("SAVEPOINT s\(index)")) }
      let inner =
        now.tables.isEmpty
        ? create(now) : definesInTransactions && below(6) == 0 ? define(now) : change(now)
      // A refused statement would end the transaction.
      if !inner.isRefused, !inner.isTransaction {
        steps += inner.steps
        now = inner.after
      }
      if hasSavepoint, below(2) == 0 {
        steps.append(.sql("ROLLBACK TO s\(index)"))
        now = saved
      }
    }
    let isCommitted = below(5) > 0
    steps.append(.sql(isCommitted ? "COMMIT" : "ROLLBACK"))
    return Operation(name: "transaction", steps: steps, after: isCommitted ? now : model)
  }

  /// Something done to rows. What breaks a constraint must be refused and change nothing.
  mutating func change(_ model: Model) -> Operation {
    var operation = anyChange(model)
    if !operation.isRefused, !operation.after.isValid, operation.steps.count == 1,
      case .sql(let sql) = operation.steps[0]
    {
      operation = Operation(name: operation.name, steps: [.refused(sql)], after: model)
    }
    return operation
  }

  private mutating func anyChange(_ model: Model) -> Operation {
    let name = pick(model.names)
    guard let table = model.tables[name] else { return create(model) }
    // Tables stay small, or comparing them would be all that is done.
    if table.rows.count > rowLimit {
      let child = model.children(of: name).first { model.tables[$0]?.rows.isEmpty == false }
      return child.map { truncate($0, model) } ?? delete(name, model, share: 2)
    }
    if "uf".contains(Model.letter(name)), below(3) == 0 { return constrained(name, model) }
    switch below(20) {
    case 0..<5: return insert(name, model)
    case 5: return bulk(name, model)
    case 6, 7: return append(name, model)
    case 8, 9: return copy(name, model)
    case 10, 11: return delete(name, model, share: 8)
    case 12..<15: return update(name, model)
    case 15: return updateKeys(name, model)
    case 16: return merge(name, model)
    case 17: return Model.hasKey(name) ? upsert(name, model) : merge(name, model)
    case 18: return Model.hasKey(name) ? duplicate(name, model) : update(name, model)
    default: return below(4) == 0 ? truncate(name, model) : updateFrom(name, model)
    }
  }

  private var rowLimit: Int { size == .small ? 300 : 3000 }
}
