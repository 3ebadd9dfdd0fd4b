import Kernels
import SQL
import Vectors

// Joins by one or two inequalities. Build rows are sorted by the first key, so those that meet the first inequality are
// one stretch of places, found by binary search. For the second, every place knows the rank of its row in the order
// of the second key, and a tree of the greatest rank below each node finds the next place of the stretch that meets
// it in logarithmic time: n probe rows with k matches in all cost O((n + m) log m + k log m), whatever the data,
// as IEJoin does (Khayyat et al., "Lightning Fast and Space Efficient Inequality Joins", VLDB 2015), but probe rows
// stream and need no sorting.
//
// Rows with NULL in a key meet no inequality and are left out.

/// Build rows of a join by inequalities.
final class RangeTable: @unchecked Sendable {
  /// Build row at each place.
  let rows: [UInt32]
  private let first: SortedKeys
  private let second: SortedKeys?
  private let firstComparison: ComparisonOperator
  private let secondComparison: ComparisonOperator
  /// Complete binary tree: leaves from `leafStart` on are scores of places, others the greater of their children.
  private let tree: [Int32]
  private let leafStart: Int

  /// - Parameter keys: key values of all build rows, one vector per condition.
  init(_ keys: [Vector], _ comparisons: [ComparisonOperator]) {
    let count = keys[0].count
    var valid: [UInt32] = []
    valid.reserveCapacity(count)
    for row in 0..<count where keys.allSatisfy({ $0.isValid(row) }) {
      valid.append(UInt32(truncatingIfNeeded: row))
    }
    let present = keys.map { $0.gather(valid, count: valid.count).flattened() }
    let order = RowOrder.sort(columns: [present[0]], specifications: [SortSpecification()])
    rows = order.map { valid[Int($0)] }
    first = SortedKeys(present[0].gather(order, count: order.count).flattened())
    firstComparison = comparisons[0]
    guard keys.count > 1 else {
      second = nil
      secondComparison = comparisons[0]
      tree = []
      leafStart = 0
      return
    }
    let inOrder = present[1].gather(order, count: order.count).flattened()
    let secondOrder = RowOrder.sort(columns: [inOrder], specifications: [SortSpecification()])
    second = SortedKeys(inOrder.gather(secondOrder, count: secondOrder.count).flattened())
    secondComparison = comparisons[1]
    var leaves = 1
    while leaves < max(1, order.count) { leaves *= 2 }
    var tree = [Int32](repeating: -1, count: 2 * leaves)
    let wantsGreater = comparisons[1] == .less || comparisons[1] == .lessOrEqual
    for (rank, place) in secondOrder.enumerated() {
      tree[leaves + Int(place)] = Int32(
        truncatingIfNeeded: wantsGreater ? rank : secondOrder.count - 1 - rank)
    }
    for node in stride(from: leaves - 1, to: 0, by: -1) {
      tree[node] = max(tree[2 * node], tree[2 * node + 1])
    }
    self.tree = tree
    leafStart = leaves
  }

  /// Bytes needed beside the keys, for the memory budget.
  static func byteCount(rowCount: Int, keyCount: Int) -> Int {
    rowCount * (8 + 24 * keyCount) + (keyCount > 1 ? 16 * rowCount : 0)
  }

  /// Where the matches of one probe row lie: places of a stretch, with at least this score.
  struct Stretch {
    var lower: Int32
    var upper: Int32
    var score: Int32
  }

  /// The stretch of each row; empty for NULLs.
  func stretches(_ keys: [Vector], count: Int) -> [Stretch] {
    let total = Int32(truncatingIfNeeded: rows.count)
    let flat = keys.map { $0.flattened() }
    let bounds = first.bounds(flat[0], isUpper: RangeTable.isUpper(firstComparison))
    var result: [Stretch] = []
    result.reserveCapacity(count)
    let isBelow = firstComparison == .greater || firstComparison == .greaterOrEqual
    for bound in bounds {
      result.append(
        isBelow
          ? Stretch(lower: 0, upper: bound, score: 0)
          : Stretch(lower: bound, upper: total, score: 0))
    }
    if let second {
      let ranks = second.bounds(flat[1], isUpper: RangeTable.isUpper(secondComparison))
      let wantsGreater = secondComparison == .less || secondComparison == .lessOrEqual
      for row in 0..<count { result[row].score = wantsGreater ? ranks[row] : total - ranks[row] }
    }
    for row in 0..<count where !flat.allSatisfy({ $0.isValid(row) }) { result[row].upper = 0 }
    return result
  }

  /// Whether equal keys lie below the bound.
  private static func isUpper(_ comparison: ComparisonOperator) -> Bool {
    comparison == .less || comparison == .greaterOrEqual
  }

  /// The first place from `place` on that matches; at or past `stretch.upper` when there is none.
  func next(_ place: Int32, _ stretch: Stretch) -> Int32 {
    if leafStart == 0 || place >= stretch.upper { return place }
    var node = leafStart + Int(place)
    while true {
      if tree[node] >= stretch.score {
        while node < leafStart {
          node *= 2
          if tree[node] < stretch.score { node += 1 }
        }
        return Int32(truncatingIfNeeded: node - leafStart)
      }
      // On to the subtree right of this one.
      while node & 1 == 1 { node >>= 1 }
      if node == 0 { return .max }
      node += 1
    }
  }
}

