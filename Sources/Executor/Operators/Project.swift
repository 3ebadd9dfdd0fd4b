import Kernels
import SQL
import Vectors

/// Computes one expression per output column.
final class ProjectFactory: OperatorFactory, @unchecked Sendable {
  private let expressions: [Expression]

  init(_ expressions: [Expression]) { self.expressions = expressions }

  override func makeOperator() -> BatchOperator { Project(expressions) }

  private final class Project: BatchOperator {
    private let evaluators: [ExpressionEvaluator]
    private var output: Batch?

    init(_ expressions: [Expression]) { evaluators = expressions.map(ExpressionEvaluator.init) }

    override func push(_ batch: Batch) throws(StoaError) {
      output = try evaluators.evaluate(batch)
    }

    override func next() -> Batch? {
      defer { output = nil }
      return output
    }
  }
}

extension [ExpressionEvaluator] {
  /// One column per expression.
  func evaluate(_ batch: Batch) throws(StoaError) -> Batch {
    var columns: [Vector] = []
    columns.reserveCapacity(count)
    for evaluator in self { columns.append(try evaluator.evaluate(batch)) }
    return Batch(columns: columns, rowCount: batch.rowCount)
  }
}
