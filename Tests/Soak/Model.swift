import Stoa

/// One value as the model keeps it: decimals as hundredths, as the engine has them.
enum Cell: Hashable, Sendable {
  case null
  case number(Int)
  case text(String)

  init(_ value: Value) {
    switch value {
    case .null: self = .null
    case .integer(let number): self = .number(Int(clamping: number))
    case .string(let text): self = .text(text)
    case .boolean, .double, .bytes: self = .text("\(value)")
    }
  }

  /// A literal for a column whose name begins with `letter`.
  func literal(_ letter: Character) -> String {
    switch self {
    case .null: return "NULL"
    case .text(let text): return "'\(text)'"
    case .number(let number): return letter == "d" ? Cell.hundredths(number) : String(number)
    }
  }

  /// A field of a file; empty for NULL.
  func field(_ letter: Character) -> String {
    switch self {
    case .null: ""
    case .text(let text): text
    case .number: literal(letter)
    }
  }

  /// As programs hand values over; texts are cast.
  func value(_ letter: Character) -> Value {
    switch self {
    case .null: .null
    case .text(let text): .string(text)
    case .number(let number):
      letter == "d" ? .string(Cell.hundredths(number)) : .integer(Int128(number))
    }
  }

  private static func hundredths(_ number: Int) -> String {
    let rest = String(100 + abs(number) % 100).dropFirst()
    return "\(number < 0 ? "-" : "")\(abs(number) / 100).\(rest)"
  }
}

/// What a table must hold. The first letter of a column says what is in it: `g` a group (INTEGER), `v` and `w`
/// numbers (INTEGER, BIGINT), `s` a text, `d` a DECIMAL(12,2), `x7` an INTEGER whose default is 7, `k` an INTEGER that is
/// unique, `r3` and `q3` a row of table `u3` by its `id` and by its `k`.
struct TableModel: Equatable, Sendable {
  /// Without `id`, which is first in every table.
  var columns: [String]
  /// By `id`, which is unique also where no key says so.
  var rows: [Int: [Cell]] = [:]

  var ids: [Int] { rows.keys.sorted() }

  /// What is not NULL in the first column of that letter.
  func numbers(_ letter: String) -> [Int] {
    guard let index = index(letter) else { return [] }
    return rows.values.compactMap {
      if case .number(let number) = $0[index] { number } else { nil }
    }
  }

  func index(_ letters: String) -> Int? {
    columns.firstIndex { $0.first.map { letters.contains($0) } ?? false }
  }
}

/// What a warehouse must hold. A table's name is a prefix (whose it is), a letter (`p` with a primary key, `h`
/// without, `c` made of a query, `u` with UNIQUE and CHECK beside the primary key, `f` with foreign keys to such a one)
/// and a number.
struct Model: Equatable, Sendable {
  var tables: [String: TableModel] = [:]

  var names: [String] { tables.keys.sorted() }
  var rowCount: Int { tables.values.reduce(0) { $0 + $1.rows.count } }

  static func letter(_ name: String) -> Character { name.dropFirst().first ?? "h" }
  static func hasKey(_ name: String) -> Bool { "puf".contains(letter(name)) }
  static func hasDefaults(_ name: String) -> Bool { letter(name) != "c" }

  /// The table that a column of `name` refers to, by its name.
  static func parent(of name: String, _ column: String) -> String? {
    guard "rq".contains(column.first ?? " ") else { return nil }
    return "\(name.prefix(1))u\(column.dropFirst())"
  }

  /// Tables with foreign keys to `name`.
  func children(of name: String) -> [String] {
    guard Model.letter(name) == "u" else { return [] }
    return names.filter { child in
      Model.letter(child) == "f"
        && tables[child]?.columns.contains { Model.parent(of: child, $0) == name } == true
    }
  }

  /// Whether all constraints hold.
  var isValid: Bool { tables.allSatisfy { isValid($0.key, $0.value) } }

