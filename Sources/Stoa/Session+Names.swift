import Catalog
import SQL

/// Names that programs give, without quotes.
extension Session {
  /// Name and schema of the table, there or new, that an import means by `table` or `schema.table`.
  func target(
    _ text: String, _ catalog: CatalogState
  ) throws(StoaError) -> (name: String, schema: SchemaID) {
    if let table = catalog.table(written: text, searchPath: settings.searchPath) {
      return (table.name, table.schema)
    }
    if let view = catalog.view(written: text, searchPath: settings.searchPath) {
      throw StoaError(.binding, "\"\(view.name)\" is a view, not a table")
    }
    if let dot = text.firstIndex(of: "."), let schema = catalog.schema(named: String(text[..<dot]))
    {
      return (String(text[text.index(after: dot)...]), schema)
    }
    guard let schema = settings.searchPath.lazy.compactMap({ catalog.schema(named: $0) }).first
    else {
      throw StoaError(.binding, "no schema of the search path is there")
    }
    return (text, schema)
  }
}
