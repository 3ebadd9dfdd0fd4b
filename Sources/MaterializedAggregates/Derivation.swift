import Catalog

/// What a query asks of one fact table, reduced to what decides whether an aggregate can answer it.
public struct AggregateQuestion: Hashable, Sendable {
  /// The fact table asked about.
  public var fact: TableID
  /// What the query groups by.
  public var groups: Set<Attribute>
  /// Attributes that predicates before grouping look at.
  public var filtered: Set<Attribute>
  /// What it computes per group.
  public var measures: Set<Measure>

  /// A question, complete.
  public init(
    fact: TableID, groups: Set<Attribute>, filtered: Set<Attribute> = [], measures: Set<Measure>
  ) {
    self.fact = fact
    self.groups = groups
    self.filtered = filtered
    self.measures = measures
  }
}

/// Why an aggregate cannot answer a question; what `EXPLAIN WHY NOT` will print.
public enum DerivationObstacle: Hashable, Sendable {
  case otherFact
  /// The group is neither kept nor decided by one that is.
  case group(Attribute)
  /// The predicate looks at something that grouping has thrown away.
  case predicate(Attribute)
  /// The measure follows from none that is kept.
  case measure(Measure)
}

extension AggregateDefinition {
  /// The first obstacle to answering `question` from this aggregate, or `nil` when it can be answered.
  /// Obstacles are looked for in the order of `DerivationObstacle`'s cases, and within a case in a fixed
  /// order, so that the same question gets the same explanation.
  public func obstacle(
    to question: AggregateQuestion, hierarchies: [Hierarchy] = []
  ) -> DerivationObstacle? {
    guard question.fact == fact else { return .otherFact }
    if let group = Self.ordered(question.groups).first(where: { !derives($0, hierarchies) }) {
      return .group(group)
    }
    if let filtered = Self.ordered(question.filtered).first(where: { !derives($0, hierarchies) }) {
      return .predicate(filtered)
    }
    return question.measures.filter { !derives($0) }.min { "\($0)" < "\($1)" }
      .map(DerivationObstacle.measure)
  }

  private static func ordered(_ attributes: Set<Attribute>) -> [Attribute] {
    attributes.sorted {
      ($0.path.count, $0.table, $0.column) < ($1.path.count, $1.table, $1.column)
    }
  }

  /// Whether the groups kept decide the value of `attribute`: it is one of them, or coarser than one.
  private func derives(_ attribute: Attribute, _ hierarchies: [Hierarchy]) -> Bool {
    groups.contains(attribute)
      || hierarchies.contains { hierarchy in
        groups.contains { hierarchy.derives(attribute, from: $0) }
      }
  }

  /// Whether a measure follows from those kept: averages from sum and count, everything else from itself,
  /// because partial states of the same measure combine. Least, greatest and distinct values of a group's
  /// own attribute need no state at all.
  private func derives(_ measure: Measure) -> Bool {
    if measures.contains(measure) { return true }
    switch measure {
    case .average(let attribute):
      return measures.contains(.sum(attribute)) && measures.contains(.count(attribute))
    case .distinctCount(let attribute), .minimum(let attribute), .maximum(let attribute):
      return groups.contains(attribute)
    case .rowCount, .count, .sum: return false
    }
  }
}