  private func isValid(_ name: String, _ table: TableModel) -> Bool {
    switch Model.letter(name) {
    case "u":
      if let groups = table.index("g") {
        for row in table.rows.values {
          if case .number(let group) = row[groups], !(0..<7).contains(group) { return false }
        }
      }
      let keys = table.numbers("k")
      return Set(keys).count == keys.count
    case "f":
      return table.columns.indices.allSatisfy { index in
        let column = table.columns[index]
        guard let parent = Model.parent(of: name, column).flatMap({ tables[$0] }) else {
          return Model.parent(of: name, column) == nil
        }
        let known = column.hasPrefix("r") ? Set(parent.rows.keys) : Set(parent.numbers("k"))
        return table.rows.values.allSatisfy { row in
          if case .number(let key) = row[index] { known.contains(key) } else { true }
        }
      }
    default: return true
    }
  }

  /// The state with what `first` and `second` did to the rows of this one, one after the other in either order.
  /// - Returns: `nil` when both touched the same row, or the constraints do not hold then.
  func merged(_ first: Model, _ second: Model) -> Model? {
    var result = second
    for (name, table) in tables {
      guard let mine = first.tables[name], let others = second.tables[name] else { return nil }
      for id in Set(table.rows.keys).union(mine.rows.keys)
      where mine.rows[id] != table.rows[id] {
        guard others.rows[id] == table.rows[id] else { return nil }
        result.tables[name]?.rows[id] = mine.rows[id]
      }
    }
    return result.isValid ? result : nil
  }

  /// Whether both put a new row under one `id` into a table without a key: nothing forbids that, and a model, which knows
  /// rows by their `id`, cannot hold it.
  func meetWithoutKey(_ first: Model, _ second: Model) -> Bool {
    tables.contains { name, table in
      guard !Model.hasKey(name), let mine = first.tables[name], let others = second.tables[name]
      else { return false }
      return mine.rows.keys.contains { table.rows[$0] == nil && others.rows[$0] != nil }
    }
  }

  /// The tables of one owner.
  func owned(by prefix: String) -> Model {
    Model(tables: tables.filter { $0.key.hasPrefix(prefix) })
  }

  /// Reads all tables, in one transaction because other processes may drop some; or those of an earlier version.
  /// - Returns: what is there, and how many rows have the `id` of another one.
  static func read(
    _ session: Session, version: (commit: UInt64, names: [String])? = nil
  ) throws -> (model: Model, duplicateCount: Int) {
    var model = Model()
    var duplicateCount = 0
    try session.execute("BEGIN READ ONLY")
    defer { _ = try? session.execute("ROLLBACK") }
    for name in try version?.names ?? session.tables() {
      let at = version.map { " AT (VERSION => \($0.commit))" } ?? ""
      let result = try session.execute("SELECT * FROM \(name)\(at)")
      var table = TableModel(columns: result.columns.dropFirst().map(\.name))
      var count = 0
      while let row = try result.nextRow() {
        let values = row.values
        guard case .integer(let id)? = values.first else { continue }
        count += 1
        table.rows[Int(id)] = values.dropFirst().map { Cell($0) }
      }
      duplicateCount += count - table.rows.count
      model.tables[name] = table
    }
    return (model, duplicateCount)
  }

  /// What this model has and `other` lacks or has otherwise, in a line.
  func difference(to other: Model) -> String {
    var parts: [String] = []
    for name in Set(names + other.names).sorted() {
      guard let mine = tables[name] else { parts.append("\(name) is too much"); continue }
      guard let theirs = other.tables[name] else { parts.append("\(name) is missing"); continue }
      if mine.columns != theirs.columns { parts.append("\(name): columns \(theirs.columns)") }
      let missing = mine.ids.filter { theirs.rows[$0] == nil }
      let extra = theirs.ids.filter { mine.rows[$0] == nil }
      let other = mine.ids.filter { theirs.rows[$0] != nil && theirs.rows[$0] != mine.rows[$0] }
      for (word, ids) in [("missing", missing), ("too much", extra), ("other", other)]
      where !ids.isEmpty { parts.append("\(name): \(ids.count) \(word) (\(ids.prefix(4)))") }
    }
    return parts.joined(separator: "; ")
  }
}
