import Catalog
import Kernels
import SQL

extension TableDefinition {
  /// CREATE TABLE that makes this table again, one column to a line.
  func sql(in catalog: CatalogState) -> String {
    let name = SQLName.path(schema, self.name, in: catalog)
    var lines = columns.map { columnLine($0) }
    for key in keys where !isInline(key) {
      let kind = key.isPrimary ? "PRIMARY KEY" : "UNIQUE"
      lines.append(constraint(key.name) + "\(kind) (\(names(key.columns)))")
    }
    for key in foreignKeys {
      let target = catalog.table(key.referencedTable)
      let targetName =
        target.map { SQLName.path($0.schema, $0.name, in: catalog) } ?? "?"
      let referenced = key.referencedColumns.map { id in
        SQLName.quoted(target?.columns.first { $0.id == id }?.name ?? "?")
      }
      lines.append(
        constraint(key.name) + "FOREIGN KEY (\(names(key.columns))) REFERENCES \(targetName) "
          + "(\(referenced.joined(separator: ", ")))" + (key.isValidated ? "" : " NOT VALID"))
    }
    for check in checks {
      lines.append(
        constraint(check.name) + "CHECK (\(check.text))" + (check.isValidated ? "" : " NOT VALID"))
    }
    var text = "CREATE TABLE \(name) (\n  " + lines.joined(separator: ",\n  ") + "\n)"
    if !sortKey.isEmpty { text += " ORDER BY (\(names(sortKey)))" }
    let encodings = columns.compactMap { column in
      column.forcedEncoding.map { "\(SQLName.quoted(column.name)) \($0)" }
    }
    if !encodings.isEmpty { text += " ENCODING (\(encodings.joined(separator: ", ")))" }
    text += ";"
    if let comment { text += "\nCOMMENT ON TABLE \(name) IS \(SQLName.text(comment));" }
    for column in columns {
      guard let comment = column.comment else { continue }
      text +=
        "\nCOMMENT ON COLUMN \(name).\(SQLName.quoted(column.name)) IS \(SQLName.text(comment));"
    }
    return text
  }

  private func columnLine(_ column: ColumnDefinition) -> String {
    var line = "\(SQLName.quoted(column.name)) \(column.type)"
    let key = keys.first { isInline($0) && $0.columns == [column.id] }
    if !column.isNullable, key?.isPrimary != true { line += " NOT NULL" }
    if let text = column.defaultSQL { line += " DEFAULT \(text)" }
    if let key { line += key.isPrimary ? " PRIMARY KEY" : " UNIQUE" }
    return line
  }

  private func isInline(_ key: KeyDefinition) -> Bool { key.columns.count == 1 && key.name == nil }

  private func constraint(_ name: String?) -> String {
    name.map { "CONSTRAINT \(SQLName.quoted($0)) " } ?? ""
  }

  private func names(_ ids: [ColumnID]) -> String {
    ids.map { id in SQLName.quoted(columns.first { $0.id == id }?.name ?? "?") }.joined(
      separator: ", ")
  }
}

/// Names as SQL reads them back.
enum SQLName {
  /// In double quotes when it is no plain word or a reserved one.
  static func quoted(_ name: String) -> String { SQLWord.quotedIfNeeded(name) }

  /// With its schema unless that is `main`.
  static func path(_ schema: SchemaID, _ name: String, in catalog: CatalogState) -> String {
    schema == CatalogState.mainSchema
      ? quoted(name) : "\(quoted(catalog.schemaName(schema))).\(quoted(name))"
  }

  /// A text in quotes.
  static func text(_ text: String) -> String { LiteralText.text(.string(text), .varchar) }
}

extension SchemaDefinition {
  /// CREATE SCHEMA that makes this schema again.
  var sql: String {
    let name = SQLName.quoted(self.name)
    let comment = comment.map { "\nCOMMENT ON SCHEMA \(name) IS \(SQLName.text($0));" } ?? ""
    return "CREATE SCHEMA \(name);" + comment
  }
}

extension ViewDefinition {
  /// CREATE VIEW that makes this view again.
  func sql(in catalog: CatalogState) -> String {
    let name = SQLName.path(schema, self.name, in: catalog)
    var text = "CREATE VIEW \(name)"
    if columns != sources {
      text += " (\(columns.map { SQLName.quoted($0) }.joined(separator: ", ")))"
    }
    text += " AS \(self.text);"
    if let comment { text += "\nCOMMENT ON VIEW \(name) IS \(SQLName.text(comment));" }
    return text
  }
}
