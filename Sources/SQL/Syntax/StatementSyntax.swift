import Vectors

/// One SQL statement as written: names are not looked up, nothing has a type yet. Every `position` in the
/// syntax tree is a range of UTF-8 byte offsets in the text given to the parser.
public struct StatementSyntax: Sendable {
  public indirect enum Kind: Sendable {
    case query(QuerySyntax)
    case createTable(CreateTableSyntax)
    case createView(CreateViewSyntax)
    case createSchema(NameSyntax, ifNotExists: Bool)
    case drop(DropSyntax)
    case alterObject(AlterObjectSyntax)
    case comment(CommentSyntax)
    case prepare(PrepareSyntax)
    case execute(ExecuteSyntax)
    /// `DEALLOCATE name`, or `DEALLOCATE ALL` with `nil`.
    case deallocate(NameSyntax?)
    /// `USE schema`
    case use(NameSyntax)
    case insert(InsertSyntax)
    case delete(DeleteSyntax)
    case update(UpdateSyntax)
    case merge(MergeSyntax)
    case truncate([QualifiedNameSyntax])
    case alterTable(AlterTableSyntax)
    case copy(CopySyntax)
    case explain(ExplainSyntax)
    /// `SHOW TABLES`
    case showTables
    /// `SHOW VERSIONS`
    case showVersions
    /// `SHOW name`, or `SHOW ALL` with `nil`.
    case showSetting(NameSyntax?)
    case describe(DescribeSyntax)
    case checkpoint
    /// `SET name = value`, `SET name TO a, b`
    case set(name: NameSyntax, values: [OptionValueSyntax])
    /// `RESET name`, or `RESET ALL` with `nil`.
    case reset(NameSyntax?)
    case begin(isReadOnly: Bool)
    case commit
    case rollback
    case savepoint(NameSyntax)
    /// `ROLLBACK TO [SAVEPOINT] name`
    case rollbackTo(NameSyntax)
    case release(NameSyntax)
    /// `COMPACT [t]`, also `VACUUM [t]`; all tables with `nil`.
    case compact(QualifiedNameSyntax?)
    /// `VERIFY [TABLE t] [DEEP]`; the whole warehouse with `nil`.
    case verify(QualifiedNameSyntax?, isDeep: Bool)
  }

  public var kind: Kind
  public var position: Range<Int>
  /// What the statement expects from `prepare`: the places of `?` and `$n`, or the names of `:name`.
  public var parameters: ParameterListSyntax

  public init(_ kind: Kind, parameters: ParameterListSyntax, position: Range<Int>) {
    self.kind = kind
    self.parameters = parameters
    self.position = position
  }
}

/// The parameters a statement mentions.
public struct ParameterListSyntax: Sendable, Equatable {
  /// Number of values to give: highest `$n`, count of `?`, or count of names.
  public var count = 0
  /// Names of `:name` parameters by index; empty when parameters are numbered.
  public var names: [String] = []

  public init() {}
}

/// A name as written, without its quotes. Names match case-insensitively, quoted or not.
public struct NameSyntax: Sendable, Hashable {
  public var text: String
  public var isQuoted: Bool
  public var position: Range<Int>

  public init(_ text: String, isQuoted: Bool = false, position: Range<Int>) {
    self.text = text
    self.isQuoted = isQuoted
    self.position = position
  }
}

/// `a`, `s.a`, `s.t.a`: at least one part.
public struct QualifiedNameSyntax: Sendable, Hashable {
  public var parts: [NameSyntax]
  public var position: Range<Int>

  public init(_ parts: [NameSyntax]) {
    precondition(!parts.isEmpty, "a name without parts")
    self.parts = parts
    position = parts[0].position.lowerBound..<parts[parts.count - 1].position.upperBound
  }

  /// The last part.
  public var name: NameSyntax { parts[parts.count - 1] }
  /// The parts before the last.
  public var qualifiers: ArraySlice<NameSyntax> { parts.dropLast() }
  /// All parts with dots, as written but without quotes.
  public var text: String { parts.map(\.text).joined(separator: ".") }
}

