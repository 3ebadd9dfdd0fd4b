import Kernels
import Vectors

extension LogicalPlan {
  /// For each input, the columns it must give out when `wanted` of this operator's are wanted.
  func requiredOfInputs(_ wanted: Set<Int>) -> [Set<Int>] {
    switch self {
    case .get, .values, .tableFunction, .reference: return []
    case .filter(let node): return [wanted.addingColumns(of: node.conditions)]
    case .project(let node):
      let used = node.items.lazy.filter { wanted.contains($0.column.id) }.map(\.expression)
      return [Set<Int>().addingColumns(of: Array(used))]
    case .join(let node):
      let all = wanted.addingColumns(of: node.conditions)
      var left = all.intersection(node.left.columnIDs)
      if node.isDependent {
        left.formUnion(node.right.freeColumns.intersection(node.left.columnIDs))
      }
      return [left, all.intersection(node.right.columnIDs)]
    case .aggregate(let node):
      var used = node.groups.map(\.expression)
      for item in node.aggregates where wanted.contains(item.column.id) {
        used += item.call.expressions
      }
      return [Set<Int>().addingColumns(of: used)]
    case .window(let node):
      let used = node.functions.filter { wanted.contains($0.column.id) }
      let passed = wanted.subtracting(node.madeColumns)
      return [passed.addingColumns(of: used.flatMap(\.expressions))]
    case .sort(let node): return [wanted.addingColumns(of: node.items.map(\.expression))]
    case .limit(let node):
      guard node.counts != nil else { return [wanted] }
      return [wanted, Set<Int>().addingColumns(of: expressions)]
    case .singleRow, .sample: return [wanted]
    case .repeated(let node):
      return [
        wanted.subtracting(node.ordinal.map { [$0.id] } ?? []).addingColumns(of: [node.count])
      ]
    case .groupLimit(let node): return [wanted.addingColumns(of: node.expressions)]
    case .recursion(let node): return [Set(node.initialColumns), Set(node.stepColumns)]
    case .asofJoin(let node):
      let all = wanted.addingColumns(of: node.expressions)
      return [
        all.intersection(node.left.columnIDs), all.intersection(node.right.columnIDs),
      ]
    case .unionAll(let node):
      let places = node.columns.indices.filter { wanted.contains(node.columns[$0].id) }
      return node.inputColumns.map { ids in Set(places.map { ids[$0] }) }
    case .materialize(let node): return [node.input.columnsRead(from: node.number), wanted]
    }
  }
}

extension Set<Int> {
  func addingColumns(of expressions: [Expression]) -> Set<Int> {
    var result = self
    for expression in expressions { expression.collectColumns(into: &result) }
    return result
  }
}
