// Operations on definitions.
extension Workload {
  private mutating func newName(_ letter: Character, _ model: Model) -> String {
    let taken = Set(model.names.compactMap { Int($0.drop { !$0.isNumber }) })
    let number = (0...).first { !taken.contains($0) } ?? 0
    return "\(prefix)\(letter)\(number)"
  }

  /// A new table.
  mutating func create(_ model: Model) -> Operation {
    let hasKey = below(3) > 0
    if below(3) == 0 { return createConstrained(model) }
    let name = newName(hasKey ? "p" : "h", model)
    let order = pick(["", " ORDER BY (id)", " ORDER BY (g)", " ORDER BY (g, id)", " ORDER BY (s)"])
    let sql =
      "CREATE TABLE \(name) (id BIGINT \(hasKey ? "PRIMARY KEY" : "NOT NULL"), g INTEGER,"
      + " v INTEGER, s VARCHAR, d DECIMAL(12,2))\(order)"
    var after = model
    after.tables[name] = TableModel(columns: ["g", "v", "s", "d"])
    return Operation(name: "create", steps: [.sql(sql)], after: after)
  }

  /// CREATE, DROP, CREATE TABLE AS or ALTER.
  mutating func define(_ model: Model) -> Operation {
    if model.tables.count < 2 { return create(model) }
    let name = pick(model.names)
    if model.tables.count > 5 { return drop(name, model) }
    switch below(8) {
    case 0: return create(model)
    case 1: return drop(name, model)
    case 2: return createAs(name, model)
    case 3: return rename(name, model)
    default: return alter(name, model)
    }
  }

  /// A table with UNIQUE and CHECK, or one that refers to it.
  private mutating func createConstrained(_ model: Model) -> Operation {
    let order = pick(["", " ORDER BY (id)", " ORDER BY (g)", " ORDER BY (v, id)"])
    let columns =
      "id BIGINT PRIMARY KEY, g INTEGER CHECK (g >= 0 AND g < 7), v INTEGER, s VARCHAR,"
      + " d DECIMAL(12,2)"
    var after = model
    let parents = model.names.filter { Model.letter($0) == "u" }
    let name: String
    let sql: String
    if !parents.isEmpty, below(3) > 0 {
      let parent = pick(parents)
      let number = String(parent.dropFirst(2))
      name = newName("f", model)
      sql =
        "CREATE TABLE \(name) (\(columns), r\(number) BIGINT REFERENCES \(parent) (id),"
        + " q\(number) INTEGER REFERENCES \(parent) (k))\(order)"
      after.tables[name] = TableModel(
        columns: ["g", "v", "s", "d", "r\(number)", "q\(number)"])
    } else {
      name = newName("u", model)
      sql = "CREATE TABLE \(name) (\(columns), k INTEGER UNIQUE)\(order)"
      after.tables[name] = TableModel(columns: ["g", "v", "s", "d", "k"])
    }
    return Operation(name: "create", steps: [.sql(sql)], after: after)
  }

  private func drop(_ name: String, _ model: Model) -> Operation {
    // Whoever refers to it goes first.
    if let child = model.children(of: name).first { return drop(child, model) }
    var after = model
    after.tables[name] = nil
    return Operation(name: "drop", steps: [.sql("DROP TABLE \(name)")], after: after)
  }

  private mutating func createAs(_ name: String, _ model: Model) -> Operation {
    let target = newName("c", model)
    var after = model
    let group = below(7)
    var table = model.tables[name] ?? TableModel(columns: [])
    let column = table.index("g") ?? 0
    table.rows = table.rows.filter { $0.value[column] == .number(group) }
    after.tables[target] = table
    let sql = "CREATE TABLE \(target) AS SELECT * FROM \(name) WHERE g = \(group)"
    return Operation(name: "create as", steps: [.sql(sql)], after: after)
  }

  private mutating func rename(_ name: String, _ model: Model) -> Operation {
    let letter = Model.letter(name)
    // The name is in the columns of those that refer to it.
    if letter == "u" { return create(model) }
    let target = newName(letter, model)
    var after = model
    after.tables[target] = after.tables.removeValue(forKey: name)
    let sql = "ALTER TABLE \(name) RENAME TO \(target)"
    return Operation(name: "rename table", steps: [.sql(sql)], after: after)
  }

  private mutating func alter(_ name: String, _ model: Model) -> Operation {
    guard var table = model.tables[name] else { return create(model) }
    var after = model
    func done(_ what: String, _ sql: String) -> Operation {
      after.tables[name] = table
      return Operation(
        name: what, steps: [.sql("ALTER TABLE \(name) \(sql)")], after: after)
    }
    let extra = table.columns.filter { $0.hasPrefix("x") }
    switch below(4) {
    case 0 where !extra.isEmpty:
      let column = pick(extra)
      guard let index = table.columns.firstIndex(of: column) else { return create(model) }
      table.columns.remove(at: index)
      for id in table.ids { table.rows[id]?.remove(at: index) }
      return done("drop column", "DROP COLUMN \(column)")
    case 1 where Model.hasDefaults(name) && extra.count < 3:
      let number = (1...).first { !table.columns.contains("x\($0)") } ?? 1
      table.columns.append("x\(number)")
      for id in table.ids { table.rows[id]?.append(.number(number)) }
      return done("add column", "ADD COLUMN x\(number) INTEGER DEFAULT \(number)")
    case 2:
      guard let index = table.columns.firstIndex(of: "v") else { break }
      table.columns[index] = "w"
      after.tables[name] = table
      let steps: [Operation.Step] = [
        .sql("BEGIN"), .sql("ALTER TABLE \(name) ALTER COLUMN v TYPE BIGINT"),
        .sql("ALTER TABLE \(name) RENAME COLUMN v TO w"), .sql("COMMIT"),
      ]
      return Operation(name: "widen", steps: steps, after: after)
    default: break
    }
    guard let index = table.index("s") else { return create(model) }
    let old = table.columns[index]
    let new = "s\(((Int(old.dropFirst()) ?? 0) + 1) % 10)"
    table.columns[index] = new
    return done("rename column", "RENAME COLUMN \(old) TO \(new)")
  }
}
