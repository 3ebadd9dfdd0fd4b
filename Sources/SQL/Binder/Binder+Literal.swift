import Kernels
import Vectors

extension Binder {
  func bindLiteral(
    _ literal: LiteralSyntax, at position: Range<Int>
  ) throws(StoaError) -> Expression {
    switch literal {
    case .null: return .constant(.null, .null)
    case .boolean(let value): return .constant(.boolean(value), .boolean)
    case .integer(let value): return .constant(.integer(value), Binder.integerType(of: value))
    case .decimal(let unscaled, let precision, let scale):
      return .constant(
        .integer(unscaled), .decimal(precision: max(precision, scale, 1), scale: scale))
    case .double(let value): return .constant(.double(value), .double)
    case .string(let value): return .constant(.string(value), .varchar)
    case .typed(let type, let text):
      let target = try resolved(type)
      return try explicitCast(
        .constant(.string(text), .varchar), to: target, isTry: false, at: position)
    case .interval(let months, let days, let microseconds):
      let interval = Interval(months: months, days: days, microseconds: microseconds)
      guard interval.isStorable else {
        throw StoaError(.evaluation, "INTERVAL out of range", position: position)
      }
      return .constant(.integer(interval.packed), .interval)
    }
  }

  /// The type of an integer literal: the smallest from INTEGER up.
  static func integerType(of value: Int128) -> LogicalType {
    if Int32(exactly: value) != nil { return .integer }
    if Int64(exactly: value) != nil { return .bigint }
    return .hugeint
  }

  // MARK: casts

  /// A cast the user wrote. Constants are converted at once, so that errors have a position.
  func explicitCast(
    _ expression: Expression, to type: LogicalType, isTry: Bool, at position: Range<Int>
  ) throws(StoaError) -> Expression {
    if expression.type == type { return expression }
    if case .parameter(let index, .null) = expression {
      parameterTypes[index] = type
      return .parameter(index, type)
    }
    if let value = expression.constantValue, value.isNull { return .constant(.null, type) }
    guard canCast(expression.type, to: type) else {
      throw StoaError(
        .binding, "\(expression.type) cannot be cast to \(type)", position: position)
    }
    let cast = Expression.cast(expression, to: type, isTry: isTry, at: place(position))
    return expression.isConstant ? try folded(cast, at: position) : cast
  }

  /// Brings an expression to a type the context demands: bare NULLs and parameters take it, text literals
  /// are read as it, other types only where nothing can be lost.
  func coerced(
    _ expression: Expression, to type: LogicalType, at position: Range<Int>
  ) throws(StoaError) -> Expression {
    if expression.type == type { return expression }
    if expression.type == .null || isTextLiteral(expression)
      || canImplicitlyCast(expression.type, to: type)
    {
      return try explicitCast(expression, to: type, isTry: false, at: position)
    }
    throw StoaError(
      .binding, "expected \(type), but this is \(expression.type)",
      hint: "An explicit CAST may help", position: position)
  }

  /// For storing into a column: whatever can be cast.
  func assigned(
    _ expression: Expression, to type: LogicalType, at position: Range<Int>
  ) throws(StoaError) -> Expression {
    try explicitCast(expression, to: type, isTry: false, at: position)
  }

  /// A NULL nobody gave a type, or a column of a subquery that is one.
  func isBareNull(_ expression: Expression) -> Bool {
    switch expression {
    case .constant(.null, .null): true
    case .column(let id, _): untypedColumns[id]?.type == .null
    default: false
    }
  }

  /// The literal to remember for a result column, before `known` gives it a type.
  func untyped(_ expression: Expression) -> Expression? {
    if isBareNull(expression) { return .constant(.null, .null) }
    return isTextLiteral(expression) ? expression : nil
  }

  func isTextLiteral(_ expression: Expression) -> Bool {
    if case .constant(.string, .varchar) = expression { true } else { false }
  }

  /// An expression that ends up in a result or key needs a type: NULL becomes INTEGER, parameters VARCHAR.
  func known(_ expression: Expression, at position: Range<Int>) throws(StoaError) -> Expression {
    guard expression.type == .null else { return expression }
    if case .parameter = expression {
      return try explicitCast(expression, to: .varchar, isTry: false, at: position)
    }
    return .constant(.null, .integer)
  }

  /// All brought to one type; NULLs, parameters and text literals follow the others.
  func unified(
    _ expressions: [Expression], at position: Range<Int>, for operation: String
  ) throws(StoaError) -> [Expression] {
    guard let type = try unifiedType(expressions, at: position, for: operation) else {
      return expressions
    }
    var result: [Expression] = []
    result.reserveCapacity(expressions.count)
    for expression in expressions {
      result.append(try explicitCast(expression, to: type, isTry: false, at: position))
    }
    return result
  }

  /// The type all can take without loss; `nil` when all are bare NULLs.
  private func unifiedType(
    _ expressions: [Expression], at position: Range<Int>, for operation: String
  ) throws(StoaError) -> LogicalType? {
    var type: LogicalType?
    for expression in expressions where expression.type != .null && !isTextLiteral(expression) {
      type = try commonType(type, expression.type, at: position, for: operation)
    }
    if let type { return type }
    return expressions.contains { isTextLiteral($0) || isParameter($0) } ? .varchar : nil
  }

  private func isParameter(_ expression: Expression) -> Bool {
    if case .parameter = expression { true } else { false }
  }

  /// The one type of a column that comes from several queries; NULL when none gives one.
  func commonType(
    _ left: LogicalType?, _ right: LogicalType, at position: Range<Int>, for operation: String
  ) throws(StoaError) -> LogicalType {
    guard let left, left != .null else { return right }
    if left == right || right == .null { return left }
    if let type = commonType(left, right) { return type }
    throw StoaError(
      .binding, "\(left) and \(right) do not go together in \(operation)",
      hint: "Cast one of them", position: position)
  }

  /// The value of an expression without columns and parameters; others stay as they are.
  func folded(
    _ expression: Expression, at position: Range<Int>
  ) throws(StoaError) -> Expression {
    if expression.isConstant { return expression }
    guard expression.isFoldable else { return expression }
    do throws(StoaError) {
      return .constant(try expression.evaluateConstant(), expression.type)
    } catch {
      throw error.at(position)
    }
  }
}

extension Expression {
  /// Whether it has the same value always: no columns, no parameters, nothing like `random()`.
  var isFoldable: Bool {
    switch self {
    case .column, .parameter: false
    case .constant: true
    case .call(let function, let arguments):
      function.isDeterministic && arguments.allSatisfy(\.isFoldable)
    default: children.allSatisfy(\.isFoldable)
    }
  }
}