/// Values in ascending order, to be searched.
private final class SortedKeys {
  private enum Storage {
    case ordinals([Int64])
    case wide([Int128])
    case strings(Vector)
  }

  private let storage: Storage
  private let count: Int

  /// - Parameter sorted: flat, without NULLs, ascending.
  init(_ sorted: Vector) {
    count = sorted.count
    switch sorted.type.physical {
    case .int128:
      storage = .wide(
        sorted.withValues(as: Int128.self) { values in (0..<sorted.count).map { values[$0] } })
    case .string: storage = .strings(sorted)
    case .bool, .int8, .int16, .int32, .int64, .float32, .float64:
      storage = .ordinals(SortedKeys.ordinals(sorted))
    }
  }

  /// For each value of `probe` how many keys are less, or with `isUpper` less or equal.
  func bounds(_ probe: Vector, isUpper: Bool) -> [Int32] {
    switch storage {
    case .ordinals(let keys):
      return SortedKeys.ordinals(probe).map { value in
        SortedKeys.bound(keys.count) { isUpper ? keys[$0] <= value : keys[$0] < value }
      }
    case .wide(let keys):
      return probe.withValues(as: Int128.self) { values in
        (0..<probe.count).map { row in
          SortedKeys.bound(keys.count) {
            isUpper ? keys[$0] <= values[row] : keys[$0] < values[row]
          }
        }
      }
    case .strings(let keys):
      return keys.withValues(as: StringView.self) { sorted in
        probe.withValues(as: StringView.self) { values in
          (0..<probe.count).map { row in
            guard probe.isValid(row) else { return 0 }
            return SortedKeys.bound(count) {
              let order = StringView.compare(sorted[$0], values[row])
              return isUpper ? order <= 0 : order < 0
            }
          }
        }
      }
    }
  }

  /// The number of places for which `isBelow` holds; it holds for all up to one.
  @inline(__always)
  private static func bound(_ count: Int, _ isBelow: (Int) -> Bool) -> Int32 {
    var low = 0
    var high = count
    while low < high {
      let middle = low &+ (high &- low) / 2
      if isBelow(middle) { low = middle &+ 1 } else { high = middle }
    }
    return Int32(truncatingIfNeeded: low)
  }

  /// Numbers that sort as the values do; NULL slots give anything.
  private static func ordinals(_ flat: Vector) -> [Int64] {
    func integers<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) -> [Int64] {
      flat.withValues(as: T.self) { values in
        (0..<flat.count).map { Int64(truncatingIfNeeded: values[$0]) }
      }
    }
    switch flat.type.physical {
    case .bool: return integers(UInt8.self)
    case .int8: return integers(Int8.self)
    case .int16: return integers(Int16.self)
    case .int32: return integers(Int32.self)
    case .int64: return integers(Int64.self)
    case .float32:
      return flat.withValues(as: Float.self) { values in
        (0..<flat.count).map { ordinal(Double(values[$0])) }
      }
    case .float64:
      return flat.withValues(as: Double.self) { values in
        (0..<flat.count).map { ordinal(values[$0]) }
      }
    case .int128, .string: return []
    }
  }

  /// NaN above all, −0 with 0.
  private static func ordinal(_ value: Double) -> Int64 {
    if value.isNaN { return .max }
    let bits = Int64(bitPattern: (value == 0 ? 0 : value).bitPattern)
    return bits >= 0 ? bits : bits ^ .max
  }
}

/// Pairs each probe row with the build rows that meet the inequalities.
final class RangeProbe: PairProbe {
  private let table: RangeTable
  private let keys: [ExpressionEvaluator]
  private var stretches: [RangeTable.Stretch] = []
  /// Place that `row` is looked at next.
  private var place: Int32 = 0
  private var isStarted = false

  init(
    _ table: RangeTable, _ keys: [Expression], kind: JoinKind, output: JoinOutput,
    residual: Expression?, payload: [Vector], matched: UnsafeMutablePointer<UInt8>?, capacity: Int
  ) {
    self.table = table
    self.keys = keys.map(ExpressionEvaluator.init)
    super.init(
      kind: kind, output: output, residual: residual, payload: payload, matched: matched,
      capacity: capacity)
  }

  override func push(_ batch: Batch) throws(StoaError) {
    stretches = table.stretches(try keys.evaluate(batch).columns, count: batch.rowCount)
    isStarted = false
    begin(batch)
  }

  override func markMatches(_ rowCount: Int) {
    for row in 0..<rowCount {
      let stretch = stretches[row]
      if table.next(stretch.lower, stretch) < stretch.upper { matches[row] = 1 }
    }
  }

  override func makePairs(_ rowCount: Int) -> Int {
    let probe = probePositions.typed(UInt32.self)
    let build = buildPositions.typed(UInt32.self)
    var count = 0
    while row < rowCount && count < capacity {
      let stretch = stretches[row]
      if !isStarted {
        place = stretch.lower
        isStarted = true
      }
      while count < capacity {
        let found = table.next(place, stretch)
        if found >= stretch.upper {
          isStarted = false
          break
        }
        probe[count] = UInt32(truncatingIfNeeded: row)
        build[count] = table.rows[Int(found)]
        count &+= 1
        place = found &+ 1
      }
      if !isStarted { row &+= 1 }
    }
    return count
  }
}
