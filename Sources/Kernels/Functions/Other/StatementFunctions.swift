import Vectors

/// Functions that are constant in a statement: the clock and the state of the session.
extension ScalarFunction {
  private static func text(
    _ name: String, aliases: [String] = [], help: String,
    _ value: @escaping @Sendable (StatementContext) -> String
  ) -> ScalarFunction {
    ScalarFunction(
      name, aliases: aliases, .other, help: help, example: .init(gives: "any"),
      .contextual {
        (context: StatementContext, arguments: [Expression]) throws(StoaError) -> Expression? in
        arguments.isEmpty ? .constant(.string(value(context)), .varchar) : nil
      })
  }

  static let version = text("version", help: "Name and version of this software") {
    "Stoa \($0.version)"
  }
  static let currentDatabase = text(
    "current_database", aliases: ["current_catalog"], help: "Name of the warehouse"
  ) { $0.databaseName }
  static let currentSchema = text("current_schema", help: "The schema of names without one") {
    $0.schemaName
  }
  static let currentQuery = text("current_query", help: "The statement as written") { $0.text }
  static let currentUser = text(
    "current_user", aliases: ["session_user", "current_role"],
    help: "The user, always stoa: a warehouse has no accounts"
  ) { _ in "stoa" }

  static let currentSetting = ScalarFunction(
    "current_setting", .other,
    help: "Value of a setting as text; with true as second argument NULL instead of an error",
    example: .init(.text("no_such_setting"), .boolean(true), gives: "NULL"),
    .contextual {
      (context: StatementContext, arguments: [Expression]) throws(StoaError) -> Expression? in
      guard arguments.count == 1 || arguments.count == 2,
        case .string(let name)? = arguments[0].literal
      else { return nil }
      if let value = context.setting(name.lowercased()) {
        return .constant(.string(value), .varchar)
      }
      if arguments.count == 2, arguments[1].literal == .boolean(true) {
        return .constant(.null, .varchar)
      }
      throw StoaError(
        .binding, "there is no setting \(name)", hint: "SHOW ALL lists them")
    })

  static let currentDate = ScalarFunction(
    "current_date", aliases: ["today"], .date,
    help: "The day the statement began in the session's time zone",
    example: .init(gives: "any"),
    .contextual {
      (context: StatementContext, arguments: [Expression]) throws(StoaError) -> Expression? in
      guard arguments.isEmpty else { return nil }
      return .constant(.integer(Int128(Calendar.split(context.localClock).days)), .date)
    })

  static let now = ScalarFunction(
    "now",
    aliases: [
      "current_timestamp", "transaction_timestamp", "statement_timestamp",
      "get_current_timestamp",
    ], .date, help: "The time the statement began", example: .init(gives: "any"),
    .contextual {
      (context: StatementContext, arguments: [Expression]) throws(StoaError) -> Expression? in
      guard arguments.isEmpty else { return nil }
      return .constant(.integer(Int128(context.clock)), .timestampTZ)
    })

  /// The same by the clocks of the session's time zone.
  static let localTimestamp = ScalarFunction(
    "localtimestamp", aliases: ["current_localtimestamp"], .date,
    help: "The time the statement began by the clocks of the session's time zone",
    example: .init(gives: "any"),
    .contextual {
      (context: StatementContext, arguments: [Expression]) throws(StoaError) -> Expression? in
      guard arguments.isEmpty else { return nil }
      return .constant(.integer(Int128(context.localClock)), .timestamp)
    })

  /// The same without the day.
  static let localTime = ScalarFunction(
    "localtime", aliases: ["current_time", "current_localtime", "get_current_time"], .date,
    help: "The time of day the statement began by the clocks of the session's time zone",
    example: .init(gives: "any"),
    .contextual {
      (context: StatementContext, arguments: [Expression]) throws(StoaError) -> Expression? in
      guard arguments.isEmpty else { return nil }
      return .constant(
        .integer(Int128(Calendar.split(context.localClock).microseconds)), .time)
    })

  /// The clock itself, which goes on while a statement runs.
  static let clockTimestamp = ScalarFunction(
    "clock_timestamp", .date, help: "The time now, also while the statement runs",
    example: .init(gives: "any"),
    .overloads([
      Overload([], .timestampTZ, isDeterministic: false) {
        (_: [Vector], count: Int) throws(StoaError) -> Vector in
        Vector(
          constant: .integer(Int128(StatementContext.now)), type: .timestampTZ, count: count)
      }
    ]))

  static let age = ScalarFunction(
    "age", .date,
    help: "Years, months, days and time from the second timestamp to the first, or to today",
    example: .init(
      .timestamp("2024-03-01 12:00:00"), .timestamp("2023-01-31 00:00:00"),
      gives: "1 year 1 mon 1 day 12:00:00"),
    .contextual {
      (context: StatementContext, arguments: [Expression]) throws(StoaError) -> Expression? in
      guard arguments.count == 1 || arguments.count == 2 else { return nil }
      var operands = arguments
      if operands.count == 1 {
        let today = Int128(Calendar.split(context.localClock).days)
        operands.insert(
          .constant(.integer(today * Int128(Calendar.microsecondsPerDay)), .timestamp), at: 0)
      }
      var cast: [Expression] = []
      for operand in operands {
        guard ImplicitCast.cost(operand.type, .timestamp, literal: operand.literal) != nil else {
          return nil
        }
        cast.append(try FunctionRegistry.coerce(operand, to: .timestamp))
      }
      return .call(DateDiff.ageFunction, cast)
    })
}
