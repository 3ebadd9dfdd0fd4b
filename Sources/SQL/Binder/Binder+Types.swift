import Catalog
import Kernels
import Vectors

/// CREATE TYPE and names of types.
extension Binder {
  /// The type of this name: one of the language, or one that CREATE TYPE made.
  func resolved(_ syntax: TypeSyntax) throws(StoaError) -> LogicalType {
    do throws(StoaError) {
      return try syntax.resolved()
    } catch {
      guard syntax.arguments.isEmpty, syntax.labels.isEmpty,
        let type = findType(
          QualifiedNameSyntax(
            syntax.name.split(separator: ".").map {
              NameSyntax(String($0), position: syntax.position)
            }))
      else { throw error }
      dependencies.insert(type.id)
      return .enumeration(type.type)
    }
  }

  func findType(_ name: QualifiedNameSyntax) -> TypeDefinition? {
    schemas(of: name, in: catalog).lazy.compactMap {
      self.catalog.type(named: name.name.text, in: $0)
    }.first
  }

  func type(named name: QualifiedNameSyntax) throws(StoaError) -> TypeDefinition {
    if let type = findType(name) { return type }
    throw StoaError(
      .binding, "there is no type \"\(name.text)\" made by CREATE TYPE",
      hint: Suggestion.hint(for: name.name.text, among: catalog.sortedTypes.map(\.name)),
      position: name.position)
  }

  func bindCreateType(
    _ name: QualifiedNameSyntax, _ definition: TypeSyntax
  ) throws(StoaError) -> BoundDefinition {
    let schema = try newSchema(name)
    let text = name.name.text
    let known = TypeSyntax(name: text.uppercased(), arguments: [], position: name.position)
    guard !text.isEmpty, (try? known.resolved()) == nil, !TypeSyntax.isKnown(known.name) else {
      throw StoaError(
        .binding, "\"\(text)\" cannot be the name of a type", position: name.position)
    }
    guard case .enumeration(let labels) = try definition.resolved() else {
      throw StoaError(
        .unsupported, "CREATE TYPE makes ENUMs only", hint: "Write AS ENUM ('a', 'b')",
        position: definition.position)
    }
    let path = schema == CatalogState.mainSchema ? text : "\(catalog.schemaName(schema)).\(text)"
    let type = TypeDefinition(
      id: catalog.nextTableID, schema: schema, name: text,
      type: EnumType(name: path, labels: labels.labels))
    let edit = CatalogEdit.createObject(.type(type))
    var changed = catalog
    do throws(StoaError) { try changed.apply(edit) } catch { throw error.at(name.position) }
    return BoundDefinition(.create, [edit])
  }

  /// - Throws: when a DEFAULT, CHECK or generated column could not be bound any more without what goes.
  func requireBindable(after edits: [CatalogEdit]) throws(StoaError) {
    let isType = edits.contains { edit in
      if case .dropObject(let id) = edit { catalog.type(id) != nil } else { false }
    }
    guard isType else { return }
    var changed = catalog
    for edit in edits { try changed.apply(edit) }
    let after = Binder(catalog: changed, text: "", searchPath: searchPath, showsPlaces: false)
    (after.context, after.sequences) = (context, sequences)
    for table in changed.sortedTables {
      do throws(StoaError) {
        _ = try after.bindChecks(of: table)
        _ = try after.bindGenerated(of: table)
        for column in table.columns { _ = try after.defaultExpression(of: column) }
      } catch {
        throw StoaError(
          .binding, "table \"\(table.name)\" would not work any more: \(error.message)",
          hint: "Change it first")
      }
    }
  }
}

extension LogicalType {
  /// What lists of columns show: the name of a type that has one.
  public var shownName: String {
    if case .enumeration(let type) = self, let name = type.name { return name }
    return description
  }
}
