import Kernels
import SQL
import Vectors

/// Gives each row out as often as an expression says: the last step of INTERSECT ALL and EXCEPT ALL.
final class RepeatFactory: OperatorFactory, @unchecked Sendable {
  private let node: RepeatNode
  private let capacity: Int

  init(_ node: RepeatNode, capacity: Int) {
    self.node = node
    self.capacity = capacity
  }

  override func makeOperator() -> BatchOperator { Repeat(node, capacity: capacity) }

  private final class Repeat: BatchOperator {
    private let evaluator: ExpressionEvaluator
    private let capacity: Int
    private let hasOrdinal: Bool
    private let positions: Buffer
    private var batch: Batch?
    private var counts: Vector?
    private var row = 0
    /// How often `row` came out already.
    private var given: Int64 = 0

    init(_ node: RepeatNode, capacity: Int) {
      evaluator = ExpressionEvaluator(node.count)
      hasOrdinal = node.hasOrdinal
      self.capacity = capacity
      positions = Buffer(of: UInt32.self, count: capacity)
    }

    override func push(_ batch: Batch) throws(StoaError) {
      counts = try evaluator.evaluate(batch).flattened()
      self.batch = batch
      row = 0
      given = 0
    }

    override func next() -> Batch? {
      guard let batch, let counts else { return nil }
      let target = positions.typed(UInt32.self)
      var filled = 0
      let ordinals = hasOrdinal ? Buffer(of: Int64.self, count: capacity) : nil
      counts.withValues(as: Int64.self) { values in
        while row < batch.rowCount && filled < capacity {
          let wanted = counts.isValid(row) ? values[row] : 0
          let left = wanted > given ? wanted &- given : 0
          let added = Int(min(left, Int64(capacity &- filled)))
          (target + filled).update(repeating: UInt32(truncatingIfNeeded: row), count: added)
          if let ordinals {
            let ordinal = ordinals.typed(Int64.self)
            for index in 0..<added { ordinal[filled &+ index] = given &+ Int64(index) }
          }
          filled &+= added
          given &+= Int64(added)
          if given >= wanted {
            row &+= 1
            given = 0
          }
        }
      }
      if filled == 0 {
        self.batch = nil
        self.counts = nil
        return nil
      }
      var result = batch.gather(target, count: filled)
      if let ordinals {
        result.columns.append(Vector(flat: ordinals, type: .bigint, count: filled))
      }
      return result
    }
  }
}
