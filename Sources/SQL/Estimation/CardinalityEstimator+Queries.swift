import Kernels
import Vectors

extension CardinalityEstimator {
  /// Recursion, repeated rows, limits per group, samples and ASOF joins.
  func query(_ plan: LogicalPlan, over inputs: [RelationEstimate]) -> RelationEstimate {
    switch plan {
    case .recursion(let node):
      // Nothing is known of how often a recursion goes round.
      var result = node.renamed(inputs[0])
      result.rows = inputs[0].rows + 10 * inputs[1].rows
      return result
    case .groupLimit(let node): return groupLimit(node, inputs[0])
    case .sample(let node):
      let rows =
        switch node.method {
        case .rows(let part), .blocks(let part), .part(let part): inputs[0].rows * part
        case .count(let count): min(inputs[0].rows, Double(count))
        }
      return inputs[0].thinned(to: rows)
    case .asofJoin:
      var result = inputs[0]
      result.columns.merge(inputs[1].thinned(to: inputs[0].rows).columns) { first, _ in first }
      return result
    default: return inputs[0]
    }
  }

  private func groupLimit(
    _ node: LogicalGroupLimit, _ input: RelationEstimate
  ) -> RelationEstimate {
    guard let limit = node.limit?.constantValue?.integer else { return input }
    let distincts = node.partition.map { expression($0, input).distinct }
    let groups = node.partition.isEmpty ? 1 : groupCount(distincts, rows: input.rows)
    return input.thinned(to: min(input.rows, groups * Double(limit)))
  }
}

extension LogicalRecursion {
  /// What is believed of the initial rows, under the recursion's own columns.
  func renamed(_ initial: RelationEstimate) -> RelationEstimate {
    var result = RelationEstimate(rows: initial.rows, columns: [:])
    for (column, id) in zip(columns, initialColumns) {
      result.columns[column.id] = initial.column(id)
    }
    return result
  }
}
