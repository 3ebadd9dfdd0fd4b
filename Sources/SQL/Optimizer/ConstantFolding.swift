import Kernels
import Vectors

/// Computes what does not depend on columns. Expressions that fail stay, so that the error is raised only
/// when a row needs the value.
struct ConstantFolding: OptimizerRule {
  let name = "constant_folding"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    try plan.mapAllExpressions { (expression) throws(StoaError) in
      ConstantFolding.folded(expression)
    }
  }

  static func folded(_ expression: Expression) -> Expression {
    if case .constant = expression { return expression }
    if case .column = expression { return expression }
    let operands = expression.mapChildren(folded)
    switch operands {
    case .conditional(let branches, let otherwise, let type):
      return conditional(branches, otherwise, type)
    case .comparison(_, let left, let right):
      if isNull(left) || isNull(right) { return .constant(.null, .boolean) }
    case .isNull(.constant(let value, _), let isNegated):
      return .constant(.boolean(value.isNull != isNegated), .boolean)
    case .and, .or: return operands
    default: break
    }
    guard operands.isFoldable else { return operands }
    // An expression that fails here fails for every row; whether there are rows is not known yet.
    guard let value = try? operands.evaluateConstant() else { return operands }
    return .constant(value, operands.type)
  }

  private static func isNull(_ expression: Expression) -> Bool {
    expression.constantValue?.isNull ?? false
  }

  /// CASE without branches that can never be taken, and cut off after one that always is.
  private static func conditional(
    _ branches: [ConditionalBranch], _ otherwise: Expression?, _ type: LogicalType
  ) -> Expression {
    var kept: [ConditionalBranch] = []
    var rest = otherwise
    for branch in branches {
      if let value = branch.condition.constantValue {
        if value == .boolean(true) {
          rest = branch.result
          break
        }
        continue
      }
      kept.append(branch)
    }
    if kept.isEmpty { return rest ?? .constant(.null, type) }
    return .conditional(kept, otherwise: rest, type: type)
  }
}
