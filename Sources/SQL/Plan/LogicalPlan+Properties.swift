import Catalog
import Kernels
import Vectors

/// What is certain about an operator's rows, from declared keys and the operators themselves.
extension LogicalPlan {
  /// Whether no two rows agree on these columns, NULLs left aside (a row with a NULL among them never
  /// counts as agreeing, as in an equality join).
  func isUnique(on columns: Set<Int>) -> Bool {
    switch self {
    case .get(let node):
      let sources = node.sources(of: columns)
      return sources.contains(SystemColumn.row) || node.table.isUnique(sources)
    case .values(let node): return node.rows.count <= 1
    case .tableFunction, .unionAll: return false
    case .reference(let node):
      guard let unique = node.uniqueSources else { return false }
      let covered = zip(node.columns, node.sources).filter { columns.contains($0.0.id) }.map(\.1)
      return unique.isSubset(of: covered)
    case .filter(let node): return node.keepsFirst(of: columns) || node.input.isUnique(on: columns)
    case .sort(let node): return node.input.isUnique(on: columns)
    case .window(let node): return node.isUnique(on: columns)
    case .limit(let node):
      if let limit = node.limit?.constantValue?.integer, limit <= 1 { return true }
      return node.input.isUnique(on: columns)
    case .singleRow: return true
    case .materialize(let node): return node.input.isUnique(on: columns)
    case .project(let node):
      return node.input.isUnique(on: node.sources(of: columns))
    case .aggregate(let node):
      return node.groups.allSatisfy { columns.contains($0.column.id) }
    case .join(let node): return node.isUnique(on: columns)
    case .repeated: return false
    case .recursion(let node):
      return node.isDistinct && node.columns.allSatisfy { columns.contains($0.id) }
    case .groupLimit(let node):
      if node.limit?.constantValue?.integer ?? 2 <= 1, !node.withTies {
        let groups = node.partition.map(\.columnID)
        if groups.allSatisfy({ $0.map(columns.contains) ?? false }) { return true }
      }
      return node.input.isUnique(on: columns)
    case .sample(let node): return node.input.isUnique(on: columns)
    case .asofJoin(let node): return node.left.isUnique(on: columns)
    }
  }

  /// Columns that are never NULL.
  var nonNullColumns: Set<Int> {
    switch self {
    case .get(let node):
      var result: Set<Int> = []
      for (column, source) in zip(node.columns, node.sources) {
        if let index = node.table.index(of: source) {
          if !node.table.columns[index].isNullable { result.insert(column.id) }
        } else if SystemColumn.name(of: source) != nil {
          result.insert(column.id)
        }
      }
      return result
    case .values(let node):
      var result: Set<Int> = []
      for (index, column) in node.columns.enumerated() {
        if node.rows.allSatisfy({ $0[index].constantValue.map { !$0.isNull } ?? false }) {
          result.insert(column.id)
        }
      }
      return result
    case .tableFunction, .singleRow: return []
    case .reference(let node):
      return Set(
        zip(node.columns, node.sources).lazy.filter { node.nonNullSources.contains($0.1) }
          .map(\.0.id))
    case .filter(let node):
      var result = node.input.nonNullColumns
      for condition in node.conditions { result.formUnion(condition.columnsRejectingNull) }
      return result
    case .sort(let node): return node.input.nonNullColumns
    case .window(let node): return node.nonNullColumns
    case .limit(let node): return node.input.nonNullColumns
    case .materialize(let node): return node.input.nonNullColumns
    case .project(let node):
      let inner = node.input.nonNullColumns
      return Set(
        node.items.lazy.filter { $0.expression.isNeverNull(given: inner) }.map(\.column.id))
    case .aggregate(let node):
      let inner = node.input.nonNullColumns
      var result = Set(
        node.groups.lazy.filter { $0.expression.isNeverNull(given: inner) }.map(\.column.id))
      for item in node.aggregates where item.call.function.isCount {
        result.insert(item.column.id)
      }
      return result
    case .unionAll(let node):
      var result = Set(node.columns.map(\.id))
      for (input, ids) in zip(node.inputs, node.inputColumns) {
        let inner = input.nonNullColumns
        for (column, id) in zip(node.columns, ids) where !inner.contains(id) {
          result.remove(column.id)
        }
      }
      return result
    case .join(let node): return node.nonNullColumns
    case .repeated(let node): return node.input.nonNullColumns
    case .recursion: return []
    case .groupLimit(let node): return node.input.nonNullColumns
    case .sample(let node): return node.input.nonNullColumns
    case .asofJoin(let node):
      return node.left.nonNullColumns.union(node.kind == .inner ? node.right.nonNullColumns : [])
    }
  }

  /// The table column behind a column, when every row's value comes straight from a row of that table.
  func origin(of id: Int) -> (get: LogicalGet, column: ColumnID)? {
    switch self {
    case .get(let node):
      guard let index = node.columns.firstIndex(where: { $0.id == id }) else { return nil }
      return (node, node.sources[index])
    case .filter(let node): return node.input.origin(of: id)
    case .sort(let node): return node.input.origin(of: id)
    case .window(let node): return node.input.origin(of: id)
    case .limit(let node): return node.input.origin(of: id)
    case .materialize(let node): return node.input.origin(of: id)
    case .project(let node):
      guard let item = node.items.first(where: { $0.column.id == id }),
        let source = item.expression.columnID
      else { return nil }
      return node.input.origin(of: source)
    case .aggregate(let node):
      guard let item = node.groups.first(where: { $0.column.id == id }),
        let source = item.expression.columnID
      else { return nil }
      return node.input.origin(of: source)
    case .join(let node):
      switch node.kind {
      case .inner: return node.left.origin(of: id) ?? node.right.origin(of: id)
      case .left, .semi, .anti, .mark, .single: return node.left.origin(of: id)
      case .right, .full: return nil
      }
    case .repeated(let node): return node.input.origin(of: id)
    case .groupLimit(let node): return node.input.origin(of: id)
    case .sample(let node): return node.input.origin(of: id)
    case .asofJoin(let node): return node.left.origin(of: id)
    case .values, .tableFunction, .unionAll, .singleRow, .reference, .recursion: return nil
    }
  }
}

