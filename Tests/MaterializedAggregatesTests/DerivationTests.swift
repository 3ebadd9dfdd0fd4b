import Testing

@testable import MaterializedAggregates

@Suite struct DerivationTests {
  private let day = Attribute(path: [4], table: 2, column: 1)
  private let month = Attribute(path: [4], table: 2, column: 2)
  private let year = Attribute(path: [4], table: 2, column: 3)
  private let shipYear = Attribute(path: [5], table: 2, column: 3)
  private let amount = Attribute(table: 1, column: 9)

  private var byMonth: AggregateDefinition {
    AggregateDefinition(
      name: "by_month", fact: 1, groups: [month], measures: [.sum(amount), .count(amount)])
  }
  private var calendar: [Hierarchy] { [Hierarchy(levels: [day, month, year])] }

  private func obstacle(
    fact: UInt32 = 1, groups: Set<Attribute> = [], filtered: Set<Attribute> = [],
    measures: Set<Measure> = []
  ) -> DerivationObstacle? {
    byMonth.obstacle(
      to: AggregateQuestion(fact: fact, groups: groups, filtered: filtered, measures: measures),
      hierarchies: calendar)
  }

  @Test("The same groups, fewer groups and coarser levels can be answered, finer ones cannot")
  func groups() {
    #expect(obstacle(groups: [month]) == nil)
    #expect(obstacle(groups: []) == nil)
    #expect(obstacle(groups: [year]) == nil)
    #expect(obstacle(groups: [day]) == .group(day))
    #expect(obstacle(groups: [shipYear]) == .group(shipYear))
    #expect(
      byMonth.obstacle(to: AggregateQuestion(fact: 1, groups: [year], measures: []))
        == .group(year), "without the hierarchy nothing says that months decide years")
  }

  @Test("Predicates must look at what the groups decide")
  func predicates() {
    #expect(obstacle(filtered: [year, month]) == nil)
    #expect(obstacle(groups: [month], filtered: [day]) == .predicate(day))
  }

  @Test("An average follows from sum and count; a minimum of a group needs no state")
  func measures() {
    #expect(obstacle(measures: [.average(amount), .sum(amount)]) == nil)
    #expect(obstacle(measures: [.minimum(month), .distinctCount(month)]) == nil)
    #expect(obstacle(measures: [.minimum(amount)]) == .measure(.minimum(amount)))
    #expect(obstacle(measures: [.rowCount]) == .measure(.rowCount))
  }

  @Test("Another fact is the first obstacle")
  func fact() {
    #expect(obstacle(fact: 7, groups: [day]) == .otherFact)
  }
}
