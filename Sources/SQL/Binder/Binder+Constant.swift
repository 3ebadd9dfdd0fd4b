import Kernels
import Vectors

extension Binder {
  /// An expression without columns, evaluated now: an argument of EXECUTE.
  /// - Parameter parameters: values of the statement's own parameters.
  public func bindConstant(
    _ syntax: ExpressionSyntax, parameters: [(value: Value, type: LogicalType)] = []
  ) throws(StoaError) -> (value: Value, type: LogicalType) {
    let clause = Clause("EXECUTE", scope: Scope(parent: nil, commonTables: nil))
    while parameterTypes.count < parameters.count { parameterTypes.append(nil) }
    let bound = try bindExpression(syntax, clause)
    guard clause.pending.isEmpty else {
      throw StoaError(
        .binding, "a value cannot be a subquery here", position: syntax.position)
    }
    let filled = try bound.rewrittenUp { (node) throws(StoaError) in
      guard case .parameter(let index, let type) = node, index < parameters.count else {
        return node
      }
      let (value, source) = parameters[index]
      let wanted = type == .null ? source : type
      return .constant(
        value.isNull ? .null : try Cast.apply(value, from: source, to: wanted), wanted)
    }
    guard let value = try folded(filled, at: syntax.position).constantValue else {
      throw StoaError(.binding, "the value must be a constant", position: syntax.position)
    }
    return (value, filled.type)
  }
}