extension LogicalGet {
  /// The table's columns behind these ids, as far as they are its own.
  func sources(of ids: Set<Int>) -> Set<ColumnID> {
    var result: Set<ColumnID> = []
    for (column, source) in zip(columns, sources) where ids.contains(column.id) {
      result.insert(source)
    }
    return result
  }
}

extension LogicalProject {
  /// Input columns that some of these output columns pass on.
  func sources(of ids: Set<Int>) -> Set<Int> {
    Set(items.lazy.filter { ids.contains($0.column.id) }.compactMap(\.expression.columnID))
  }
}

extension LogicalJoin {
  func isUnique(on columns: Set<Int>) -> Bool {
    switch kind {
    case .semi, .anti, .mark, .single: return left.isUnique(on: columns)
    case .inner, .left, .right, .full: break
    }
    // Deep chains ask this at every level, so only what is needed is worked out.
    let ofLeft = left.isUnique(on: columns)
    let ofRight = right.isUnique(on: columns)
    guard ofLeft || ofRight else { return false }
    if ofLeft && ofRight { return true }
    let keys = JoinKeys(self)
    if ofLeft, kind == .inner || kind == .left {
      return right.isUnique(on: Set(keys.pairs.compactMap(\.right.columnID)))
    }
    if ofRight, kind == .inner || kind == .right {
      return left.isUnique(on: Set(keys.pairs.compactMap(\.left.columnID)))
    }
    return false
  }

  var nonNullColumns: Set<Int> {
    var result: Set<Int> = []
    switch kind {
    case .inner:
      result = left.nonNullColumns.union(right.nonNullColumns)
      for condition in conditions { result.formUnion(condition.columnsRejectingNull) }
    case .left, .single, .mark, .anti: result = left.nonNullColumns
    case .semi:
      result = left.nonNullColumns
      for condition in conditions { result.formUnion(condition.columnsRejectingNull) }
    case .right: result = right.nonNullColumns
    case .full: break
    }
    return result
  }
}

extension Expression {
  /// Columns that must not be NULL for this condition to be true.
  var columnsRejectingNull: Set<Int> {
    switch self {
    case .column, .comparison: return strictColumns
    case .inSet(let operand, _, _): return operand.strictColumns
    case .isNull(let operand, true): return operand.strictColumns
    case .and(let operands):
      return operands.reduce(into: []) { $0.formUnion($1.columnsRejectingNull) }
    case .or(let operands):
      guard let first = operands.first else { return [] }
      return operands.dropFirst().reduce(first.columnsRejectingNull) {
        $0.intersection($1.columnsRejectingNull)
      }
    case .not(let operand): return operand.strictColumns
    case .isDistinct(let left, let right, isNegated: true):
      // Equal to something that is not NULL.
      if let value = right.constantValue, !value.isNull { return left.strictColumns }
      if let value = left.constantValue, !value.isNull { return right.strictColumns }
      return []
    case .call(let function, _): return function.propagatesNull ? strictColumns : []
    case .constant, .parameter, .cast, .isDistinct, .isNull, .conditional: return []
    }
  }

  /// Columns that make this expression NULL when they are NULL.
  var strictColumns: Set<Int> {
    switch self {
    case .column(let id, _): return [id]
    case .call(let function, let arguments):
      guard function.propagatesNull else { return [] }
      return arguments.reduce(into: []) { $0.formUnion($1.strictColumns) }
    case .cast(let operand, _, _, _), .not(let operand), .inSet(let operand, _, _):
      return operand.strictColumns
    case .comparison(_, let left, let right):
      return left.strictColumns.union(right.strictColumns)
    case .constant, .parameter, .isDistinct, .and, .or, .isNull, .conditional: return []
    }
  }

  /// Whether it cannot be NULL when `columns` are not.
  func isNeverNull(given columns: Set<Int>) -> Bool {
    switch self {
    case .column(let id, _): return columns.contains(id)
    case .constant(let value, _): return !value.isNull
    case .parameter: return false
    case .isNull, .isDistinct: return true
    case .inSet(let operand, _, let hasNull): return !hasNull && operand.isNeverNull(given: columns)
    case .comparison, .and, .or, .not:
      return children.allSatisfy { $0.isNeverNull(given: columns) }
    case .cast(let operand, _, let isTry, _): return !isTry && operand.isNeverNull(given: columns)
    case .call(let function, let arguments):
      return Expression.totalFunctions.contains(function.name)
        && arguments.allSatisfy { $0.isNeverNull(given: columns) }
    case .conditional(let branches, let otherwise, _):
      guard let otherwise else { return false }
      return branches.allSatisfy { $0.result.isNeverNull(given: columns) }
        && otherwise.isNeverNull(given: columns)
    }
  }

  /// Functions that give a value whenever their arguments are values.
  private static let totalFunctions: Set<String> = [
    "+", "-", "*", "||", "like", "lower", "upper", "year",
  ]
}
