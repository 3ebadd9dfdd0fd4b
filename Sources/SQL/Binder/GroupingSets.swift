import Kernels
import Vectors

/// What GROUP BY lists as sets of keys. Several elements are combined each with each, as PostgreSQL does: `a, ROLLUP (b)`
/// is `GROUPING SETS ((a, b), (a))`. A set that is listed twice is there twice.
enum GroupingSets {
  /// More sets than this are refused.
  static let limit = 4096

  /// All sets, each an ascending list of numbers that `key` gives its keys.
  static func all(
    _ groupBy: GroupBySyntax, key: (ExpressionSyntax) throws(StoaError) -> Int
  ) throws(StoaError) -> [[Int]] {
    var result: [[Int]] = [[]]
    for element in groupBy.elements {
      let sets = try self.sets(element, groupBy.position, key)
      guard sets.count * result.count <= limit else { throw tooMany(groupBy.position) }
      var combined: [[Int]] = []
      for left in result {
        for right in sets { combined.append(left + right) }
      }
      result = combined
    }
    return result.map { Set($0).sorted() }
  }

  private static func tooMany(_ position: Range<Int>) -> StoaError {
    StoaError(
      .binding, "GROUP BY has more than \(limit) grouping sets",
      hint: "Name the sets you need with GROUPING SETS", position: position)
  }

  private static func sets(
    _ element: GroupBySyntax.Element, _ position: Range<Int>,
    _ key: (ExpressionSyntax) throws(StoaError) -> Int
  ) throws(StoaError) -> [[Int]] {
    switch element {
    case .expression(let syntax): return [[try key(syntax)]]
    case .set(let syntaxes): return [try keys(syntaxes, key)]
    case .groupingSets(let elements):
      var result: [[Int]] = []
      for element in elements {
        result += try sets(element, position, key)
        guard result.count <= limit else { throw tooMany(position) }
      }
      return result
    case .rollup(let groups):
      let parts = try lists(groups, key)
      return (0...parts.count).reversed().map { parts[..<$0].flatMap { $0 } }
    case .cube(let groups):
      guard groups.count <= 12 else {
        throw StoaError(
          .binding, "CUBE takes at most 12 elements", position: position)
      }
      let parts = try lists(groups, key)
      // From all of them to none; the first element changes last.
      return (0..<(1 << parts.count)).map { missing in
        parts.indices.filter { missing >> (parts.count - 1 - $0) & 1 == 0 }.flatMap { parts[$0] }
      }
    }
  }

  private static func keys(
    _ syntaxes: [ExpressionSyntax], _ key: (ExpressionSyntax) throws(StoaError) -> Int
  ) throws(StoaError) -> [Int] {
    var result: [Int] = []
    for syntax in syntaxes { result.append(try key(syntax)) }
    return result
  }

  private static func lists(
    _ groups: [[ExpressionSyntax]], _ key: (ExpressionSyntax) throws(StoaError) -> Int
  ) throws(StoaError) -> [[Int]] {
    var result: [[Int]] = []
    for group in groups { result.append(try keys(group, key)) }
    return result
  }
}

/// `GROUPING(a, b)`: a bit per argument, the last one lowest, set where the row's set leaves it out.
struct GroupingCall {
  var column: PlanColumn
  var arguments: [Expression]
  var position: Range<Int>
}
