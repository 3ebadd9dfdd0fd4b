import Vectors

/// A typed scalar expression: what the binder makes of SQL, the optimizer rewrites and the executor evaluates.
/// Column references are numbers whose meaning belongs to the plan around them: a plan-wide unique column id
/// in logical plans, a position in the input batch in physical plans.
///
/// Invariants: operands of a comparison have the same type; so have all results of a conditional; AND, OR,
/// NOT, conditions take BOOLEAN. The binder inserts casts to make it so. Depth is limited by the parser.
public indirect enum Expression: Hashable, Sendable {
  case column(Int, LogicalType)
  case constant(Value, LogicalType)
  /// A prepared statement's parameter, counted from 0; replaced by a constant before execution.
  case parameter(Int, LogicalType)
  /// A scalar function or arithmetic operator with its arguments, already of the types it wants.
  case call(BoundFunction, [Expression])
  /// `isTry`: NULL instead of an error.
  case cast(Expression, to: LogicalType, isTry: Bool, at: SourcePlace = .unknown)
  case comparison(ComparisonOperator, Expression, Expression)
  /// IS [NOT] DISTINCT FROM: a comparison for which NULL equals NULL.
  case isDistinct(Expression, Expression, isNegated: Bool)
  /// Two operands or more, evaluated in order on the rows still undecided.
  case and([Expression])
  case or([Expression])
  case not(Expression)
  case isNull(Expression, isNegated: Bool)
  /// Membership among constants of the operand's type. `values` holds no NULL; with `hasNull` a miss is NULL.
  case inSet(Expression, values: [Value], hasNull: Bool)
  /// CASE WHEN: the first branch whose condition is true; only rows that need a branch evaluate it.
  case conditional([ConditionalBranch], otherwise: Expression?, type: LogicalType)
}

/// WHEN condition THEN result.
public struct ConditionalBranch: Hashable, Sendable {
  public var condition: Expression
  public var result: Expression

  public init(condition: Expression, result: Expression) {
    self.condition = condition
    self.result = result
  }
}

public enum ComparisonOperator: UInt8, Hashable, Sendable, CaseIterable {
  case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual

  /// The operator with its operands exchanged: `a < b` is `b > a`.
  public var mirrored: ComparisonOperator {
    switch self {
    case .equal, .notEqual: self
    case .less: .greater
    case .lessOrEqual: .greaterOrEqual
    case .greater: .less
    case .greaterOrEqual: .lessOrEqual
    }
  }

  /// The operator that is true exactly when this one is false (neither operand NULL).
  public var negated: ComparisonOperator {
    switch self {
    case .equal: .notEqual
    case .notEqual: .equal
    case .less: .greaterOrEqual
    case .lessOrEqual: .greater
    case .greater: .lessOrEqual
    case .greaterOrEqual: .less
    }
  }

  public var symbol: String {
    switch self {
    case .equal: "="
    case .notEqual: "<>"
    case .less: "<"
    case .lessOrEqual: "<="
    case .greater: ">"
    case .greaterOrEqual: ">="
    }
  }
}

/// A scalar function chosen for given argument types. Equal when name and types are.
public struct BoundFunction: Sendable, Hashable {
  public typealias Kernel =
    @Sendable (_ arguments: [Vector], _ rowCount: Int) throws(StoaError) -> Vector

  /// Lower-case SQL name; operators by their symbol (`+`, `||`).
  public let name: String
  public let argumentTypes: [LogicalType]
  public let resultType: LogicalType
  /// False for `random()`, `now()` and the like: not folded, not computed once per dictionary entry.
  public let isDeterministic: Bool
  /// True when any NULL argument makes the result NULL, which holds for most.
  public let propagatesNull: Bool
  /// Computes `rowCount` results from vectors of that length in any form.
  public let kernel: Kernel
  /// Where the call was written; errors of the kernel point there.
  public var place = SourcePlace.unknown

  public init(
    name: String, argumentTypes: [LogicalType], resultType: LogicalType,
    isDeterministic: Bool = true, propagatesNull: Bool = true, kernel: @escaping Kernel
  ) {
    self.name = name
    self.argumentTypes = argumentTypes
    self.resultType = resultType
    self.isDeterministic = isDeterministic
    self.propagatesNull = propagatesNull
    self.kernel = kernel
  }

  public static func == (left: BoundFunction, right: BoundFunction) -> Bool {
    left.name == right.name && left.argumentTypes == right.argumentTypes
      && left.resultType == right.resultType
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(argumentTypes)
  }
}

extension Expression {
  /// The type of the result.
  public var type: LogicalType {
    switch self {
    case .column(_, let type), .constant(_, let type), .parameter(_, let type),
      .cast(_, let type, _, _), .conditional(_, _, let type):
      type
    case .call(let function, _): function.resultType
    case .comparison, .isDistinct, .and, .or, .not, .isNull, .inSet: .boolean
    }
  }

  /// Direct operands, in order.
  public var children: [Expression] {
    switch self {
    case .column, .constant, .parameter: []
    case .call(_, let arguments): arguments
    case .cast(let operand, _, _, _), .not(let operand), .isNull(let operand, _),
      .inSet(let operand, _, _):
      [operand]
    case .comparison(_, let left, let right), .isDistinct(let left, let right, _): [left, right]
    case .and(let operands), .or(let operands): operands
    case .conditional(let branches, let otherwise, _):
      branches.flatMap { [$0.condition, $0.result] } + (otherwise.map { [$0] } ?? [])
    }
  }

  /// The same node over operands replaced by `transform`.
  public func mapChildren(_ transform: (Expression) -> Expression) -> Expression {
    switch self {
    case .column, .constant, .parameter: self
    case .call(let function, let arguments): .call(function, arguments.map(transform))
    case .cast(let operand, let type, let isTry, let place):
      .cast(transform(operand), to: type, isTry: isTry, at: place)
    case .comparison(let op, let left, let right):
      .comparison(op, transform(left), transform(right))
    case .isDistinct(let left, let right, let isNegated):
      .isDistinct(transform(left), transform(right), isNegated: isNegated)
    case .and(let operands): .and(operands.map(transform))
    case .or(let operands): .or(operands.map(transform))
    case .not(let operand): .not(transform(operand))
    case .isNull(let operand, let isNegated): .isNull(transform(operand), isNegated: isNegated)
    case .inSet(let operand, let values, let hasNull):
      .inSet(transform(operand), values: values, hasNull: hasNull)
    case .conditional(let branches, let otherwise, let type):
      .conditional(
        branches.map {
          ConditionalBranch(condition: transform($0.condition), result: transform($0.result))
        }, otherwise: otherwise.map(transform), type: type)
    }
  }

  /// Replaces column numbers through `mapping`, everywhere.
  public func mapColumns(_ mapping: (Int) -> Int) -> Expression {
    if case .column(let number, let type) = self { return .column(mapping(number), type) }
    return mapChildren { $0.mapColumns(mapping) }
  }

  /// Adds every column number it refers to.
  public func collectColumns(into columns: inout Set<Int>) {
    if case .column(let number, _) = self { columns.insert(number) }
    for child in children { child.collectColumns(into: &columns) }
  }

  /// False when it contains a function like `random()`.
  public var isDeterministic: Bool {
    if case .call(let function, _) = self, !function.isDeterministic { return false }
    return children.allSatisfy(\.isDeterministic)
  }
}
