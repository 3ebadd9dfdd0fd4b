import BenchmarkSupport

/// How many rows each table of TPC-H has at a scale factor (TPC Benchmark H, revision 3.0.1, clause 4.2.5).
public struct TPCHScale: Sendable, Hashable {
  /// At least 0.01; 1 means 1.5 million orders with some six million lines.
  public let factor: Double

  /// - Throws: for factors below 0.01 or above 1,000.
  public init(factor: Double) throws(BenchmarkError) {
    guard factor >= 0.01, factor <= 1000 else {
      throw BenchmarkError("the scale factor must lie between 0.01 and 1000, not \(factor)")
    }
    self.factor = factor
  }

  /// Rows of supplier.
  public var supplierCount: Int { Int(10_000 * factor) }
  /// Rows of customer; a third of them never orders.
  public var customerCount: Int { Int(150_000 * factor) }
  /// Rows of part; each has four suppliers.
  public var partCount: Int { Int(200_000 * factor) }
  /// Rows of orders; each has one to seven lines.
  public var orderCount: Int { Int(1_500_000 * factor) }

  /// Rows to number when generating `table`: parts for `partsupp`, orders for `lineitem`.
  public func unitCount(_ table: TPCHTable) -> Int {
    switch table {
    case .region: SharedWords.regions.count
    case .nation: SharedWords.nations.count
    case .supplier: supplierCount
    case .customer: customerCount
    case .part, .partsupp: partCount
    case .orders, .lineitem: orderCount
    }
  }
}

/// Whose rows are made. All numbers, dates and words are the same; comments and addresses differ.
public enum TPCHVariant: Sendable {
  /// The generator that the TPC publishes.
  case published
  /// The copy that DuckDB had for years: comments from a text of 10 instead of 300 MB, and addresses without an overflow.
  case duckDB
}

/// The eight tables, referenced ones first.
public enum TPCHTable: String, CaseIterable, Sendable {
  case region, nation, supplier, customer, part, partsupp, orders, lineitem

  /// File that `TPCHGenerator.write` makes.
  public var fileName: String { rawValue + ".tbl" }
}
