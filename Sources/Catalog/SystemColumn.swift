/// Columns that every table has without declaring them; their ids are never given to others. Users cannot
/// name them.
public enum SystemColumn {
  /// The commit that added the row; BIGINT.
  public static let commit: ColumnID = .max - 1
  /// The load that added the row; BIGINT.
  public static let load: ColumnID = .max - 2
  /// Names the row within one snapshot of its table: ordinal of the row's source (segment, or rows not yet in
  /// one) << 32 | position in it; BIGINT, never NULL, unique. Statements that change rows ask for it.
  public static let row: ColumnID = .max - 3

  /// What EXPLAIN calls it; `nil` for columns of tables.
  public static func name(of column: ColumnID) -> String? {
    switch column {
    case commit: "$commit"
    case load: "$load"
    case row: "$row"
    default: nil
    }
  }
}
