import Kernels
import SQL
import Vectors

/// A `WindowNode` made ready to run: what is kept of each input row, and where everything a function reads stands
/// in it. Shared by all workers.
final class WindowProgram: @unchecked Sendable {
  /// Where a value comes from.
  enum Slot {
    case column(Int)
    /// One row.
    case constant(Vector)
  }

  /// One window function.
  struct Function {
    let call: WindowCall
    let partitionCount: Int
    /// Rows that agree on this many sort items are peers.
    let peerCount: Int
    let arguments: [Slot]
    let filter: Slot?
    let startOffset: Slot?
    let endOffset: Slot?
    let rangeKey: Slot?

    /// Whether it asks which rows are peers.
    var needsPeers: Bool {
      switch call.function {
      case .rank, .denseRank, .percentRank, .cumeDist: return true
      case .rowNumber, .ntile, .lag, .lead: return false
      case .firstValue, .lastValue, .nthValue, .aggregate:
        if call.frame.exclusion == .group || call.frame.exclusion == .ties { return true }
        return !call.frame.isWholePartition && call.frame.unit != .rows
      }
    }
  }

  let node: WindowNode
  /// What is kept of a row, each expression once.
  let stored: [Expression]
  /// Places of the columns given out, and of the sort keys.
  let output: [Int]
  let keys: [Int]
  let functions: [Function]
  /// Leading sort items on which rows of different partitions of every function differ.
  let sharedCount: Int
  /// How each function is evaluated when its partition does not fit into memory; `nil` not at all.
  let reaches: [WindowReach?]
  /// Sort items whose changes some function asks for.
  let comparedCount: Int

  init(_ node: WindowNode) {
    self.node = node
    var stored: [Expression] = []
    func place(_ expression: Expression) -> Int {
      if expression.isDeterministic, let known = stored.firstIndex(of: expression) { return known }
      stored.append(expression)
      return stored.count - 1
    }
    func slot(_ expression: Expression) -> Slot {
      if case .constant(let value, let type) = expression {
        return .constant(Vector(constant: value, type: type, count: 1))
      }
      return .column(place(expression))
    }
    let types = node.input.facts.columns.map(\.type)
    output = node.output.map { place(.column($0, types[$0])) }
    keys = node.sort.map { place($0.expression) }
    functions = node.functions.map { item in
      Function(
        call: item.call, partitionCount: item.partitionCount,
        peerCount: item.partitionCount + item.orderCount,
        arguments: item.call.arguments.map(slot), filter: item.call.filter.map(slot),
        startOffset: item.call.frame.start.offset.map(slot),
        endOffset: item.call.frame.end.offset.map(slot),
        rangeKey: item.call.frame.rangeKey.map(slot))
    }
    self.stored = stored
    let shared = node.sharedPartitionCount
    sharedCount = shared
    reaches = functions.map { WindowReach($0, sharedCount: shared) }
    comparedCount = functions.map { $0.needsPeers ? $0.peerCount : $0.partitionCount }.max() ?? 0
  }

  /// Whether partitions may be larger than memory.
  var streams: Bool { reaches.allSatisfy { $0 != nil } }

  var specifications: [SortSpecification] { node.sort.specifications }

  /// The rows of `batch` within the limit of their partition, in order of the sort; all rows without limit.
  func pruned(_ batch: Batch, _ cancellation: CancellationFlag) throws(StoaError) -> Batch {
    guard let limit = node.limit else { return batch }
    let function = functions[limit.function]
    let order = order(batch.columns, count: batch.rowCount)
    let changes = try WindowChanges(
      keys: keys.prefix(function.peerCount).map { batch.columns[$0] }, order: order, cancellation)
    var kept: [UInt32] = []
    var (number, rank, dense) = (0, 0, 0)
    for place in order.indices {
      let level = Int(changes.levels[place])
      if level <= function.partitionCount {
        (number, rank, dense) = (1, 1, 1)
      } else {
        number += 1
        if level <= function.peerCount { (rank, dense) = (number, dense + 1) }
      }
      let own =
        switch function.call.function {
        case .rowNumber: number
        case .rank: rank
        default: dense
        }
      if own <= limit.count { kept.append(order[place]) }
    }
    return batch.gather(kept, count: kept.count)
  }

  /// Row numbers of `columns` (what is stored) in the order of the sort; equal rows keep theirs.
  func order(_ columns: [Vector], count: Int) -> [UInt32] {
    guard !keys.isEmpty else { return (0..<count).map { UInt32(truncatingIfNeeded: $0) } }
    return RowOrder.sort(columns: keys.map { columns[$0] }, specifications: specifications)
  }
}
