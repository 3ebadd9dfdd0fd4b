import Testing
import Vectors

@testable import Kernels

@Suite("Random expressions")
struct RandomExpressionTests {
  private enum Outcome: Equatable {
    case values([Value])
    case failure
  }

  @Test("evaluator and filter agree with row-at-a-time evaluation in every form")
  func agreement() throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = RandomExpressions(generator: SeededGenerator(seed))
    var failures = 0
    for round in 0..<3_000 {
      let type = [LogicalType.boolean, .boolean, .integer, .double].randomElement(
        using: &random.generator)!
      let expression = try random.expression(type, depth: 4)
      let evaluator = ExpressionEvaluator(expression)
      // The second batch meets what the evaluator remembers of the first.
      for _ in 0..<2 {
        let count = random.number(0...20)
        let batch = Batch(
          columns: RandomExpressions.types.map { random.column($0, count: count) }, rowCount: count)
        let rows = (0..<count).map { row in batch.columns.map { $0.value(at: row) } }
        let expected = reference(rows) { try $0.evaluate(expression) }
        if expected == .failure { failures += 1 }
        #expect(
          outcome { try evaluator.evaluate(batch).allValues } == expected,
          "seed \(seed), round \(round)")
        guard type == .boolean else { continue }
        let kept = reference(rows) { .boolean(try $0.passes(expression)) }
        let filtered = outcome {
          let positions = try evaluator.filter(batch).array
          return (0..<count).map { .boolean(positions.contains($0)) }
        }
        #expect(filtered == kept, "filter, seed \(seed), round \(round)")
      }
    }
    #expect(failures > 20 && failures < 5_000)
  }

  private func reference(_ rows: [[Value]], _ body: (ReferenceEvaluator) throws -> Value) -> Outcome
  {
    outcome { try rows.map { try body(ReferenceEvaluator(row: $0)) } }
  }

  private func outcome(_ body: () throws -> [Value]) -> Outcome {
    do { return .values(try body()) } catch { return .failure }
  }
}