/// `CREATE [TEMPORARY] TABLE [IF NOT EXISTS] name (…) [ORDER BY (…)] [ENCODING (…)]` or `… AS query`.
public struct CreateTableSyntax: Sendable {
  public var name: QualifiedNameSyntax
  public var ifNotExists = false
  public var orReplace = false
  public var isTemporary = false
  /// Empty for `CREATE TABLE … AS`.
  public var columns: [ColumnDefinitionSyntax] = []
  public var constraints: [TableConstraintSyntax] = []
  /// Sort key, in order; empty when none.
  public var sortKey: [NameSyntax] = []
  public var encodings: [ColumnEncodingSyntax] = []
  /// The query of `CREATE TABLE … AS`.
  public var query: QuerySyntax?
  /// Names for the query's columns, when given.
  public var queryColumns: [NameSyntax] = []
  /// False after `WITH NO DATA`.
  public var withData = true
  public var position: Range<Int>
}

/// One column of CREATE TABLE with its inline constraints.
public struct ColumnDefinitionSyntax: Sendable {
  public var name: NameSyntax
  public var type: TypeSyntax
  public var isNotNull = false
  public var defaultValue: ExpressionSyntax?
  /// Inline PRIMARY KEY, UNIQUE, REFERENCES and CHECK, each as a constraint over this one column.
  public var constraints: [TableConstraintSyntax] = []
  public var position: Range<Int>
}

/// PRIMARY KEY, UNIQUE, FOREIGN KEY or CHECK, table-level or inline.
public struct TableConstraintSyntax: Sendable {
  public enum Kind: Sendable {
    case primaryKey([NameSyntax])
    case unique([NameSyntax])
    /// `referenced` is empty when the primary key of `table` is meant.
    case foreignKey([NameSyntax], table: QualifiedNameSyntax, referenced: [NameSyntax])
    case check(ExpressionSyntax)
  }

  /// From `CONSTRAINT name`.
  public var name: NameSyntax?
  public var kind: Kind
  /// NOT VALID: rows already there are not checked.
  public var isNotValid = false
  public var position: Range<Int>
}

/// `column ENCODING` within `ENCODING (…)`.
public struct ColumnEncodingSyntax: Sendable {
  public var column: NameSyntax
  public var encoding: NameSyntax
}

/// `COPY t [(columns)] FROM …` and `COPY t | (query) TO …`
public struct CopySyntax: Sendable {
  public enum Subject: Sendable {
    case table(QualifiedNameSyntax, columns: [NameSyntax])
    /// Only with TO.
    case query(QuerySyntax)
  }
  public enum Place: Sendable {
    /// One path, a list of paths, or patterns.
    case files([String])
    /// STDIN or STDOUT.
    case standard
  }

  public var subject: Subject
  /// FROM when true, TO when false.
  public var isFrom: Bool
  public var place: Place
  public var placePosition: Range<Int>
  public var options: [OptionSyntax]
  public var position: Range<Int>
}

/// `NAME [value]` in the options of COPY.
public struct OptionSyntax: Sendable {
  public var name: NameSyntax
  /// `nil` when the option stands alone, as in `HEADER`.
  public var value: OptionValueSyntax?
  public var position: Range<Int>
}

/// The value of an option or setting.
public struct OptionValueSyntax: Sendable {
  public enum Kind: Sendable, Equatable {
    case boolean(Bool)
    case integer(Int64)
    case double(Double)
    /// Text in quotes, or a bare word.
    case text(String)
    case list([String])
    /// `DEFAULT`
    case standard
  }

  public var kind: Kind
  public var position: Range<Int>

  /// The value as text, the way a setting's parser reads it; lists with commas.
  public var text: String {
    switch kind {
    case .boolean(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    case .double(let value): String(value)
    case .text(let value): value
    case .list(let values): values.joined(separator: ",")
    case .standard: "default"
    }
  }
}

/// `EXPLAIN [ANALYZE] statement`
public struct ExplainSyntax: Sendable {
  public var isAnalyze: Bool
  public var statement: StatementSyntax
}

/// `DESCRIBE t`, `DESCRIBE query`, `SUMMARIZE …`
public struct DescribeSyntax: Sendable {
  public enum Subject: Sendable {
    case table(QualifiedNameSyntax)
    case query(QuerySyntax)
  }

  public var subject: Subject
  public var isSummary: Bool
  public var position: Range<Int>
}

/// A type as written; `resolved()` gives the logical type.
public struct TypeSyntax: Sendable, Equatable {
  /// Words of the name in upper case with one space between: `DOUBLE PRECISION`.
  public var name: String
  /// Numbers in parentheses, such as precision and scale.
  public var arguments: [Int]
  public var position: Range<Int>
  /// Of ENUM.
  public var labels: [String] = []
}
