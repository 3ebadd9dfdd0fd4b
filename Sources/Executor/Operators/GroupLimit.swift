import Kernels
import SQL
import Vectors

/// LIMIT for each group of rows that come one after the other: the input is sorted by group, then by order, and one
/// worker counts.
final class GroupLimitFactory: OperatorFactory, @unchecked Sendable {
  private let node: GroupLimitNode

  init(_ node: GroupLimitNode) { self.node = node }

  override func makeOperator() -> BatchOperator { GroupLimit(node) }
}

private final class GroupLimit: BatchOperator {
  private let partition: [ExpressionEvaluator]
  private let items: [ExpressionEvaluator]
  private let partitionComparator: RowComparator
  private let itemComparator: RowComparator
  private let offset: Int
  private let end: Int
  private let withTies: Bool
  /// Rows of the current group so far.
  private var count = 0
  /// Keys of a row of the current group.
  private var group: (columns: [Vector], row: Int)?
  /// Order of the last row within the limit, while rows like it may follow.
  private var last: (columns: [Vector], row: Int)?
  private var output: Batch?

  init(_ node: GroupLimitNode) {
    partition = node.partition.map(ExpressionEvaluator.init)
    items = node.withTies ? node.items.map { ExpressionEvaluator($0.expression) } : []
    partitionComparator = RowComparator(node.partition.map { _ in SortSpecification() })
    itemComparator = RowComparator(node.items.specifications)
    offset = max(0, node.offset)
    let (sum, overflow) = offset.addingReportingOverflow(max(0, node.limit ?? .max))
    end = overflow ? .max : sum
    withTies = node.withTies
  }

  override var isSaturated: Bool {
    partition.isEmpty && count >= end && (last == nil || !withTies)
  }

  override func push(_ batch: Batch) throws(StoaError) {
    let keys = try partition.evaluate(batch).columns.map(\.mergeable)
    let order = try items.evaluate(batch).columns.map(\.mergeable)
    let positions = Buffer(of: UInt32.self, count: batch.rowCount + 1)
    let target = positions.typed(UInt32.self)
    var passed = 0
    for row in 0..<batch.rowCount {
      if !isInGroup(keys, row) {
        count = 0
        last = nil
      }
      group = (keys, row)
      if passes(order, row) {
        target[passed] = UInt32(truncatingIfNeeded: row)
        passed += 1
      }
      count += 1
    }
    guard passed > 0 else { return }
    output = passed == batch.rowCount ? batch : batch.gather(target, count: passed)
  }

  private func isInGroup(_ keys: [Vector], _ row: Int) -> Bool {
    guard let group else { return true }
    return partitionComparator.compare(group.columns, group.row, keys, row) == 0
  }

  private func passes(_ order: [Vector], _ row: Int) -> Bool {
    if count < end {
      if withTies, count == end - 1 { last = (order, row) }
      return count >= offset
    }
    guard withTies, let last else { return false }
    if itemComparator.compare(last.columns, last.row, order, row) == 0 { return true }
    self.last = nil
    return false
  }

  override func next() -> Batch? {
    defer { output = nil }
    return output
  }
}
