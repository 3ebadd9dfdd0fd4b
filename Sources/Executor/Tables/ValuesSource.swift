import Kernels
import SQL
import Vectors

/// Batches that are there already: rows kept by an operator before, VALUES, tables of tests. Each batch is a
/// morsel.
public final class BatchSource: TableSource, @unchecked Sendable {
  private let batches: [Batch]
  public let isOrdered: Bool
  public let estimatedRowCount: Int

  /// - Parameter isOrdered: rows must come out in the order of `batches`.
  public init(_ batches: [Batch], isOrdered: Bool = false) {
    self.batches = batches
    self.isOrdered = isOrdered
    estimatedRowCount = batches.reduce(0) { $0 + $1.rowCount }
  }

  public var morselCount: Int { batches.count }
  /// A reader that gives out one batch a morsel.
  public func makeReader() -> any TableReader { Reader(batches) }

  private final class Reader: TableReader {
    private let batches: [Batch]
    private var current: Batch?

    init(_ batches: [Batch]) { self.batches = batches }
    func open(morsel: Int) { current = batches[morsel] }

    func next() -> Batch? {
      defer { current = nil }
      return current
    }
  }
}

/// A source whose batches are known only once the stages before it have run.
final class DeferredSource: TableSource, @unchecked Sendable {
  private let make: () throws(StoaError) -> any TableSource
  private var source: any TableSource = BatchSource([])
  let isOrdered: Bool

  /// - Parameter make: called in `prepare`.
  init(isOrdered: Bool = false, _ make: @escaping () throws(StoaError) -> any TableSource) {
    self.isOrdered = isOrdered
    self.make = make
  }

  func prepare() throws(StoaError) {
    source = try make()
    try source.prepare()
  }

  var morselCount: Int { source.morselCount }
  var estimatedRowCount: Int { source.estimatedRowCount }
  func makeReader() throws(StoaError) -> any TableReader { try source.makeReader() }
}

/// VALUES and SELECT without FROM.
enum ValuesSource {
  /// Evaluates the rows of `node`, in batches of `capacity`.
  static func make(_ node: ValuesNode, capacity: Int) throws(StoaError) -> any TableSource {
    let types = node.facts.columns.map(\.type)
    var batches: [Batch] = []
    var row = 0
    while row < node.rows.count {
      let rows = node.rows[row..<min(row + capacity, node.rows.count)]
      var columns: [Vector] = []
      for (index, type) in types.enumerated() {
        columns.append(try column(index, type, of: rows))
      }
      batches.append(Batch(columns: columns, rowCount: rows.count))
      row += rows.count
    }
    return BatchSource(batches, isOrdered: true)
  }

  private static func column(
    _ index: Int, _ type: LogicalType, of rows: ArraySlice<[Expression]>
  ) throws(StoaError) -> Vector {
    let empty = Batch(columns: [], rowCount: 1)
    if rows.count == 1, let only = rows.first {
      return try ExpressionEvaluator(only[index]).evaluate(empty)
    }
    var builder = VectorBuilder(type: type, capacity: rows.count)
    for row in rows {
      if case .constant(let value, _) = row[index] {
        builder.append(value)
      } else {
        builder.append(try ExpressionEvaluator(row[index]).evaluate(empty))
      }
    }
    return builder.finish()
  }
}
