import Kernels
import SQL
import Vectors

/// What a function needs to know of its partition beyond the rows at hand, when the partition does not fit into
/// memory and goes by in pieces.
enum WindowReach {
  /// What it has seen so far: ranks, and aggregates over frames that begin with the partition and end here.
  case past
  /// How many rows the partition has.
  case size
  /// One result for the whole partition.
  case whole
  /// Some rows before and after.
  case near(before: Int, after: Int)

  /// Rows that may be kept around the current piece.
  private static let nearLimit: Int64 = 1 << 20

  /// `nil` when it needs the whole partition at hand.
  /// - Parameter sharedCount: sort items by which the rows are cut into partitions.
  init?(_ function: WindowProgram.Function, sharedCount: Int) {
    let isShared = function.partitionCount == sharedCount
    switch function.call.function {
    case .rowNumber, .rank, .denseRank: self = .past
    case .percentRank, .cumeDist, .ntile:
      guard isShared else { return nil }
      self = .size
    case .lag, .lead:
      guard !function.call.ignoresNulls, case .constant(let offset) = function.arguments[1],
        let distance = offset.value(at: 0).integer,
        distance.magnitude <= UInt128(WindowReach.nearLimit)
      else { return nil }
      let isBack = (function.call.function == .lag) == (distance >= 0)
      let rows = Int(distance.magnitude)
      self = isBack ? .near(before: rows, after: 0) : .near(before: 0, after: rows)
    case .firstValue, .lastValue, .nthValue:
      guard let near = WindowReach.rows(function) else { return nil }
      self = near
    case .aggregate:
      if isShared, function.coversPartition {
        self = .whole
      } else if let near = WindowReach.rows(function) {
        self = near
      } else {
        let frame = function.call.frame
        guard frame.start == .unboundedPreceding, frame.end == .currentRow,
          frame.exclusion == .none, !function.call.isDistinct
        else { return nil }
        self = .past
      }
    }
  }

  /// ROWS between constant distances.
  private static func rows(_ function: WindowProgram.Function) -> WindowReach? {
    let frame = function.call.frame
    guard frame.unit == .rows, frame.exclusion == .none || frame.exclusion == .currentRow else {
      return nil
    }
    func distance(
      _ bound: WindowFrame.Bound, _ slot: WindowProgram.Slot?
    ) -> Int? {
      switch bound {
      case .currentRow: return 0
      case .unboundedPreceding, .unboundedFollowing: return nil
      case .preceding, .following:
        guard case .constant(let offset)? = slot, let rows = offset.value(at: 0).integer,
          rows >= 0, rows <= Int128(nearLimit)
        else { return nil }
        if case .preceding = bound { return -Int(rows) }
        return Int(rows)
      }
    }
    guard let from = distance(frame.start, function.startOffset),
      let to = distance(frame.end, function.endOffset)
    else { return nil }
    return .near(before: max(0, -from, -to), after: max(0, from, to))
  }
}

extension WindowProgram.Function {
  /// Whether the frame of each row is its whole partition.
  var coversPartition: Bool {
    if call.frame.isWholePartition { return true }
    // Without ORDER BY all rows are peers.
    return call.frame == .standard && peerCount == partitionCount
  }

  /// Whether a row's result depends on how far its peers go.
  var needsLastPeer: Bool {
    switch call.function {
    case .cumeDist: true
    case .aggregate: !coversPartition && call.frame.unit != .rows
    default: false
    }
  }
}

/// What a function has seen of a partition that goes by in pieces.
final class WindowCarry {
  /// Rows of the partition so far, and the rank of the last.
  var number: Int64 = 0
  var rank: Int64 = 0
  /// ntile: the number of tiles, that of the first row; `nil` inside when it is NULL.
  var tileCount: Int64??
  /// Aggregates: what the rows so far come to.
  var states: (any AggregateAccumulator)?
  /// The same as columns of one row.
  var partials: [Vector]?
  /// Result of the whole partition, one row.
  var whole: Vector?
}
