import Catalog
import Kernels
import Vectors

/// The short way for `INSERT … VALUES` of plain literals, which loads by statements are made of: they become columns
/// without a tree, a plan and an operator for each. Whatever is not obviously right as it stands (a text for a DATE, a
/// number out of range, an expression) takes the long way, which also has the errors.
extension Binder {
  /// The rows as columns of the table, defaults filled in; `nil` for rows that need more than this.
  func literalRows(
    _ values: ValuesSyntax, _ targets: [Int], _ table: TableDefinition
  ) throws(StoaError) -> Batch? {
    guard values.rows.allSatisfy({ $0.count == targets.count }) else { return nil }
    var sources = [Int?](repeating: nil, count: table.columns.count)
    for (source, target) in targets.enumerated() { sources[target] = source }
    let constants = try defaults(table)
    var columns: [Vector] = []
    for (index, column) in table.columns.enumerated() {
      guard let constant = constants[index].constantValue,
        let vector = Binder.column(values.rows, sources[index], column.type, or: constant)
      else { return nil }
      columns.append(vector)
    }
    return Batch(columns: columns, rowCount: values.rows.count)
  }

  private static func column(
    _ rows: [[ExpressionSyntax]], _ source: Int?, _ type: LogicalType, or constant: Value
  ) -> Vector? {
    guard let source else { return Vector(constant: constant, type: type, count: rows.count) }
    var builder = VectorBuilder(type: type, capacity: rows.count)
    for row in rows {
      switch row[source].kind {
      case .literal(let literal):
        guard let value = Binder.value(literal, as: type) else { return nil }
        builder.append(value)
      case .defaultValue: builder.append(constant)
      default: return nil
      }
    }
    return builder.finish()
  }

  /// The literal as a column of the type stores it; `nil` when that takes a cast or would fail.
  private static func value(_ literal: LiteralSyntax, as type: LogicalType) -> Value? {
    switch literal {
    case .null: return .null
    case .boolean(let flag): return type == .boolean ? .boolean(flag) : nil
    case .string(let text): return type == .varchar ? .string(text) : nil
    case .double(let number): return type == .double ? .double(number) : nil
    case .integer(let number): return value(number, scale: 0, as: type)
    case .decimal(let unscaled, _, let scale): return value(unscaled, scale: Int(scale), as: type)
    case .typed, .interval: return nil
    }
  }

  /// `unscaled` / 10^`scale`.
  private static func value(_ unscaled: Int128, scale: Int, as type: LogicalType) -> Value? {
    switch type {
    case .tinyint: return scale == 0 && Int8(exactly: unscaled) != nil ? .integer(unscaled) : nil
    case .smallint: return scale == 0 && Int16(exactly: unscaled) != nil ? .integer(unscaled) : nil
    case .integer: return scale == 0 && Int32(exactly: unscaled) != nil ? .integer(unscaled) : nil
    case .bigint: return scale == 0 && Int64(exactly: unscaled) != nil ? .integer(unscaled) : nil
    case .hugeint: return scale == 0 ? .integer(unscaled) : nil
    case .double:
      // Both are exact, so the quotient is the nearest double (Clinger, "How to Read Floating Point Numbers
      // Accurately", PLDI 1990).
      guard unscaled.magnitude <= 1 << 53, scale < exactPowers.count else { return nil }
      return .double(Double(Int64(unscaled)) / exactPowers[scale])
    case .decimal(let precision, let places):
      guard scale <= Int(places), Int(places) - scale < wholePowers.count else { return nil }
      let (value, overflow) = unscaled.multipliedReportingOverflow(
        by: wholePowers[Int(places) - scale])
      guard !overflow, Int(precision) < wholePowers.count,
        value.magnitude < wholePowers[Int(precision)].magnitude
      else { return nil }
      return .integer(value)
    default: return nil
    }
  }

  /// 10^0 … 10^22, all exact.
  private static let exactPowers: [Double] = (0...22).map { power in
    (0..<power).reduce(1.0) { value, _ in value * 10 }
  }

  /// 10^0 … 10^38.
  private static let wholePowers: [Int128] = (0...38).map { power in
    (0..<power).reduce(Int128(1)) { value, _ in value * 10 }
  }
}
