import Vectors

/// A type of labels with a name, made by CREATE TYPE … AS ENUM.
public struct TypeDefinition: Hashable, Sendable {
  public var id: ObjectID
  public var schema: SchemaID
  public var name: String
  /// Has the name under which columns show it, so that no two definitions share one.
  public var type: EnumType

  /// A type by the name `name`.
  public init(id: ObjectID, schema: SchemaID, name: String, type: EnumType) {
    self.id = id
    self.schema = schema
    self.name = name
    self.type = type
  }
}

extension CatalogState {
  /// The type of this number.
  public func type(_ id: ObjectID) -> TypeDefinition? {
    if case .type(let type) = objects[id] { type } else { nil }
  }

  /// The type of this name, in any case.
  public func type(named name: String, in schema: SchemaID = mainSchema) -> TypeDefinition? {
    object(named: name, in: schema, .types).flatMap { type($0) }
  }

  /// All named types, those of `main` first, by name.
  public var sortedTypes: [TypeDefinition] {
    objects.keys.compactMap { type($0) }.sorted {
      ($0.schema, CatalogState.key($0.name)) < ($1.schema, CatalogState.key($1.name))
    }
  }

  /// Tables with a column of this type.
  public func tables(of type: TypeDefinition) -> [TableDefinition] {
    sortedTables.filter { $0.columns.contains { $0.type == .enumeration(type.type) } }
  }
}
