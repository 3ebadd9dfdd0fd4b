import Kernels
import Vectors

// Which window functions share a sort: one serves all whose partition keys are its first items, in any order, and
// whose ORDER BY are the items after those. Functions with the most keys come first and choose the order of their
// partition keys so that as many of the others as possible fit.

/// One sort with the functions it serves.
struct SharedSort {
  var items: [SortItem]
  /// By number, with the number of partition keys and of order items.
  var members: [(function: Int, partitionCount: Int, orderCount: Int)] = []

  /// What a function wants, without what sorts nothing: constants, and keys that are said already.
  struct Wish {
    var partition: [Expression] = []
    var order: [SortItem] = []

    init(_ function: NamedWindow) {
      var seen: Set<Expression> = []
      for key in function.partition where Wish.sorts(key) && seen.insert(key).inserted {
        partition.append(key)
      }
      for item in function.order
      where Wish.sorts(item.expression)
        && (seen.insert(item.expression).inserted || !item.expression.isDeterministic)
      {
        order.append(item)
      }
    }

    private static func sorts(_ expression: Expression) -> Bool {
      !expression.columnIDs.isEmpty || !expression.isDeterministic
    }
  }

  /// The fewest sorts found for `functions`.
  static func plan(_ functions: [NamedWindow]) -> [SharedSort] {
    let wishes = functions.map(Wish.init)
    let byKeys = wishes.indices.sorted {
      let left = wishes[$0].partition.count + wishes[$0].order.count
      let right = wishes[$1].partition.count + wishes[$1].order.count
      return left == right ? $0 < $1 : left > right
    }
    var sorts: [SharedSort] = []
    for function in byKeys {
      let wish = wishes[function]
      let member = (function, wish.partition.count, wish.order.count)
      if let index = sorts.firstIndex(where: { $0.serves(wish) }) {
        sorts[index].members.append(member)
      } else {
        sorts.append(SharedSort(items: items(of: wish, beside: wishes), members: [member]))
      }
    }
    return sorts
  }

  private func serves(_ wish: Wish) -> Bool {
    let keyCount = wish.partition.count
    guard items.count >= keyCount + wish.order.count else { return false }
    return Set(items.prefix(keyCount).map(\.expression)) == Set(wish.partition)
      && Array(items[keyCount...].prefix(wish.order.count)) == wish.order
  }

  /// The items of a sort for `wish`: partition keys of others first, followed by their order where it is made of
  /// partition keys too.
  private static func items(of wish: Wish, beside others: [Wish]) -> [SortItem] {
    var result: [SortItem] = []
    var left = wish.partition
    func take(_ item: SortItem) {
      left.removeAll { $0 == item.expression }
      result.append(item)
    }
    for other in others.sorted(by: { $0.partition.count < $1.partition.count }) {
      let keys = Set(other.partition)
      guard keys.isSubset(of: wish.partition), keys.isSuperset(of: result.map(\.expression))
      else { continue }
      for key in left where keys.contains(key) {
        take(SortItem(expression: key, isDescending: false, nullsFirst: false))
      }
      for item in other.order {
        guard left.contains(item.expression) else { break }
        take(item)
      }
    }
    for key in left {
      result.append(SortItem(expression: key, isDescending: false, nullsFirst: false))
    }
    return result + wish.order
  }
}

extension Planner {
  /// Window functions: one operator for each sort they need, the one with the most keys at the bottom.
  mutating func planWindow(
    _ node: LogicalWindow, _ wanted: Set<Int>, _ filters: [WantedFilter]
  ) throws(StoaError) -> Planned {
    let functions = node.functions.filter { wanted.contains($0.column.id) }
    let passed = wanted.subtracting(node.madeColumns)
    // A runtime filter on a key of every partition drops whole partitions.
    let partition = node.commonPartition
    let below = filters.filter { partition.contains($0.column) }
    var planned = try plan(
      node.input, wanted: passed.addingColumns(of: functions.flatMap(\.expressions)),
      filters: below)
    let estimate = estimator.estimate(.window(node), over: [planned.estimate])
    let sorts = SharedSort.plan(functions)
    for (index, sort) in sorts.enumerated() {
      // Columns that later operators need are given out, and those of functions before.
      let later = sorts[(index + 1)...].flatMap(\.members).map { functions[$0.function] }
      let made = sorts[..<index].flatMap(\.members).map { functions[$0.function].column.id }
      let kept = passed.union(made).addingColumns(of: later.flatMap(\.expressions))
      planned = try window(sort, functions, over: planned, kept: kept)
    }
    planned.estimate = estimate
    return planned
  }

  private func window(
    _ sort: SharedSort, _ functions: [NamedWindow], over input: Planned, kept: Set<Int>
  ) throws(StoaError) -> Planned {
    var items: [SortItem] = []
    for item in sort.items {
      items.append(
        SortItem(
          expression: try physical(item.expression, input.positions),
          isDescending: item.isDescending, nullsFirst: item.nullsFirst))
    }
    let output = Set(kept.compactMap { input.positions[$0] }).sorted()
    let places = Dictionary(
      output.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
    var positions: [Int: Int] = [:]
    for id in kept { positions[id] = input.positions[id].flatMap { places[$0] } }
    var columns = output.map { input.plan.facts.columns[$0] }
    var calls: [WindowNodeCall] = []
    for member in sort.members {
      let function = functions[member.function]
      let call = try function.call.mapExpressions { (expression) throws(StoaError) in
        try physical(expression, input.positions)
      }
      positions[function.column.id] = columns.count
      columns.append(OutputColumn(name: function.column.name, type: function.column.type))
      calls.append(
        WindowNodeCall(
          call: call, partitionCount: member.partitionCount, orderCount: member.orderCount))
    }
    let facts = PlanFacts(columns: columns, estimatedRows: input.plan.facts.estimatedRows)
    return Planned(
      plan: .window(
        WindowNode(facts: facts, input: input.plan, sort: items, functions: calls, output: output)),
      positions: positions, estimate: input.estimate)
  }
}
