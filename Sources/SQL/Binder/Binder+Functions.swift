import Kernels
import Vectors

/// Functions and casts as the registries of `Kernels` know them.
extension Binder {
  func isAggregate(_ name: String) -> Bool { AggregateRegistry.find(name) != nil }

  func isScalar(_ name: String) -> Bool { FunctionRegistry.function(named: name) != nil }

  /// A call of a scalar function or operator, arguments cast to what it wants.
  func call(
    _ name: String, _ arguments: [Expression], at position: Range<Int>,
    namePosition: Range<Int>? = nil
  ) throws(StoaError) -> Expression {
    guard isScalar(name) else { throw unknownFunction(name, namePosition ?? position) }
    do throws(StoaError) {
      let bound = try FunctionRegistry.bind(
        name, try adapted(name, arguments, at: position), context: context)
      return settled(placed(bound, at: place(position)))
    } catch {
      throw error.at(position)
    }
  }

  /// The call and the casts put around its arguments learn where it was written.
  private func placed(_ expression: Expression, at place: SourcePlace) -> Expression {
    guard case .call(var function, let arguments) = expression else { return expression }
    function.place = place
    return .call(
      function,
      arguments.map { argument in
        guard case .cast(let operand, let type, let isTry, let known) = argument,
          known.range == nil
        else { return argument }
        return .cast(operand, to: type, isTry: isTry, at: place)
      })
  }

  /// Beside a number or date, a text literal in arithmetic is read as the other operand's type.
  private func adapted(
    _ name: String, _ arguments: [Expression], at position: Range<Int>
  ) throws(StoaError) -> [Expression] {
    guard arguments.count == 2, ["+", "-", "*", "/", "//", "%"].contains(name) else {
      return arguments
    }
    let (left, right) = (arguments[0], arguments[1])
    if isTextLiteral(left), right.type.isNumeric || right.type == .date || right.type == .timestamp
    {
      return [try coerced(left, to: right.type, at: position), right]
    }
    if isTextLiteral(right), left.type.isNumeric || left.type == .date || left.type == .timestamp {
      return [left, try coerced(right, to: left.type, at: position)]
    }
    return arguments
  }

  /// Parameters that were cast from no type have found theirs.
  private func settled(_ expression: Expression) -> Expression {
    if case .cast(.parameter(let index, .null), let type, _, _) = expression {
      parameterTypes[index] = type
      return .parameter(index, type)
    }
    return expression.mapChildren(settled)
  }

  func unknownFunction(_ name: String, _ position: Range<Int>) -> StoaError {
    let names =
      FunctionRegistry.all.flatMap { [$0.name] + $0.aliases } + AggregateRegistry.names
    return StoaError(
      .binding, "there is no function \(name)",
      hint: closestSpelling(to: name, among: names).map { "Did you mean \($0)?" },
      position: position)
  }

  /// EXTRACT(field FROM operand): the function of the field's name, or `date_part`.
  func datePart(
    _ field: String, _ operand: Expression, at position: Range<Int>
  ) throws(StoaError) -> Expression {
    // EXTRACT keeps fractions of a second, as `date_part` does; the functions of these names count whole ones.
    if isScalar(field), !DateField.hasFraction(field) {
      return try call(field, [operand], at: position)
    }
    return try call(
      "date_part", [.constant(.string(field), .varchar), operand], at: position)
  }

  func aggregate(_ name: String, _ types: [LogicalType]) throws(StoaError) -> BoundAggregate {
    guard let function = AggregateRegistry.find(name) else {
      throw StoaError(.inconsistency, "there is no aggregate function \(name)")
    }
    return try function.resolve(argumentTypes: types)
  }

  func canCast(_ source: LogicalType, to target: LogicalType) -> Bool {
    Cast.isAllowed(from: source, to: target)
  }

  /// Whether every value of `source` is one of `target`, so that nobody needs to write the cast.
  func canImplicitlyCast(_ source: LogicalType, to target: LogicalType) -> Bool {
    if source == target || source == .null { return true }
    if source.isInteger, target.isInteger {
      return target.holdsAll(of: source)
    }
    return commonType(source, target) == target
  }

  func commonType(_ left: LogicalType, _ right: LogicalType) -> LogicalType? {
    ImplicitCast.commonType(left, right)
  }
}
