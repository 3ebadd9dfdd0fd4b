import Kernels
import SQL
import Testing
import Vectors

@testable import Executor

/// Semi and anti joins that hash the side whose rows come out.
@Suite struct TurnedJoinTests {
  /// Rows of `kept` with or without a match among `other`, which streams past them.
  private func plan(
    _ kind: JoinKind, kept: TestTable, other: TestTable, keys: [Int],
    residual: Expression? = nil, filter: Int? = nil
  ) throws -> PhysicalPlan {
    let plan = JoinTests.plan(
      kind, other, kept, keys: keys, residual: residual, filter: filter)
    guard case .hashJoin(var node) = plan else { return try #require(nil) }
    node.givesBuildRows = true
    node.output = kept.types.indices.map { $0 + other.types.count }
    node.facts = facts(kept.types)
    return .hashJoin(node)
  }

  @Test("Build rows with and without a match come out", arguments: [JoinKind.semi, .anti])
  func kinds(kind: JoinKind) throws {
    let seed: UInt64 = 23
    var random = Random(seed)
    let layouts: [([LogicalType], [Int])] = [
      ([.integer, .varchar], [0]), ([.varchar, .integer], [0]),
      ([.integer, .varchar, .smallint], [0, 1]), ([.double, .boolean], [0, 1]),
    ]
    for (types, keys) in layouts {
      for (kept, other) in [(150, 60), (40, 170), (30, 0), (0, 30)] {
        let kept = TestTable.random(types, rows: kept, domain: 25, &random)
        let other = TestTable.random(types, rows: other, domain: 30, &random)
        for filter in [nil, 3] where filter == nil || types[0] == .integer {
          try expectRows(
            plan(kind, kept: kept, other: other, keys: keys, filter: filter), [other, kept],
            JoinTests.reference(kind, kept, other, keys: keys),
            "seed \(seed) \(kind) \(types) filter \(filter ?? -1)")
        }
      }
    }
  }

  @Test("A residual decides which pairs match", arguments: [JoinKind.semi, .anti])
  func residual(kind: JoinKind) throws {
    var random = Random(7)
    let types: [LogicalType] = [.integer, .integer]
    let kept = TestTable.random(types, rows: 90, domain: 10, &random)
    let other = TestTable.random(types, rows: 130, domain: 12, &random)
    let residual = Expression.comparison(.less, .column(1, .integer), .column(3, .integer))
    let expected = JoinTests.reference(kind, kept, other, keys: [0]) { kept, other in
      guard let a = other[1].integer, let b = kept[1].integer else { return false }
      return a < b
    }
    try expectRows(
      plan(kind, kept: kept, other: other, keys: [0], residual: residual), [other, kept],
      expected, "\(kind)")
  }
}
