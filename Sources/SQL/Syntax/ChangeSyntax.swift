/// `[WITH …] INSERT INTO t [AS a] [(columns)] VALUES … | query | DEFAULT VALUES [ON CONFLICT …] [RETURNING …]`
public struct InsertSyntax: Sendable {
  public var with: WithSyntax?
  public var table: QualifiedNameSyntax
  public var alias: NameSyntax?
  /// Empty when all columns are meant, in order.
  public var columns: [NameSyntax]
  /// `nil` for DEFAULT VALUES. In a VALUES query an item may be `.defaultValue`.
  public var query: QuerySyntax?
  public var conflict: ConflictSyntax?
  /// Empty without RETURNING.
  public var returning: [SelectItemSyntax]
  public var position: Range<Int>
}

/// `ON CONFLICT [(columns)] DO NOTHING | DO UPDATE SET … [WHERE …]`
public struct ConflictSyntax: Sendable {
  public enum Action: Sendable {
    case nothing
    case update([AssignmentSyntax], filter: ExpressionSyntax?)
  }

  /// Empty when any key is meant, which only DO NOTHING may.
  public var columns: [NameSyntax]
  public var action: Action
  public var position: Range<Int>
}

/// `[WITH …] DELETE FROM t [AS a] [USING …] [WHERE …] [RETURNING …]`
public struct DeleteSyntax: Sendable {
  public var with: WithSyntax?
  public var table: QualifiedNameSyntax
  public var alias: NameSyntax?
  public var using: [TableReferenceSyntax]
  public var filter: ExpressionSyntax?
  public var returning: [SelectItemSyntax]
  public var position: Range<Int>
}

/// `[WITH …] UPDATE t [AS a] SET c = e, … [FROM …] [WHERE …] [RETURNING …]`
public struct UpdateSyntax: Sendable {
  public var with: WithSyntax?
  public var table: QualifiedNameSyntax
  public var alias: NameSyntax?
  public var assignments: [AssignmentSyntax]
  public var from: [TableReferenceSyntax]
  public var filter: ExpressionSyntax?
  public var returning: [SelectItemSyntax]
  public var position: Range<Int>
}

/// `column = value`, or `(a, b) = (1, 2)` and `(a, b) = (SELECT …)`.
public struct AssignmentSyntax: Sendable {
  /// At least one.
  public var columns: [NameSyntax]
  /// Whether the columns stood in parentheses.
  public var isList: Bool
  public var value: ExpressionSyntax
}

/// `[WITH …] MERGE INTO t [AS a] USING s ON condition WHEN … THEN … [RETURNING …]`
public struct MergeSyntax: Sendable {
  public var with: WithSyntax?
  public var table: QualifiedNameSyntax
  public var alias: NameSyntax?
  public var source: TableReferenceSyntax
  public var condition: ExpressionSyntax
  /// At least one.
  public var clauses: [MergeClauseSyntax]
  public var returning: [SelectItemSyntax]
  public var position: Range<Int>
}

/// `WHEN [NOT] MATCHED [BY SOURCE | BY TARGET] [AND condition] THEN action`
public struct MergeClauseSyntax: Sendable {
  public enum Match: Sendable, Equatable {
    case matched
    /// `NOT MATCHED [BY TARGET]`: a source row without a target row.
    case notMatched
    /// `NOT MATCHED BY SOURCE`: a target row without a source row.
    case notMatchedBySource
  }
  public enum Action: Sendable {
    case update([AssignmentSyntax])
    case delete
    /// `columns` is empty when all are meant; `values` is `nil` for DEFAULT VALUES.
    case insert(columns: [NameSyntax], values: [ExpressionSyntax]?)
    case nothing
  }

  public var match: Match
  public var condition: ExpressionSyntax?
  public var action: Action
  public var position: Range<Int>
}

/// `ALTER TABLE [IF EXISTS] t action, …`
public struct AlterTableSyntax: Sendable {
  public enum Action: Sendable {
    case addColumn(ColumnDefinitionSyntax, ifNotExists: Bool)
    case dropColumn(NameSyntax, ifExists: Bool)
    case renameColumn(NameSyntax, to: NameSyntax)
    case setSchema(NameSyntax)
    case renameTable(to: NameSyntax)
    case setType(NameSyntax, TypeSyntax)
    case setDefault(NameSyntax, ExpressionSyntax)
    case dropDefault(NameSyntax)
    case setNotNull(NameSyntax)
    case dropNotNull(NameSyntax)
    case addConstraint(TableConstraintSyntax)
    case validateConstraint(NameSyntax)
    case dropConstraint(NameSyntax, ifExists: Bool)
    case renameConstraint(NameSyntax, to: NameSyntax)
  }

  public var table: QualifiedNameSyntax
  public var ifExists: Bool
  /// At least one; those that rename stand alone.
  public var actions: [(action: Action, position: Range<Int>)]
  public var position: Range<Int>
}
