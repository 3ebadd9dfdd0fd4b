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
    case .boolean, .double: self = .text("\(value)")
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
/// numbers (INTEGER, BIGINT), `s` a text, `d` a DECIMAL(12,2), `x7` an INTEGER whose default is 7.
struct TableModel: Equatable, Sendable {
  /// Without `id`, which is first in every table.
  var columns: [String]
  /// By `id`, which is unique also where no key says so.
  var rows: [Int: [Cell]] = [:]

  var ids: [Int] { rows.keys.sorted() }

  func index(_ letters: String) -> Int? {
    columns.firstIndex { $0.first.map { letters.contains($0) } ?? false }
  }
}

/// What a warehouse must hold. A table's name is a prefix (whose it is), a letter (`p` with a primary key, `h`
/// without, `c` made of a query) and a number.
struct Model: Equatable, Sendable {
  var tables: [String: TableModel] = [:]

  var names: [String] { tables.keys.sorted() }
  var rowCount: Int { tables.values.reduce(0) { $0 + $1.rows.count } }

  static func hasKey(_ name: String) -> Bool { name.dropFirst().first == "p" }
  static func hasDefaults(_ name: String) -> Bool { name.dropFirst().first != "c" }

  /// The tables of one owner.
  func owned(by prefix: String) -> Model {
    Model(tables: tables.filter { $0.key.hasPrefix(prefix) })
  }

  /// Reads all tables, in one transaction because other processes may drop some.
  /// - Returns: what is there, and how many rows have the `id` of another one.
  static func read(_ session: Session) throws -> (model: Model, duplicateCount: Int) {
    var model = Model()
    var duplicateCount = 0
    try session.execute("BEGIN READ ONLY")
    defer { _ = try? session.execute("ROLLBACK") }
    for name in try session.tables() {
      let result = try session.execute("SELECT * FROM \(name)")
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
