import Stoa

// Operations on rows.
extension Workload {
  // MARK: Making rows

  func nextID(_ model: Model) -> Int {
    offset + (model.tables.values.compactMap { $0.rows.keys.max() }.max() ?? 0) + 1
  }

  private mutating func cell(_ letter: Character?) -> Cell {
    switch letter {
    case "g": return .number(below(7))
    case "s": return below(6) == 0 ? .null : .text("name \(below(20))")
    case "d": return .number(below(100_000) - 20_000)
    case "x": return below(5) == 0 ? .null : .number(below(9))
    default: return .number(below(1000))
    }
  }

  func rowMaker(_ name: String, _ model: Model) -> RowMaker {
    RowMaker(name, model, offset: keyOffset)
  }

  mutating func makeRow(_ maker: inout RowMaker) -> [Cell] {
    maker.columns.map { column in
      switch column.first {
      case "k": return below(8) == 0 ? .null : .number(maker.takeKey(below(3)))
      case "r", "q":
        let choices = maker.choices[column] ?? []
        return choices.isEmpty || below(5) == 0 ? .null : .number(pick(choices))
      default: return cell(column.first)
      }
    }
  }

  /// Some new ids, near each other, in no order.
  mutating func newIDs(_ count: Int, _ model: Model) -> [Int] {
    let first = nextID(model) + below(5)
    return (0..<count).map { first + $0 * (1 + count % 3) }.shuffled(using: &random)
  }

  private mutating func newRows(
    _ name: String, _ model: Model, _ count: Int
  ) -> (after: Model, ids: [Int]) {
    var after = model
    var maker = rowMaker(name, model)
    let ids = newIDs(count, model)
    for id in ids { after.tables[name]?.rows[id] = makeRow(&maker) }
    return (after, ids)
  }

  func values(_ table: TableModel, _ ids: [Int]) -> String {
    let letters = table.columns.map { $0.first ?? "v" }
    return ids.map { id in
      let cells = zip(table.rows[id] ?? [], letters).map { $0.literal($1) }
      return "(\(([String(id)] + cells).joined(separator: ", ")))"
    }.joined(separator: ", ")
  }

  // MARK: Adding

  mutating func insert(_ name: String, _ model: Model) -> Operation {
    let limit = size == .small ? 30 : 200
    var (after, ids) = newRows(name, model, 1 + (below(2) == 0 ? 0 : below(limit)))
    guard let table = after.tables[name] else { return create(model) }
    let list = table.columns.joined(separator: ", ")
    // Without the columns that ALTER added, which then get their defaults.
    if Model.hasDefaults(name), below(2) == 0,
      let first = table.columns.firstIndex(where: { $0.hasPrefix("x") })
    {
      let kept = Array(table.columns[..<first])
      var short = TableModel(columns: kept)
      for id in ids {
        let cells = Array((table.rows[id] ?? []).prefix(first))
        short.rows[id] = cells
        let defaults = table.columns[first...].map { Cell.number(Int($0.dropFirst()) ?? 0) }
        after.tables[name]?.rows[id] = cells + defaults
      }
      let allExtra = table.columns[first...].allSatisfy { $0.hasPrefix("x") }
      if allExtra {
        let sql =
          "INSERT INTO \(name) (id, \(kept.joined(separator: ", "))) VALUES \(values(short, ids))"
        return Operation(name: "insert", steps: [.sql(sql)], after: after)
      }
    }
    guard let whole = after.tables[name] else { return create(model) }
    let sql = "INSERT INTO \(name) (id, \(list)) VALUES \(values(whole, ids))"
    return Operation(name: "insert", steps: [.sql(sql)], after: after)
  }

  /// So many rows that they become segments at once.
  mutating func bulk(_ name: String, _ model: Model) -> Operation {
    guard let table = model.tables[name] else { return create(model) }
    let count = size == .small ? 20 + below(60) : 50 + below(900)
    let first = nextID(model)
    var after = model
    var maker = rowMaker(name, model)
    let key = maker.takeKey(0) - first
    // All new rows refer to the same one.
    let references = makeRow(&maker)
    for id in first..<(first + count) {
      after.tables[name]?.rows[id] = table.columns.enumerated().map { index, column in
        switch column.first {
        case "k": .number(id + key)
        case "r", "q": references[index]
        case "g": .number(id % 7)
        case "s": .text("n\(id % 5)")
        case "d": .number(id * 100)
        case "x": .number(id % 3)
        default: .number(id * 37 % 1000)
        }
      }
    }
    let expressions = table.columns.enumerated().map { index, column in
      switch column.first {
      case "k": "range + \(key)"
      case "r", "q": references[index].literal("r")
      case "g": "range % 7"
      case "s": "'n' || range % 5"
      case "d": "range"
      case "x": "range % 3"
      default: "range * 37 % 1000"
      }
    }
    let sql =
      "INSERT INTO \(name) SELECT range, \(expressions.joined(separator: ", "))"
      + " FROM range(\(first), \(first + count))"
    return Operation(name: "insert select", steps: [.sql(sql)], after: after)
  }

