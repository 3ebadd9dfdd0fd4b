import Stoa

// Operations on tables with constraints beside the primary key: allowed ones and such as must be refused.
extension Workload {
  mutating func constrained(_ name: String, _ model: Model) -> Operation {
    guard let table = model.tables[name], !table.rows.isEmpty else { return insert(name, model) }
    if Model.letter(name) == "f" { return below(4) == 0 ? orphan(name, model) : refer(name, model) }
    switch below(6) {
    case 0: return violate(name, model)
    case 1: return updateUnique(name, model)
    case 2, 3: return upsertUnique(name, model)
    default: return mergeUnique(name, model)
    }
  }

  /// A row that CHECK, UNIQUE or both refuse.
  private mutating func violate(_ name: String, _ model: Model) -> Operation {
    guard let table = model.tables[name] else { return create(model) }
    let keys = table.numbers("k").sorted()
    let id = nextID(model)
    let sql: String
    switch below(3) {
    case 0: sql = "INSERT INTO \(name) (id, g) VALUES (\(id), 3), (\(id + 1), 9)"
    case 1 where !keys.isEmpty:
      sql = "INSERT INTO \(name) (id, k) VALUES (\(id), NULL), (\(id + 1), \(pick(keys)))"
    default: sql = "UPDATE \(name) SET g = -1 WHERE id = \(pick(table.ids))"
    }
    return Operation(name: "violate", steps: [.refused(sql)], after: model)
  }

  /// All keys move along, so that each takes the place of another.
  private mutating func updateUnique(_ name: String, _ model: Model) -> Operation {
    guard let table = model.tables[name], let index = table.index("k") else { return create(model) }
    let step = 1 + below(3)
    var after = model
    for (id, row) in table.rows {
      if case .number(let key) = row[index] {
        after.tables[name]?.rows[id]?[index] = .number(key + step)
      }
    }
    return Operation(
      name: "update unique", steps: [.sql("UPDATE \(name) SET k = k + \(step)")], after: after)
  }

  /// New rows, some with the unique key of one that is there.
  private mutating func upsertUnique(_ name: String, _ model: Model) -> Operation {
    guard let table = model.tables[name], let index = table.index("k"),
      let numbers = table.index("vw"), let texts = table.index("s")
    else { return create(model) }
    var holders: [Int: Int] = [:]
    for (id, row) in table.rows { if case .number(let key) = row[index] { holders[key] = id } }
    let keys = holders.keys.sorted().shuffled(using: &random).prefix(1 + below(8))
    var after = model
    var given = TableModel(columns: table.columns)
    var maker = rowMaker(name, model)
    let updates = below(3) > 0
    let ids = newIDs(max(1, keys.count + below(5)), model)
    for (place, id) in ids.enumerated() {
      var row = makeRow(&maker)
      guard place < keys.count, let holder = holders[keys[place]] else {
        given.rows[id] = row
        after.tables[name]?.rows[id] = row
        continue
      }
      row[index] = .number(keys[place])
      given.rows[id] = row
      guard updates, var stored = table.rows[holder] else { continue }
      stored[numbers] = row[numbers]
      stored[texts] = row[texts]
      after.tables[name]?.rows[holder] = stored
    }
    let (number, text) = (table.columns[numbers], table.columns[texts])
    let action =
      updates
      ? "(k) DO UPDATE SET \(number) = excluded.\(number), \(text) = excluded.\(text)"
      : "(k) DO NOTHING"
    let sql =
      "INSERT INTO \(name) (id, \(table.columns.joined(separator: ", "))) VALUES"
      + " \(values(given, ids)) ON CONFLICT \(action)"
    return Operation(name: "upsert unique", steps: [.sql(sql)], after: after)
  }

  /// MERGE over the unique key: some rows go, some change, some come.
  private mutating func mergeUnique(_ name: String, _ model: Model) -> Operation {
    guard let table = model.tables[name], let index = table.index("k"),
      let numbers = table.index("vw"), let groups = table.index("g")
    else { return create(model) }
    var holders: [Int: Int] = [:]
    for (id, row) in table.rows { if case .number(let key) = row[index] { holders[key] = id } }
    var maker = rowMaker(name, model)
    var source: [(id: Int, key: Int, number: Int)] = []
    let known = holders.keys.sorted().shuffled(using: &random).prefix(1 + below(10))
    let ids = newIDs(max(1, known.count + below(6)), model)
    var after = model
    for (place, id) in ids.enumerated() {
      let key = place < known.count ? known[place] : maker.takeKey(0)
      let number = below(1000)
      source.append((id, key, number))
      if let holder = holders[key] {
        if number < 200 {
          after.tables[name]?.rows[holder] = nil
        } else {
          after.tables[name]?.rows[holder]?[numbers] = .number(number)
        }
        continue
      }
      var row = table.columns.map { column -> Cell in
        column.hasPrefix("x") ? .number(Int(column.dropFirst()) ?? 0) : .null
      }
      row[groups] = .number(id % 7)
      row[numbers] = .number(number)
      row[index] = .number(key)
      after.tables[name]?.rows[id] = row
    }
    let list = source.map { "(\($0.id), \($0.key), \($0.number))" }.joined(separator: ", ")
    let number = table.columns[numbers]
    let sql =
      "MERGE INTO \(name) t USING (VALUES \(list)) n (id, k, n) ON t.k = n.k"
      + " WHEN MATCHED AND n.n < 200 THEN DELETE"
      + " WHEN MATCHED THEN UPDATE SET \(number) = n.n"
      + " WHEN NOT MATCHED THEN INSERT (id, k, g, \(number)) VALUES (n.id, n.k, n.id % 7, n.n)"
    return Operation(name: "merge unique", steps: [.sql(sql)], after: after)
  }

  /// Rows refer to another row, or to none.
  private mutating func refer(_ name: String, _ model: Model) -> Operation {
    guard let table = model.tables[name], let index = table.index(below(2) == 0 ? "r" : "q") else {
      return insert(name, model)
    }
    let column = table.columns[index]
    let choices = rowMaker(name, model).choices[column] ?? []
    let target: Cell = choices.isEmpty || below(6) == 0 ? .null : .number(pick(choices))
    let (sql, matches) = condition(table, share: 5)
    var after = model
    for (id, row) in table.rows where matches(id, row) {
      after.tables[name]?.rows[id]?[index] = target
    }
    return Operation(
      name: "refer",
      steps: [.sql("UPDATE \(name) SET \(column) = \(target.literal("r")) WHERE \(sql)")],
      after: after)
  }

  /// A row that refers to none that is there.
  private mutating func orphan(_ name: String, _ model: Model) -> Operation {
    guard let table = model.tables[name], let index = table.index(below(2) == 0 ? "r" : "q") else {
      return insert(name, model)
    }
    let column = table.columns[index]
    let sql =
      below(2) == 0
      ? "INSERT INTO \(name) (id, \(column)) VALUES (\(nextID(model)), 99999999)"
      : "UPDATE \(name) SET \(column) = 99999999 WHERE id = \(pick(table.ids))"
    return Operation(name: "orphan", steps: [.refused(sql)], after: model)
  }
}
