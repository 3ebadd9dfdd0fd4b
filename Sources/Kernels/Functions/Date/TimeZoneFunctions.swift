import Vectors

/// `timezone(zone, x)`, which is what `x AT TIME ZONE zone` means.
enum ZoneShift {
  /// TIMESTAMP becomes the instant at which the zone's clocks show it; TIMESTAMP WITH TIME ZONE what they show. The zone
  /// is a text, or an INTERVAL east of Greenwich.
  static func resolve(_ arguments: ScalarFunction.Arguments) throws(StoaError) -> BoundFunction? {
    guard arguments.types.count == 2 else { return nil }
    let zoneType: LogicalType = arguments.types[0] == .interval ? .interval : .varchar
    guard ImplicitCast.cost(arguments.types[0], zoneType, literal: arguments.literal(0)) != nil
    else { return nil }
    let source: LogicalType
    switch arguments.types[1] {
    case .timestamp: source = .timestamp
    case .timestampTZ, .null, .date: source = .timestampTZ
    case .varchar where arguments.literal(1) != nil: source = .timestampTZ
    default: return nil
    }
    // A name that is written out is looked up once, and its error is one of binding.
    var fixed: TimeZone?
    if case .string(let name)? = arguments.literal(0) { fixed = try TimeZone.named(name) }
    let zone = fixed
    let target: LogicalType = source == .timestamp ? .timestampTZ : .timestamp
    return .make("timezone", [zoneType, source], target) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      if let zone { return try shift([arguments[1]], count, LocalClock(zone), to: target) }
      if zoneType == .interval {
        return try RowKernels.binary(arguments, count, target, zero: 0 as Int64) {
          (packed: Int128, value: Int64) throws(StoaError) -> Int64 in
          let zone = try fixedZone(Interval(packed: packed))
          return try shifted(value, LocalClock(zone), to: target)
        }
      }
      return try RowKernels.binary(arguments, count, target, zero: 0 as Int64) {
        (name: StringView, value: Int64) throws(StoaError) -> Int64 in
        try shifted(value, LocalClock(try TimeZone.named(name.string)), to: target)
      }
    }
  }

  private static func fixedZone(_ interval: Interval) throws(StoaError) -> TimeZone {
    guard interval.months == 0, interval.days == 0 else {
      throw StoaError(.evaluation, "an INTERVAL for a time zone must not have months or days")
    }
    return try .offset(seconds: Int(interval.microseconds / 1_000_000))
  }

  private static func shift(
    _ arguments: [Vector], _ count: Int, _ clock: LocalClock, to target: LogicalType
  ) throws(StoaError) -> Vector {
    try RowKernels.unary(arguments, count, target, zero: 0 as Int64) {
      (value: Int64) throws(StoaError) -> Int64 in try shifted(value, clock, to: target)
    }
  }

  @inline(__always)
  private static func shifted(
    _ value: Int64, _ clock: LocalClock, to target: LogicalType
  ) throws(StoaError) -> Int64 {
    let result = target == .timestamp ? clock.local(value) : clock.instant(value)
    guard let result else { throw StoaError(.evaluation, "\(target) out of range") }
    return result
  }
}

extension ScalarFunction {
  static let timeZone = ScalarFunction(
    "timezone", .date,
    help:
      "What AT TIME ZONE means: the instant of a timestamp in a zone, or the zone's time of an instant",
    example: .init(
      .text("Europe/Berlin"), .timestamp("2024-07-01 12:00:00"), gives: "2024-07-01 10:00:00+00"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      try ZoneShift.resolve(arguments)
    })

  static let makeTime = ScalarFunction(
    "make_time", .date, help: "Time from hour, minute and seconds",
    example: .init(.integer(13), .integer(14), .double(15.5), gives: "13:14:15.5"),
    .overloads([
      Overload([.bigint, .bigint, .double], .time) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let seconds = RowReader<Double>(arguments[2])
        let (hours, minutes) = (RowReader<Int64>(arguments[0]), RowReader<Int64>(arguments[1]))
        let validity = VectorForms.commonValidity(arguments)
        let result = FlatResult<Int64>(count: count)
        for row in 0..<count {
          result.values[row] = 0
          guard validity?.isValid(row) ?? true else { continue }
          let (hour, minute, second) = (hours[row], minutes[row], seconds[row])
          guard hour >= 0, hour < 24, minute >= 0, minute < 60, second >= 0, second < 60 else {
            throw StoaError(
              .evaluation, "there is no time with hour \(hour), minute \(minute), second \(second)")
          }
          result.values[row] =
            (hour * 60 + minute) * 60_000_000 + Int64((second * 1e6).rounded())
        }
        withExtendedLifetime(arguments) {}
        return result.vector(.time, count: count, validity: validity)
      }
    ]))
}