  mutating func append(_ name: String, _ model: Model) -> Operation {
    let (after, ids) = newRows(name, model, 1 + below(size == .small ? 60 : 500))
    guard let table = after.tables[name] else { return create(model) }
    let letters = table.columns.map { $0.first ?? "v" }
    let rows = ids.map { id in
      [Value.integer(Int128(id))] + zip(table.rows[id] ?? [], letters).map { $0.value($1) }
    }
    return Operation(name: "append", steps: [.append(table: name, rows: rows)], after: after)
  }

  mutating func copy(_ name: String, _ model: Model) -> Operation {
    let (after, ids) = newRows(name, model, 1 + below(size == .small ? 60 : 500))
    guard let table = after.tables[name] else { return create(model) }
    let letters = table.columns.map { $0.first ?? "v" }
    var csv = "id,\(table.columns.joined(separator: ","))\n"
    for id in ids {
      let fields = zip(table.rows[id] ?? [], letters).map { $0.field($1) }
      csv += "\(id),\(fields.joined(separator: ","))\n"
    }
    return Operation(name: "copy", steps: [.copy(table: name, csv: csv)], after: after)
  }

  mutating func upsert(_ name: String, _ model: Model) -> Operation {
    var (after, ids) = newRows(name, model, 1 + below(6))
    guard let old = model.tables[name], !old.rows.isEmpty, let numbers = old.index("vw"),
      let texts = old.index("s")
    else { return insert(name, model) }
    let known = old.ids
    for _ in 0...below(6) { ids.append(pick(known)) }
    ids = Array(Set(ids)).sorted().shuffled(using: &random)
    var given = TableModel(columns: old.columns)
    let updates = below(2) == 0
    var maker = rowMaker(name, after)
    for id in ids {
      let row = makeRow(&maker)
      given.rows[id] = row
      if var stored = old.rows[id] {
        if updates {
          stored[numbers] = row[numbers]
          stored[texts] = row[texts]
        }
        after.tables[name]?.rows[id] = stored
      } else {
        after.tables[name]?.rows[id] = row
      }
    }
    let (number, text) = (old.columns[numbers], old.columns[texts])
    let action =
      updates
      ? "(id) DO UPDATE SET \(number) = excluded.\(number), \(text) = excluded.\(text)"
      : "DO NOTHING"
    let sql =
      "INSERT INTO \(name) (id, \(old.columns.joined(separator: ", "))) VALUES"
      + " \(values(given, ids)) ON CONFLICT \(action)"
    return Operation(name: "upsert", steps: [.sql(sql)], after: after)
  }

  /// An insert that must be refused whole.
  mutating func duplicate(_ name: String, _ model: Model) -> Operation {
    let (after, ids) = newRows(name, model, 3)
    guard let table = model.tables[name], let known = table.ids.randomElement(using: &random),
      var given = after.tables[name]
    else { return insert(name, model) }
    var maker = rowMaker(name, after)
    given.rows[known] = makeRow(&maker)
    let sql =
      "INSERT INTO \(name) (id, \(table.columns.joined(separator: ", "))) VALUES"
      + " \(values(given, ids + [known]))"
    return Operation(name: "duplicate", steps: [.refused(sql)], after: model)
  }

  // MARK: Changing and removing

  /// Which rows: as SQL, and as a test of a row.
  mutating func condition(
    _ table: TableModel, share: Int
  ) -> (sql: String, matches: (Int, [Cell]) -> Bool) {
    let ids = table.ids
    let group = table.index("g") ?? 0
    switch below(5) {
    case 0 where !ids.isEmpty:
      let start = below(ids.count)
      let (first, last) = (ids[start], ids[min(ids.count - 1, start + ids.count / share)])
      return ("id BETWEEN \(first) AND \(last)", { id, _ in (first...last).contains(id) })
    case 1 where !ids.isEmpty:
      let chosen = Set((0...below(3)).map { _ in pick(ids) }).sorted()
      let list = chosen.map(String.init).joined(separator: ", ")
      return ("id IN (\(list))", { id, _ in chosen.contains(id) })
    case 2:
      let rest = below(share)
      return ("id % \(share) = \(rest)", { id, _ in id % share == rest })
    case 3:
      let number = below(7)
      return ("g = \(number)", { _, row in row[group] == .number(number) })
    default:
      let number = below(7)
      return (
        "g > \(number) AND id % 3 = 1",
        { id, row in
          guard case .number(let value) = row[group] else { return false }
          return value > number && id % 3 == 1
        }
      )
    }
  }

  mutating func delete(_ name: String, _ model: Model, share: Int) -> Operation {
    guard let table = model.tables[name] else { return create(model) }
    let (sql, matches) = condition(table, share: share)
    var after = model
    after.tables[name]?.rows = table.rows.filter { !matches($0.key, $0.value) }
    return Operation(
      name: "delete", steps: [.sql("DELETE FROM \(name) WHERE \(sql)")], after: after)
  }

