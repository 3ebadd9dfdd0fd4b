import Kernels

/// Boxed values into the types of columns.
enum ValueConversion {
  /// `value` as a column of `type` holds it. Dates and timestamps are taken as texts or as counts of days and
  /// microseconds.
  /// - Throws: `.evaluation` when it does not fit.
  static func fit(_ value: Value, to type: LogicalType) throws(StoaError) -> Value {
    switch value {
    case .null: return .null
    case .integer(let integer):
      switch type {
      case .date:
        guard Int32(exactly: integer) != nil else { throw misfit(value, type) }
        return value
      case .timestamp, .timestampTZ:
        guard Int64(exactly: integer) != nil else { throw misfit(value, type) }
        return value
      case .time:
        guard (0...86_400_000_000).contains(integer) else { throw misfit(value, type) }
        return value
      case .interval, .uuid: return value
      case .enumeration(let labels):
        guard (0..<Int128(labels.count)).contains(integer) else { throw misfit(value, type) }
        return value
      default: return try Cast.apply(value, from: Session.naturalType(value), to: type)
      }
    default:
      let natural = Session.naturalType(value)
      return natural == type ? value : try Cast.apply(value, from: natural, to: type)
    }
  }

  private static func misfit(_ value: Value, _ type: LogicalType) -> StoaError {
    StoaError(.evaluation, "\(value) does not fit \(type)")
  }
}
