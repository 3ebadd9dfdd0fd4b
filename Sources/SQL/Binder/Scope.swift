import Catalog
import Kernels
import Vectors

/// The columns that names can mean at one place of a query, and the scopes around it.
final class Scope {
  /// A column under the name of the table it came from.
  struct Entry {
    /// What the query calls the table; empty for columns merged by USING.
    var table: String
    var name: String
    var column: PlanColumn
    /// Merged away by USING or NATURAL: only reachable as `table.column`.
    var isHidden = false
    /// Lower-case name of the table's schema; `nil` for what is no table.
    var schemaKey: String?
    let tableKey: String
    let key: String

    init(table: String, name: String, column: PlanColumn, schema: String? = nil) {
      self.table = table
      schemaKey = schema.map(CatalogState.key)
      self.name = name
      self.column = column
      tableKey = CatalogState.key(table)
      key = CatalogState.key(name)
    }
  }

  private(set) var entries: [Entry] = []
  /// Scope of the query around this one; a name found there makes a subquery correlated.
  let parent: Scope?
  /// Takes aggregates over this scope's columns that subqueries of the select list or HAVING contain.
  weak var aggregates: AggregateCollector?
  /// Common tables visible here, innermost first.
  var commonTables: CommonTables?

  init(parent: Scope?, commonTables: CommonTables?) {
    self.parent = parent
    self.commonTables = commonTables
  }

  /// Ids of the scope's own columns.
  var columnIDs: Set<Int> { Set(entries.lazy.map(\.column.id)) }

  func add(_ entry: Entry) { entries.append(entry) }

  func replaceEntries(_ entries: [Entry]) { self.entries = entries }

  func hasTable(_ name: String) -> Bool {
    let key = CatalogState.key(name)
    return entries.contains { $0.tableKey == key }
  }

  /// Entries that star means, all or of one table; merged columns come first.
  func starEntries(of table: String?) -> [Entry] {
    guard let table else { return entries.filter { !$0.isHidden } }
    let key = CatalogState.key(table)
    return entries.filter { $0.tableKey == key }
  }

  /// Looks a name up here only.
  /// - Returns: `nil` when nothing has that name.
  /// - Throws: `.binding` when more than one column has it.
  func resolveHere(_ name: QualifiedNameSyntax) throws(StoaError) -> Entry? {
    let column = CatalogState.key(name.name.text)
    let (schema, table) = try tableKey(of: name)
    var found: Entry?
    for entry in entries where entry.key == column {
      if let table {
        guard entry.tableKey == table, schema == nil || entry.schemaKey == schema else { continue }
      } else if entry.isHidden {
        continue
      }
      if let first = found, first.column.id != entry.column.id {
        throw StoaError(
          .binding, "column \"\(name.text)\" is ambiguous",
          hint: "It could be \(Scope.path(first)) or \(Scope.path(entry))", position: name.position)
      }
      found = entry
    }
    return found
  }

  /// Names a user could have meant here or further out.
  var candidates: [String] {
    entries.map(\.name) + (parent?.candidates ?? [])
  }

  private func tableKey(
    of name: QualifiedNameSyntax
  ) throws(StoaError) -> (schema: String?, table: String?) {
    let parts = name.parts.map { CatalogState.key($0.text) }
    switch parts.count {
    case 1: return (nil, nil)
    case 2: return (nil, parts[0])
    case 3: return (parts[0], parts[1])
    default:
      throw StoaError(
        .binding, "there is no column \"\(name.text)\"",
        hint: "Columns are written column, table.column or schema.table.column",
        position: name.position)
    }
  }

  private static func path(_ entry: Entry) -> String {
    entry.table.isEmpty ? "\"\(entry.name)\"" : "\"\(entry.table).\(entry.name)\""
  }
}

/// Tables of WITH clauses, as a chain from the innermost clause outwards.
final class CommonTables {
  /// A common table bound once.
  struct Shared {
    var number: Int
    var columns: [PlanColumn]
    var plan: LogicalPlan
    var nonNullColumns: Set<Int>
  }

  /// One table of a WITH clause.
  final class Table {
    let syntax: CommonTableSyntax
    let key: String
    /// Bound once and shared; `nil` when each use binds the query anew.
    var shared: Shared?
    /// What is visible to the query itself.
    var environment: CommonTables?
    /// The query around; only of tables of WITH RECURSIVE.
    var parent: Scope?
    var group: RecursiveGroup?
    var state = BindingState.bound
    /// While the step of a recursion is bound.
    var working: Working?
    /// Somebody wanted its columns before they were known.
    var isReferredToEarly = false

    init(_ syntax: CommonTableSyntax, environment: CommonTables?) {
      self.syntax = syntax
      self.environment = environment
      key = CatalogState.key(syntax.name.text)
    }
  }

  let table: Table
  let outer: CommonTables?

  init(_ table: Table, outer: CommonTables?) {
    self.table = table
    self.outer = outer
  }

  func find(_ key: String) -> Table? {
    var next: CommonTables? = self
    while let link = next {
      if link.table.key == key { return link.table }
      next = link.outer
    }
    return nil
  }

  var names: [String] { [table.syntax.name.text] + (outer?.names ?? []) }
}
