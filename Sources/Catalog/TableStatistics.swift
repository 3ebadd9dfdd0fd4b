import Vectors

/// What is known about one column of a table without reading it. Rows deleted or added lately may be missing: good for
/// choosing plans, not for answers.
public struct ColumnStatistics: Hashable, Sendable {
  /// Lower bound of all values (exact, or below for long strings); `nil` when unknown or all NULL.
  public var minimum: Value?
  /// Upper bound of all values.
  public var maximum: Value?
  /// Rows in which the column is NULL.
  public var nullCount: Int
  /// Estimate of the number of distinct values; `nil` when unknown.
  public var distinctCount: Double?

  /// What is known; nothing by default.
  public init(
    minimum: Value? = nil, maximum: Value? = nil, nullCount: Int = 0, distinctCount: Double? = nil
  ) {
    self.minimum = minimum
    self.maximum = maximum
    self.nullCount = nullCount
    self.distinctCount = distinctCount
  }
}

/// What the planner knows about a table's rows at one snapshot.
public struct TableStatistics: Hashable, Sendable {
  /// Rows of the table.
  public var rowCount: Int
  /// By column; absent when nothing is known.
  public var columns: [ColumnID: ColumnStatistics]

  /// Statistics of a table.
  public init(rowCount: Int, columns: [ColumnID: ColumnStatistics] = [:]) {
    self.rowCount = rowCount
    self.columns = columns
  }
}
