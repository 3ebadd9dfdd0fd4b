import Catalog
import Encodings
import SQL
import Storage

/// CREATE TABLE.
extension Session {
  func createTable(
    _ create: BoundCreateTable, _ transaction: WriteTransaction, _ parameters: [Value]
  ) throws(StoaError) -> QueryResult {
    guard create.isNeeded else {
      return QueryResult(notices: ["Table \(create.table.name) exists already"])
    }
    try Session.requireEncodings(of: create.table)
    if let replaced = create.replaced { try transaction.apply(.dropTable(replaced)) }
    var table = create.table
    table.id = transaction.catalog.nextTableID &+ UInt32(clamping: create.sequences.count)
    for var sequence in create.sequences {
      sequence.id = transaction.catalog.nextTableID
      sequence.owner = table.id
      try transaction.apply(.createObject(.sequence(sequence)))
      guard let index = table.index(of: sequence.ownerColumn) else { continue }
      let name = SQLName.path(sequence.schema, sequence.name, in: transaction.catalog)
      table.columns[index].defaultText = "nextval(\(SQLName.text(name)))"
      table.columns[index].sequences = [sequence.id]
    }
    table.foreignKeys = table.foreignKeys.map { key in
      var key = key
      if key.referencedTable == 0 { key.referencedTable = table.id }
      return key
    }
    try transaction.apply(.createTable(table))
    guard let source = create.source else { return QueryResult() }
    return try insert(BoundInsert(table: table, source: source), transaction, parameters)
  }

  /// ENCODING names something that exists.
  private static func requireEncodings(of table: TableDefinition) throws(StoaError) {
    for column in table.columns {
      guard let name = column.forcedEncoding, EncodingID(name: name) == nil else { continue }
      let known = EncodingID.allCases.map(\.name)
      throw StoaError(
        .binding, "there is no encoding \(name)",
        hint: "Encodings: " + known.joined(separator: ", "),
        column: column.name, table: table.name)
    }
  }
}
