import Catalog
import Kernels
import SQL

extension TableDefinition {
  /// CREATE TABLE that makes this table again, one column to a line.
  func sql(in catalog: CatalogState) -> String {
    let name = SQLName.quoted(self.name)
    var lines = columns.map { columnLine($0) }
    for key in keys where !isInline(key) {
      let kind = key.isPrimary ? "PRIMARY KEY" : "UNIQUE"
      lines.append(constraint(key.name) + "\(kind) (\(names(key.columns)))")
    }
    for key in foreignKeys {
      let target = catalog.table(key.referencedTable)
      let targetName = SQLName.quoted(target?.name ?? "?")
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
    return text + ";"
  }

  private func columnLine(_ column: ColumnDefinition) -> String {
    var line = "\(SQLName.quoted(column.name)) \(column.type)"
    let key = keys.first { isInline($0) && $0.columns == [column.id] }
    if !column.isNullable, key?.isPrimary != true { line += " NOT NULL" }
    if let text = SQLName.defaultText(of: column) { line += " DEFAULT \(text)" }
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

/// Names and values as SQL reads them back.
enum SQLName {
  /// In double quotes when it is no plain word or a reserved one.
  static func quoted(_ name: String) -> String { SQLWord.quotedIfNeeded(name) }

  /// What stands behind DEFAULT; `nil` without one.
  static func defaultText(of column: ColumnDefinition) -> String? {
    column.defaultText ?? column.defaultValue.map { literal($0, column.type) }
  }

  static func literal(_ value: Value, _ type: LogicalType) -> String {
    let text = TextFormatter.string(value, type)
    if value.isNull || type.isNumeric || type == .boolean { return text }
    return "'"
      + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }
}
