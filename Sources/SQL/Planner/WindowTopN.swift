import Kernels

/// A condition such as `row_number() OVER … <= 3` above a window operator lets it forget the other rows of each
/// partition early, where none of its functions needs them for the rows that stay.
enum WindowTopN {
  /// The plan with its limit, when it is a window operator that can have one.
  /// - Parameter conditions: conjuncts over its columns; those that imply the limit stay necessary.
  static func limited(_ plan: PhysicalPlan, by conditions: [Expression]) -> PhysicalPlan {
    guard case .window(var node) = plan else { return plan }
    for (index, item) in node.functions.enumerated() where numbersRows(item.call.function) {
      let position = node.output.count + index
      guard let bound = conditions.compactMap({ $0.upperBound(of: position) }).min(),
        node.functions.allSatisfy({
          $0.partitionCount >= item.partitionCount && looksBackOnly($0.call)
        })
      else { continue }
      let count = Int(clamping: max(0, bound))
      if count < node.limit?.count ?? .max {
        node.limit = WindowLimit(function: index, count: count)
      }
    }
    return .window(node)
  }

  private static func numbersRows(_ function: WindowFunction) -> Bool {
    function == .rowNumber || function == .rank || function == .denseRank
  }

  /// Whether later rows of the sort cannot change the result of a row.
  private static func looksBackOnly(_ call: WindowCall) -> Bool {
    switch call.function {
    case .rowNumber, .rank, .denseRank: return true
    case .percentRank, .cumeDist, .ntile, .lead: return false
    case .lag:
      guard call.arguments.count > 1, let distance = call.arguments[1].constantValue?.integer
      else { return false }
      return distance >= 0
    case .firstValue, .lastValue, .nthValue, .aggregate:
      guard call.frame.unit == .rows, call.frame.exclusion == .none else { return false }
      switch call.frame.end {
      case .currentRow, .preceding: return true
      case .unboundedPreceding, .following, .unboundedFollowing: return false
      }
    }
  }
}
