import Vectors

/// One node of an expression with what it remembers between batches.
final class EvaluatorNode {
  let expression: Expression
  let type: LogicalType
  let children: [EvaluatorNode]
  /// The only column below, when the node is deterministic and more than that column itself.
  private let soleColumn: Int?
  /// NULL in `soleColumn` makes the result NULL.
  private let isStrict: Bool
  /// Cannot raise an error, so it may run for rows that do not need it.
  let isTotal: Bool
  let membership: MembershipSet?
  private let constant: Vector?
  private var perEntry = DictionaryResults()

  init(_ expression: Expression) {
    self.expression = expression
    type = expression.type
    let children = expression.children.map(EvaluatorNode.init)
    self.children = children
    var columns: Set<Int> = []
    expression.collectColumns(into: &columns)
    soleColumn =
      !children.isEmpty && columns.count == 1 && expression.isDeterministic ? columns.first : nil
    isStrict = EvaluatorNode.isStrict(expression, children)
    isTotal = EvaluatorNode.isTotal(expression, children)
    if case .inSet(let operand, let values, let hasNull) = expression {
      membership = MembershipSet(values, type: operand.type, hasNull: hasNull)
    } else {
      membership = nil
    }
    if case .constant(let value, let type) = expression {
      constant = Vector(constant: value, type: type, count: 1)
    } else {
      constant = nil
    }
  }

  private static func isStrict(_ expression: Expression, _ children: [EvaluatorNode]) -> Bool {
    switch expression {
    case .column: true
    case .call(let function, _): function.propagatesNull && children.contains(where: \.isStrict)
    case .cast, .not, .inSet, .comparison: children.contains(where: \.isStrict)
    case .constant, .parameter, .isDistinct, .and, .or, .isNull, .conditional: false
    }
  }

  private static func isTotal(_ expression: Expression, _ children: [EvaluatorNode]) -> Bool {
    switch expression {
    case .column, .constant: true
    case .comparison, .isDistinct, .and, .or, .not, .isNull, .inSet:
      children.allSatisfy(\.isTotal)
    case .cast(_, _, let isTry, _): isTry && children.allSatisfy(\.isTotal)
    case .parameter, .call, .conditional: false
    }
  }

  func evaluate(_ rows: RowSet) throws(StoaError) -> Vector {
    guard rows.rowCount > 0 else { return Vector.nulls(type: type, count: 0) }
    if let soleColumn {
      let vector = try rows.column(soleColumn)
      if vector.form == .runs {
        let values = try compute(RowSet(column: soleColumn, vector.child!))
        if values.form == .constant { return values.resizedConstant(count: vector.count) }
        return vector.replacingRunValues(with: values)
      }
      if vector.form == .dictionary, let result = resultPerEntry(soleColumn, vector) {
        return result
      }
    }
    return try compute(rows)
  }

  /// The result computed on the dictionary of `vector`, unless that fails or does not pay.
  private func resultPerEntry(_ column: Int, _ vector: Vector) -> Vector? {
    let entries = vector.child!
    guard perEntry.isWorthwhile(entries, rowCount: vector.count) else { return nil }
    guard
      let mapped = perEntry.result(
        for: entries,
        compute: { (flat: Vector) throws(StoaError) -> Vector in
          try self.compute(RowSet(column: column, flat))
        })
    else { return nil }
    let result: Vector
    if vector.validity == nil || isStrict {
      if mapped.form == .constant, vector.validity == nil {
        return mapped.resizedConstant(count: vector.count)
      }
      result = vector.replacingDictionary(with: mapped)
    } else {
      let null = Vector(constant: .null, type: vector.type, count: 1)
      guard
        let ofNull = perEntry.resultOfNull(compute: { () throws(StoaError) -> Vector in
          try self.compute(RowSet(column: column, null))
        })
      else { return nil }
      result = EvaluatorNode.spread(mapped, ofNull: ofNull, over: vector)
    }
    return type.physical == .bool ? result.flattened() : result
  }

