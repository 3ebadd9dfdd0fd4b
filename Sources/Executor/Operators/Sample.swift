import SQL
import Vectors

/// TABLESAMPLE: rows or batches by chance, or a random number for each row, by which a sort then chooses.
final class SampleFactory: OperatorFactory, @unchecked Sendable {
  private let node: SampleNode

  init(_ node: SampleNode) { self.node = node }

  override func makeOperator() -> BatchOperator {
    Sample(node.mode, RandomNumbers(seed: node.seed.map { UInt64(bitPattern: $0) }))
  }

  private final class Sample: BatchOperator {
    private let mode: SampleNode.Mode
    private var numbers: RandomNumbers
    private var output: Batch?

    init(_ mode: SampleNode.Mode, _ numbers: RandomNumbers) {
      self.mode = mode
      self.numbers = numbers
    }

    override func push(_ batch: Batch) {
      switch mode {
      case .rows(let part): output = rows(batch, part)
      case .blocks(let part): output = numbers.fraction() < part ? batch : nil
      case .key:
        let buffer = Buffer(of: Int64.self, count: max(1, batch.rowCount))
        let target = buffer.typed(Int64.self)
        for row in 0..<batch.rowCount { target[row] = Int64(bitPattern: numbers.next()) }
        let key = Vector(flat: buffer, type: .bigint, count: batch.rowCount)
        output = Batch(columns: batch.columns + [key], rowCount: batch.rowCount)
      }
    }

    private func rows(_ batch: Batch, _ part: Double) -> Batch? {
      let buffer = Buffer(of: UInt32.self, count: batch.rowCount + 1)
      let target = buffer.typed(UInt32.self)
      var count = 0
      for row in 0..<batch.rowCount where numbers.fraction() < part {
        target[count] = UInt32(truncatingIfNeeded: row)
        count += 1
      }
      if count == 0 { return nil }
      return count == batch.rowCount ? batch : batch.gather(target, count: count)
    }

    override func next() -> Batch? {
      defer { output = nil }
      return output
    }
  }
}

/// SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
struct RandomNumbers {
  private var state: UInt64

  /// - Parameter seed: `nil` for other numbers each time.
  init(seed: UInt64?) { state = seed ?? UInt64.random(in: .min ... .max) }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// From 0 up to and without 1.
  mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}
