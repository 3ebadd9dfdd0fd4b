import Kernels
import Vectors

/// Projections that only pass or rename columns move above filters and joins, and projections on top of one
/// another become one: derived tables then do not stand between joins that could be ordered together.
struct ProjectionMerging: OptimizerRule {
  let name = "projection_merging"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    try plan.rewrittenUp { (node) throws(StoaError) in
      switch node {
      case .project: return node.mergingTopProjects
      case .filter(var filter):
        guard case .project(let project) = filter.input, project.onlyRenames else { return node }
        filter.conditions = filter.conditions.map { $0.replacingColumns(project.sources) }
        filter.input = project.input
        return .project(LogicalProject(input: .filter(filter), items: project.items))
      case .join(let join): return ProjectionMerging.pulledUp(join)
      default: return node
      }
    }
  }

  private static func pulledUp(_ join: LogicalJoin) -> LogicalPlan {
    guard !join.isDependent else { return .join(join) }
    var copy = join
    var replacements: [Int: Expression] = [:]
    var items: [NamedExpression] = []
    func strip(_ side: LogicalPlan, isGivenOut: Bool) -> LogicalPlan {
      guard case .project(let project) = side, project.onlyRenames else {
        if isGivenOut { items += side.columns.map { NamedExpression(passing: $0) } }
        return side
      }
      replacements.merge(project.sources) { first, _ in first }
      if isGivenOut { items += project.items }
      return project.input
    }
    switch join.kind {
    case .inner, .left:
      copy.left = strip(join.left, isGivenOut: true)
      copy.right = strip(join.right, isGivenOut: true)
    case .semi, .anti, .mark:
      copy.left = strip(join.left, isGivenOut: true)
      copy.right = strip(join.right, isGivenOut: false)
      if let mark = join.mark { items.append(NamedExpression(passing: mark)) }
    case .right, .full, .single: return .join(join)
    }
    if replacements.isEmpty { return .join(join) }
    copy.conditions = join.conditions.map { $0.replacingColumns(replacements) }
    return .project(LogicalProject(input: .join(copy), items: items))
  }
}

extension LogicalProject {
  /// Whether every item is a plain column.
  var onlyRenames: Bool { items.allSatisfy { $0.expression.columnID != nil } }

  /// The expression behind each column.
  var sources: [Int: Expression] {
    Dictionary(items.map { ($0.column.id, $0.expression) }, uniquingKeysWith: { first, _ in first })
  }
}

extension LogicalPlan {
  /// A projection over projections as one, unless that would compute something twice.
  var mergingTopProjects: LogicalPlan {
    guard case .project(let upper) = self, case .project(let lower) = upper.input,
      lower.canMerge(into: upper)
    else { return self }
    let sources = lower.sources
    let items = upper.items.map {
      NamedExpression($0.column, $0.expression.replacingColumns(sources))
    }
    return LogicalPlan.project(LogicalProject(input: lower.input, items: items)).mergingTopProjects
  }
}

extension LogicalProject {
  fileprivate func canMerge(into upper: LogicalProject) -> Bool {
    var uses: [Int: Int] = [:]
    for item in upper.items { item.expression.countColumns(&uses) }
    return items.allSatisfy { item in
      let isCheap = item.expression.columnID != nil || item.expression.isConstant
      return isCheap || (item.expression.isDeterministic && uses[item.column.id, default: 0] <= 1)
    }
  }
}

extension Expression {
  /// Counts the mentions of each column.
  fileprivate func countColumns(_ counts: inout [Int: Int]) {
    if case .column(let id, _) = self { counts[id, default: 0] += 1 }
    for child in children { child.countColumns(&counts) }
  }
}
