import Catalog

/// A column of a star or snowflake as seen from its fact table: through which foreign keys it is reached.
/// Two paths to one column (order date and ship date) are two different attributes.
public struct Attribute: Hashable, Sendable {
  /// Columns of the fact, then of each dimension on the way, whose foreign keys lead to `table`; empty for
  /// a column of the fact itself.
  public var path: [ColumnID]
  /// The table that has the column.
  public var table: TableID
  /// The column grouped by.
  public var column: ColumnID

  /// A column of the fact, or of a table reached through `path`.
  public init(path: [ColumnID] = [], table: TableID, column: ColumnID) {
    self.path = path
    self.table = table
    self.column = column
  }
}

/// What is computed per group.
public enum Measure: Hashable, Sendable {
  /// count(*)
  case rowCount
  case count(Attribute)
  case sum(Attribute)
  case minimum(Attribute)
  case maximum(Attribute)
  case average(Attribute)
  case distinctCount(Attribute)
}

/// A materialized aggregate as declared: partial states of `measures` for each combination of `groups`, kept
/// beside every segment of the fact table.
public struct AggregateDefinition: Hashable, Sendable {
  /// Its name.
  public var name: String
  /// The table it aggregates.
  public var fact: TableID
  /// What rows are grouped by.
  public var groups: Set<Attribute>
  /// What is kept per group.
  public var measures: Set<Measure>

  /// A definition, complete.
  public init(name: String, fact: TableID, groups: Set<Attribute>, measures: Set<Measure>) {
    self.name = name
    self.fact = fact
    self.groups = groups
    self.measures = measures
  }
}

/// A declared and validated hierarchy, finest level first: a value of each level decides the value of every
/// level after it (day → month → year).
public struct Hierarchy: Hashable, Sendable {
  /// From fine to coarse.
  public var levels: [Attribute]

  /// A hierarchy of these levels.
  public init(levels: [Attribute]) { self.levels = levels }

  /// Whether `fine` decides `coarse`.
  public func derives(_ coarse: Attribute, from fine: Attribute) -> Bool {
    guard let from = levels.firstIndex(of: fine), let to = levels.firstIndex(of: coarse) else {
      return false
    }
    return from <= to
  }
}
