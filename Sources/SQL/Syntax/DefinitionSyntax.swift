/// What DROP, COMMENT ON and ALTER … RENAME can be about.
public enum ObjectKindSyntax: String, Sendable {
  case table = "TABLE", view = "VIEW", schema = "SCHEMA", sequence = "SEQUENCE", type = "TYPE",
    column = "COLUMN"

  /// As messages say it.
  public var word: String { rawValue.lowercased() }
}

/// `CREATE [OR REPLACE] VIEW [IF NOT EXISTS] name [(columns)] AS query`
public struct CreateViewSyntax: Sendable {
  public var name: QualifiedNameSyntax
  public var ifNotExists: Bool
  public var orReplace: Bool
  /// The view's names for the query's first columns.
  public var columns: [NameSyntax]
  public var query: QuerySyntax
}

/// `DROP TABLE|VIEW|SCHEMA|SEQUENCE [IF EXISTS] a, b [CASCADE|RESTRICT]`
public struct DropSyntax: Sendable {
  public var kind: ObjectKindSyntax
  public var names: [QualifiedNameSyntax]
  public var ifExists: Bool
  public var isCascading: Bool
  public var position: Range<Int>
}

/// `COMMENT ON TABLE|COLUMN|VIEW|SCHEMA name IS 'text'|NULL`
public struct CommentSyntax: Sendable {
  public var kind: ObjectKindSyntax
  public var name: QualifiedNameSyntax
  /// `nil` takes the comment away.
  public var text: String?
}

/// `ALTER VIEW|SCHEMA|SEQUENCE [IF EXISTS] name RENAME TO new`, `ALTER VIEW name SET SCHEMA new`, `ALTER SEQUENCE name`
/// with options
public struct AlterObjectSyntax: Sendable {
  public enum Action: Sendable {
    case rename(NameSyntax)
    case setSchema(NameSyntax)
    /// Of a sequence.
    case setNumbers(SequenceOptionsSyntax)
  }

  public var kind: ObjectKindSyntax
  public var name: QualifiedNameSyntax
  public var ifExists: Bool
  public var action: Action
}

/// `PREPARE name [(types)] AS statement`
public struct PrepareSyntax: Sendable {
  public var name: NameSyntax
  /// Types of the first parameters; others follow from the context.
  public var types: [TypeSyntax]
  public var statement: StatementSyntax
}

/// `EXECUTE name [(value, …)]`, `EXECUTE name (parameter := value, …)`
public struct ExecuteSyntax: Sendable {
  public var name: NameSyntax
  public var arguments: [ArgumentSyntax]
}