  mutating func truncate(_ name: String, _ model: Model) -> Operation {
    var after = model
    after.tables[name]?.rows = [:]
    let sql = "TRUNCATE TABLE \(name)"
    // Refused also while nothing refers to its rows.
    if !model.children(of: name).isEmpty {
      return Operation(name: "truncate", steps: [.refused(sql)], after: model)
    }
    return Operation(name: "truncate", steps: [.sql(sql)], after: after)
  }

  mutating func update(_ name: String, _ model: Model) -> Operation {
    guard let table = model.tables[name], let numbers = table.index("vw"),
      let texts = table.index("s"), let groups = table.index("g"), let money = table.index("d")
    else { return create(model) }
    let (sql, matches) = condition(table, share: 6)
    let (number, text) = (table.columns[numbers], table.columns[texts])
    let step = 1 + below(9)
    func add(_ cell: Cell, _ step: Int) -> Cell {
      if case .number(let value) = cell { .number(value + step) } else { .null }
    }
    let choice = below(5)
    let assignment = [
      "\(number) = \(number) + \(step)", "g = (g + \(step)) % 7", "\(text) = 'up ' || \(number)",
      "\(text) = NULL, d = d + 1.25", "\(number) = id % 50, d = NULL",
    ][choice]
    var after = model
    for (id, row) in table.rows where matches(id, row) {
      var row = row
      switch choice {
      case 0: row[numbers] = add(row[numbers], step)
      case 1:
        if case .number(let value) = row[groups] { row[groups] = .number((value + step) % 7) }
      case 2:
        if case .number(let value) = row[numbers] {
          row[texts] = .text("up \(value)")
        } else {
          row[texts] = .null
        }
      case 3:
        row[texts] = .null
        row[money] = add(row[money], 125)
      default:
        row[numbers] = .number(id % 50)
        row[money] = .null
      }
      after.tables[name]?.rows[id] = row
    }
    return Operation(
      name: "update", steps: [.sql("UPDATE \(name) SET \(assignment) WHERE \(sql)")], after: after)
  }

  /// All ids move along, so that each takes the place of another.
  mutating func updateKeys(_ name: String, _ model: Model) -> Operation {
    guard let table = model.tables[name] else { return create(model) }
    let step = 1 + below(3)
    var after = model
    after.tables[name]?.rows = Dictionary(
      uniqueKeysWithValues: table.rows.map { ($0.key + step, $0.value) })
    return Operation(
      name: "update keys", steps: [.sql("UPDATE \(name) SET id = id + \(step)")], after: after)
  }

  mutating func updateFrom(_ name: String, _ model: Model) -> Operation {
    guard let table = model.tables[name], let numbers = table.index("vw"),
      let groups = table.index("g")
    else { return create(model) }
    let (group, step) = (below(7), 1 + below(90))
    let number = table.columns[numbers]
    var after = model
    for (id, row) in table.rows where row[groups] == .number(group) {
      var row = row
      if case .number(let value) = row[numbers] { row[numbers] = .number(value + step) }
      after.tables[name]?.rows[id] = row
    }
    let sql =
      "UPDATE \(name) SET \(number) = \(number) + n.step FROM (VALUES (\(group), \(step)))"
      + " n (k, step) WHERE g = n.k"
    return Operation(name: "update from", steps: [.sql(sql)], after: after)
  }

  mutating func merge(_ name: String, _ model: Model) -> Operation {
    guard let table = model.tables[name], let numbers = table.index("vw"),
      let texts = table.index("s"), let groups = table.index("g")
    else { return create(model) }
    var after = model
    var ids = newIDs(1 + below(8), model)
    let known = table.ids
    if !known.isEmpty { for _ in 0...below(12) { ids.append(pick(known)) } }
    let source = Set(ids).sorted().map { (id: $0, number: below(1000)) }
    let empty = table.columns.map { column -> Cell in
      column.hasPrefix("x") && Model.hasDefaults(name)
        ? .number(Int(column.dropFirst()) ?? 0) : .null
    }
    for (id, number) in source {
      if var row = table.rows[id] {
        row[numbers] = .number(number)
        row[texts] = .null
        after.tables[name]?.rows[id] = number < 250 ? nil : row
      } else {
        var row = empty
        row[groups] = .number(id % 7)
        row[numbers] = .number(number)
        after.tables[name]?.rows[id] = row
      }
    }
    let list = source.map { "(\($0.id), \($0.number))" }.joined(separator: ", ")
    let (number, text) = (table.columns[numbers], table.columns[texts])
    let sql =
      "MERGE INTO \(name) t USING (VALUES \(list)) n (id, n) ON t.id = n.id"
      + " WHEN MATCHED AND n.n < 250 THEN DELETE"
      + " WHEN MATCHED THEN UPDATE SET \(number) = n.n, \(text) = NULL"
      + " WHEN NOT MATCHED THEN INSERT (id, g, \(number)) VALUES (n.id, n.id % 7, n.n)"
    return Operation(name: "merge", steps: [.sql(sql)], after: after)
  }
}