  /// Rows of the dictionary vector `codes` as entries of `mapped`, its NULL rows as `ofNull`.
  private static func spread(_ mapped: Vector, ofNull: Vector, over codes: Vector) -> Vector {
    var builder = VectorBuilder(type: mapped.type, capacity: mapped.count + 1)
    builder.append(mapped)
    builder.append(ofNull)
    let entries = builder.finish()
    let buffer = Buffer(of: UInt32.self, count: max(1, codes.count))
    let target = buffer.typed(UInt32.self)
    let nullCode = UInt32(truncatingIfNeeded: mapped.count)
    codes.withCodes { source in
      for row in 0..<codes.count { target[row] = codes.isValid(row) ? source[row] : nullCode }
    }
    return entries.gather(UnsafePointer(target), count: codes.count)
  }

  /// The node itself, row by row.
  private func compute(_ rows: RowSet) throws(StoaError) -> Vector {
    switch expression {
    case .column(let number, _): return try rows.column(number)
    case .constant: return constant!.resizedConstant(count: rows.rowCount)
    case .parameter(let number, _):
      throw StoaError(.usage, "parameter $\(number + 1) has no value")
    case .call(let function, _): return try call(function, rows)
    case .cast(_, let target, let isTry, let place):
      let operand = try children[0].evaluate(rows)
      do throws(StoaError) {
        return try Cast.apply(operand, to: target, isTry: isTry)
      } catch {
        throw error.at(place.range)
      }
    case .comparison(let op, _, _):
      let left = try children[0].evaluate(rows)
      return try Comparison.compare(op, left, try children[1].evaluate(rows))
    case .isDistinct(_, _, let isNegated):
      let left = try children[0].evaluate(rows)
      let right = try children[1].evaluate(rows)
      return try Comparison.isDistinct(left, right, isNegated: isNegated)
    case .and: return try BooleanLogic.junction(children, rows, isConjunction: true)
    case .or: return try BooleanLogic.junction(children, rows, isConjunction: false)
    case .not: return try BooleanLogic.not(try children[0].evaluate(rows))
    case .isNull(_, let isNegated):
      return BooleanLogic.isNull(try children[0].evaluate(rows), isNegated: isNegated)
    case .inSet: return try membership!.contains(try children[0].evaluate(rows))
    case .conditional(let branches, let otherwise, let type):
      return try Conditional.evaluate(
        children, branchCount: branches.count, hasOtherwise: otherwise != nil, type: type, rows)
    }
  }

  private func call(_ function: BoundFunction, _ rows: RowSet) throws(StoaError) -> Vector {
    var arguments: [Vector] = []
    arguments.reserveCapacity(children.count)
    for child in children { arguments.append(try child.evaluate(rows)) }
    let isConstant = arguments.allSatisfy { $0.form == .constant }
    do throws(StoaError) {
      guard isConstant, !arguments.isEmpty, function.isDeterministic else {
        return try function.kernel(arguments, rows.rowCount)
      }
      let one = try function.kernel(arguments.map { $0.resizedConstant(count: 1) }, 1)
      return one.constant(ofRow: 0, count: rows.rowCount)
    } catch {
      throw error.at(function.place.range)
    }
  }
}

/// What a node computed for the dictionary it saw last. Dictionaries are segment-wide and shared by many
/// batches, so a dictionary larger than a batch pays once enough rows have come with it.
private struct DictionaryResults {
  private var dictionary: Vector?
  private var mapped: Vector?
  private var ofNull: Vector?
  private var hasFailed = false
  private var rowsSeen = 0

  /// Whether computing all of `entries` is expected to cost less than computing the rows.
  mutating func isWorthwhile(_ entries: Vector, rowCount: Int) -> Bool {
    guard entries.count > 0 else { return false }
    if dictionary !== entries {
      dictionary = entries
      mapped = nil
      hasFailed = false
      rowsSeen = 0
    }
    if hasFailed { return false }
    if mapped != nil { return true }
    rowsSeen += rowCount
    return entries.count <= rowsSeen
  }

  mutating func result(
    for entries: Vector, compute: (Vector) throws(StoaError) -> Vector
  ) -> Vector? {
    if let mapped { return mapped }
    do {
      let result = try compute(entries)
      mapped = result.form == .constant ? result : result.flattened()
    } catch {
      hasFailed = true
    }
    return mapped
  }

  mutating func resultOfNull(compute: () throws(StoaError) -> Vector) -> Vector? {
    if let ofNull { return ofNull }
    do { ofNull = try compute() } catch { hasFailed = true }
    return ofNull
  }
}
