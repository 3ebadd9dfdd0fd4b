import BenchmarkSupport

/// How many rows each table of the Star Schema Benchmark has at a scale factor: O'Neil, O'Neil, Chen, "The
/// Star Schema Benchmark", revision 3, 2009, as the published generator counts them.
public struct SSBScale: Sendable, Hashable {
  /// At least 0.01; 1 means six million line orders.
  public let factor: Double
  public let customerCount: Int
  public let supplierCount: Int
  public let partCount: Int
  /// Each has one to seven lines.
  public let orderCount: Int

  /// Days from 1992-01-01: seven times 365 and the leap day of 1992, one day short of 1998's end.
  public static let dateCount = 2556
  /// Orders are placed on the first 2,406 days, so that every commit date is in the table.
  public static let orderDayCount = 2406

  /// - Throws: for factors below 0.01 or above 1,000.
  public init(factor: Double) throws(BenchmarkError) {
    guard factor >= 0.01, factor <= 1000 else {
      throw BenchmarkError("the scale factor must lie between 0.01 and 1000, not \(factor)")
    }
    self.factor = factor
    customerCount = Int((30_000 * factor).rounded())
    supplierCount = Int((2_000 * factor).rounded())
    orderCount = Int((1_500_000 * factor).rounded())
    if factor >= 1 {
      // 200,000 × (1 + ⌊log₂ factor⌋)
      partCount = 200_000 * (1 + Int(factor.exponent))
    } else {
      partCount = Int((200_000 * factor).rounded())
    }
  }

  /// Rows to number when generating `table`; orders for `lineorder`.
  public func unitCount(_ table: SSBTable) -> Int {
    switch table {
    case .customer: customerCount
    case .supplier: supplierCount
    case .part: partCount
    case .date: SSBScale.dateCount
    case .lineorder: orderCount
    }
  }
}

/// The five tables.
public enum SSBTable: String, CaseIterable, Sendable {
  case customer, supplier, part, date, lineorder

  /// Name in SQL; `date` is a keyword.
  public var sqlName: String { self == .date ? "dates" : rawValue }
  /// File that `SSBGenerator.write` makes.
  public var fileName: String { rawValue + ".tbl" }
}
