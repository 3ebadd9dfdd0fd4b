import Stoa

/// One row as salvage may bring it back: under another name of its table or its columns, with a column added or dropped
/// since. What is left of it then is its `id` and the values of columns that are neither added nor dropped.
struct SalvagedRow: Hashable, CustomStringConvertible {
  private let id: Int
  private let values: [Character: Cell]

  private init(id: Int, _ columns: [String], _ row: [Cell]) {
    self.id = id
    var values: [Character: Cell] = [:]
    for (column, cell) in zip(columns, row) {
      // Columns that lost commits added are called `column_7`.
      guard let letter = column.first, letter != "x", !column.hasPrefix("column_") else { continue }
      // `v` becomes `w` when it is widened.
      values[letter == "w" ? "v" : letter] = cell
    }
    self.values = values
  }

  var description: String { "\(id) \(values.sorted { $0.key < $1.key })" }

  static func all(in model: Model) -> [SalvagedRow] {
    model.tables.values.flatMap { table in
      table.rows.map { SalvagedRow(id: $0.key, table.columns, $0.value) }
    }
  }

  /// The rows of all tables, those of `lost_and_found_…` without the number of their segment.
  static func read(_ session: Session) throws -> [SalvagedRow] {
    var rows: [SalvagedRow] = []
    for name in try session.tables() {
      let result = try session.execute("SELECT * FROM \(name)")
      let names = result.columns.map(\.name)
      // Columns of tables whose names are lost have none either.
      guard let place = names.firstIndex(of: "id") else {
        try result.drain()
        continue
      }
      while let row = try result.nextRow() {
        guard case .integer(let id) = row[place] else { continue }
        rows.append(
          SalvagedRow(
            id: Int(id), Array(names.dropFirst(place + 1)),
            row.values.dropFirst(place + 1).map { Cell($0) }))
      }
    }
    return rows
  }
}
