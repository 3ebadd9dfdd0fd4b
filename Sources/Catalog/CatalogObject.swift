import Vectors

/// Names one table, schema, view or sequence for ever; all take theirs from one series and none is used again.
public typealias ObjectID = UInt32
/// The number of a schema; `CatalogState.mainSchema` is always there.
public typealias SchemaID = ObjectID

/// Everything with a name that is no table.
public enum CatalogObject: Hashable, Sendable {
  case schema(SchemaDefinition)
  case view(ViewDefinition)
  case sequence(SequenceDefinition)
  case type(TypeDefinition)

  /// Its number.
  public var id: ObjectID {
    switch self {
    case .schema(let schema): schema.id
    case .view(let view): view.id
    case .sequence(let sequence): sequence.id
    case .type(let type): type.id
    }
  }

  /// Its name as it was written.
  public var name: String {
    switch self {
    case .schema(let schema): schema.name
    case .view(let view): view.name
    case .sequence(let sequence): sequence.name
    case .type(let type): type.name
    }
  }

  /// The schema it is in; schemas are in `main`.
  public var schema: SchemaID {
    switch self {
    case .schema: CatalogState.mainSchema
    case .view(let view): view.schema
    case .sequence(let sequence): sequence.schema
    case .type(let type): type.schema
    }
  }

  /// What it is, as messages say it.
  public var word: String {
    switch self {
    case .schema: "schema"
    case .view: "view"
    case .sequence: "sequence"
    case .type: "type"
    }
  }

  var space: CatalogName.Space {
    switch self {
    case .schema: .schemas
    case .view, .sequence: .relations
    case .type: .types
    }
  }
}

/// A namespace for tables and views, made by CREATE SCHEMA.
public struct SchemaDefinition: Hashable, Sendable {
  public var id: SchemaID
  public var name: String
  /// From COMMENT ON SCHEMA.
  public var comment: String?

  /// A schema.
  public init(id: SchemaID, name: String, comment: String? = nil) {
    self.id = id
    self.name = name
    self.comment = comment
  }
}

/// A query with a name. It is kept as text and bound anew by each statement that reads it, with names looked up as they
/// were when it was made.
public struct ViewDefinition: Hashable, Sendable {
  public var id: ObjectID
  public var schema: SchemaID
  public var name: String
  /// The query's SQL.
  public var text: String
  /// Names of schemas, in the order that bare names in `text` are looked up.
  public var searchPath: [String]
  /// Names that the query's columns had when the view was made. Columns that `*` has brought since are left out.
  public var sources: [String]
  /// The view's own names for them.
  public var columns: [String]
  /// Tables and views that the query reads.
  public var dependencies: [ObjectID]
  /// From COMMENT ON VIEW.
  public var comment: String?

  /// A view.
  public init(
    id: ObjectID, schema: SchemaID, name: String, text: String, searchPath: [String],
    sources: [String], columns: [String], dependencies: [ObjectID], comment: String? = nil
  ) {
    self.id = id
    self.schema = schema
    self.name = name
    self.text = text
    self.searchPath = searchPath
    self.sources = sources
    self.columns = columns
    self.dependencies = dependencies
    self.comment = comment
  }
}

/// A name in its place: tables and views share theirs within a schema.
struct CatalogName: Hashable, Sendable {
  enum Space: Hashable, Sendable { case relations, schemas, types }

  let schema: SchemaID
  let space: Space
  let key: String

  init(_ name: String, in schema: SchemaID, _ space: Space = .relations) {
    self.schema = schema
    self.space = space
    key = CatalogState.key(name)
  }

  init(_ object: CatalogObject) { self.init(object.name, in: object.schema, object.space) }
}
