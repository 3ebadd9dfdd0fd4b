import Stoa
import Storage

#if canImport(Glibc)
  import Glibc
#endif

/// Something a writer does, acknowledged as one, and what must be there afterwards. What fails changes nothing.
struct Operation: Sendable {
  enum Step: Sendable {
    case sql(String)
    /// Must be refused because of a constraint.
    case refused(String)
    case append(table: String, rows: [[Value]])
    case copy(table: String, csv: String)
    case steps(Int)
    /// Into the directory beside the warehouse that `Place` names.
    case backup
  }

  var name: String
  var steps: [Step]
  var after: Model

  /// Whether it must fail.
  var isRefused: Bool { steps.contains { if case .refused = $0 { true } else { false } } }
  var isTransaction: Bool { steps.count > 1 }
  /// Whether it sets how long earlier versions are kept.
  var setsRetention: Bool { name == "set retention" }

  /// A line for traces.
  var text: String {
    steps.map { step in
      switch step {
      case .sql(let sql), .refused(let sql): String(sql.prefix(240))
      case .append(let table, let rows): "append \(rows.count) to \(table)"
      case .copy(let table, let csv): "copy \(csv.utf8.count) bytes to \(table)"
      case .steps(let count): "\(count) steps"
      case .backup: "backup"
      }
    }.joined(separator: "; ")
  }
}

/// A warehouse as one process has it open.
struct Place {
  let warehouse: Warehouse
  let session: Session
  var store: TableStore { warehouse.store }

  init(_ warehouse: Warehouse) {
    self.warehouse = warehouse
    session = warehouse.makeSession()
  }

  /// Does all steps or, after the first that fails, rolls back.
  /// - Parameters:
  ///   - backup: where a backup goes; one to `base` if that is given.
  ///   - between: called between the steps of a transaction.
  /// - Throws: what the engine says; `.inconsistency` when it did what it must refuse.
  func run(
    _ operation: Operation, backup: String, base: String? = nil,
    between: () throws -> Void = {}
  ) throws {
    do {
      for step in operation.steps {
        try run(step, backup, base)
        if operation.isTransaction { try between() }
      }
    } catch {
      if session.isInTransaction { _ = try? session.execute("ROLLBACK") }
      throw error
    }
  }

  func run(_ step: Operation.Step, _ backup: String, _ base: String?) throws {
    switch step {
    case .sql(let sql):
      let result = try session.execute(sql)
      let notices = result.notices
      try result.drain()
      if !notices.isEmpty { throw StoaError(.busy, notices.joined(separator: "; ")) }
    case .refused(let sql):
      try requireRefusal(sql)
    case .append(let table, let rows):
      let appender = try session.makeAppender(for: table)
      for row in rows { try appender.append(row) }
      try appender.close()
    case .copy(let table, let csv):
      session.standardInput = Array(csv.utf8)
      defer { session.standardInput = nil }
      try session.execute("COPY \(table) FROM STDIN (HEADER true, DELIMITER ',')")
    case .steps(let count):
      var left = count
      while left > 0, try store.step() != .idle { left -= 1 }
    case .backup: _ = try Backup.run(store, to: backup, incrementalTo: base)
    }
  }

  private func requireRefusal(_ sql: String) throws {
    do {
      try session.execute(sql).drain()
    } catch {
      // TRUNCATE asks for definitions, not for rows.
      let asksDefinitions = error.kind == .binding && sql.hasPrefix("TRUNCATE")
      if error.kind == .constraint || asksDefinitions { return }
      throw error
    }
    throw StoaError(.inconsistency, "what breaks a constraint was accepted: \(sql.prefix(200))")
  }
}
