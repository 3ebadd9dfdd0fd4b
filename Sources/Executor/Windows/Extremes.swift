import Kernels
import Vectors

/// Values as numbers of which the least is wanted.
final class Ordinals {
  /// Of rows that are not NULL.
  let values: UnsafeMutablePointer<Int64>
  let count: Int
  private let buffer: Buffer

  init(_ argument: Vector, isMaximum: Bool, _ present: KeptRows?) {
    let compact =
      present.map { argument.gather($0.positions.pointer, count: $0.count) } ?? argument
    let flat = compact.flattened()
    count = flat.count
    buffer = Buffer(of: Int64.self, count: max(1, count))
    values = buffer.typed(Int64.self)
    let flip: Int64 = isMaximum ? -1 : 0
    switch flat.type.physical {
    case .bool: fill(flat, UInt8.self, flip)
    case .int8: fill(flat, Int8.self, flip)
    case .int16: fill(flat, Int16.self, flip)
    case .int32: fill(flat, Int32.self, flip)
    case .int64: fill(flat, Int64.self, flip)
    case .float32: fillReal(flat, Float.self, flip) { Double($0) }
    case .float64: fillReal(flat, Double.self, flip) { $0 }
    case .int128, .string: fillRanks(flat, flip)
    }
  }

  private func fill<T: FixedWidthInteger & BitwiseCopyable>(
    _ flat: Vector, _: T.Type, _ flip: Int64
  ) {
    flat.withValues(as: T.self) { source in
      for row in 0..<count { values[row] = Int64(truncatingIfNeeded: source[row]) ^ flip }
    }
  }

  private func fillReal<T: BitwiseCopyable>(
    _ flat: Vector, _: T.Type, _ flip: Int64, _ double: (T) -> Double
  ) {
    flat.withValues(as: T.self) { source in
      for row in 0..<count {
        let value = double(source[row])
        let bits = value.isNaN ? Int64.max : Int64(bitPattern: value.bitPattern)
        values[row] = (bits ^ ((bits >> 63) & Int64.max)) ^ flip
      }
    }
  }

  /// Wide values by their place in order; equal ones have different places, which does not matter.
  private func fillRanks(_ flat: Vector, _ flip: Int64) {
    let order = RowOrder.sort(columns: [flat], specifications: [SortSpecification()])
    for (rank, row) in order.enumerated() { values[Int(row)] = Int64(rank) ^ flip }
  }

  /// The first least row of frames whose ends only move forward.
  @inline(__always)
  func slide(
    _ rowCount: Int, _ positions: RowNumbers, _ isPresent: UnsafeMutablePointer<UInt8>,
    _ range: (Int) -> (lower: Int, upper: Int)
  ) {
    // Candidates in order of rows, each less than those after it; every row enters and leaves once.
    let queue = RowNumbers(count: count + 1)
    let candidates = queue.pointer
    var head = 0
    var tail = 0
    var entered = 0
    for row in 0..<rowCount {
      let (lower, upper) = range(row)
      if lower >= entered {
        (head, tail) = (0, 0)
        entered = lower
      }
      while entered < upper {
        let value = values[entered]
        while tail > head, values[Int(candidates[tail - 1])] > value { tail -= 1 }
        candidates[tail] = UInt32(truncatingIfNeeded: entered)
        tail += 1
        entered += 1
      }
      while head < tail, Int(candidates[head]) < lower { head += 1 }
      let isEmpty = head >= tail || lower >= upper
      positions.pointer[row] = isEmpty ? 0 : candidates[head]
      isPresent[row] = isEmpty ? 0 : 1
    }
    withExtendedLifetime(queue) {}
  }
}

/// The least of any range of rows: a binary tree of row numbers.
struct ExtremeTree {
  private let ordinals: Ordinals
  /// Leaves are nodes `count`…, the parent of node i is i / 2; −1 where there is none.
  private let nodes: [Int32]

  init(_ ordinals: Ordinals) {
    self.ordinals = ordinals
    let count = ordinals.count
    var nodes = [Int32](repeating: -1, count: 2 * count)
    for row in 0..<count { nodes[count + row] = Int32(truncatingIfNeeded: row) }
    for node in stride(from: count - 1, to: 0, by: -1) {
      let left = nodes[2 * node]
      let right = nodes[2 * node + 1]
      nodes[node] =
        ordinals.values[Int(right)] < ordinals.values[Int(left)] ? right : left
    }
    self.nodes = nodes
  }

  /// The row of `lower..<upper`, or `besides` when it is not negative, whose value is least; −1 for none.
  @inline(__always)
  func best(_ lower: Int, _ upper: Int, besides: Int) -> Int {
    var best = besides
    guard lower < upper else { return best }
    func take(_ node: Int) {
      let row = Int(nodes[node])
      if best < 0 || ordinals.values[row] < ordinals.values[best] { best = row }
    }
    var low = lower + ordinals.count
    var high = upper + ordinals.count
    while low < high {
      if low & 1 == 1 {
        take(low)
        low += 1
      }
      if high & 1 == 1 {
        high -= 1
        take(high)
      }
      low >>= 1
      high >>= 1
    }
    return best
  }
}
