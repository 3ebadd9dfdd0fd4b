import Vectors

/// Arithmetic on dates, timestamps and intervals. All parts of an interval count: months first, the day cut
/// to the length of the month, then days, then microseconds.
enum TemporalArithmetic {
  /// `left op right` when one of them is a date, timestamp or interval; `nil` when there is no such operator.
  static func resolve(
    _ op: ArithmeticOperator, _ left: LogicalType, _ right: LogicalType
  ) -> BoundFunction? {
    switch (left, op, right) {
    case (.date, .add, let other) where other.isInteger: shiftDate(op, [.date, .bigint])
    case (let other, .add, .date) where other.isInteger: shiftDate(op, [.bigint, .date])
    case (.date, .subtract, let other) where other.isInteger: shiftDate(op, [.date, .bigint])
    case (.date, .subtract, .date): dateDifference
    case (.date, .add, .interval), (.date, .subtract, .interval), (.timestamp, .add, .interval),
      (.timestamp, .subtract, .interval):
      shiftTimestamp(op, [.timestamp, .interval])
    case (.interval, .add, .date), (.interval, .add, .timestamp):
      shiftTimestamp(op, [.interval, .timestamp])
    case (.timestamp, .subtract, .timestamp), (.date, .subtract, .timestamp),
      (.timestamp, .subtract, .date):
      timestampDifference
    case (.interval, .add, .interval), (.interval, .subtract, .interval): sum(op)
    case (.interval, .add, .time): shiftTime(op, [.interval, .time])
    case (.time, .add, .interval), (.time, .subtract, .interval): shiftTime(op, [.time, .interval])
    case (.time, .subtract, .time): timeDifference
    case (.date, .add, .time): dateAndTime([.date, .time])
    case (.time, .add, .date): dateAndTime([.time, .date])
    case (.timestampTZ, .add, .interval), (.timestampTZ, .subtract, .interval):
      shiftInstant(op, [.timestampTZ, .interval])
    case (.interval, .add, .timestampTZ): shiftInstant(op, [.interval, .timestampTZ])
    case (.timestampTZ, .subtract, .timestampTZ), (.timestampTZ, .subtract, .timestamp),
      (.timestampTZ, .subtract, .date), (.timestamp, .subtract, .timestampTZ),
      (.date, .subtract, .timestampTZ):
      instantDifference
    case (.interval, .multiply, let other) where other.isNumeric: scale(op, [.interval, .double])
    case (let other, .multiply, .interval) where other.isNumeric: scale(op, [.double, .interval])
    case (.interval, .divide, let other) where other.isNumeric: scale(op, [.interval, .double])
    default: nil
    }
  }

  /// −interval
  static let negation = BoundFunction.make("-", [.interval], .interval) {
    (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
    try RowKernels.unary(arguments, count, .interval, zero: 0 as Int128) {
      (packed: Int128) throws(StoaError) -> Int128 in
      guard let negated = Interval(packed: packed).negated else { throw outOfRange(.interval) }
      return negated.packed
    }
  }

  private static func outOfRange(_ type: LogicalType) -> StoaError {
    StoaError(.evaluation, "\(type) out of range")
  }

  private static func shiftDate(_ op: ArithmeticOperator, _ types: [LogicalType]) -> BoundFunction {
    let dateFirst = types[0] == .date
    let sign: Int64 = op == .subtract ? -1 : 1
    return .make(op.rawValue, types, .date) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let ordered = dateFirst ? arguments : [arguments[1], arguments[0]]
      return try RowKernels.binary(ordered, count, .date, zero: 0 as Int32) {
        (date: Int32, days: Int64) throws(StoaError) -> Int32 in
        let (signed, overflow1) = days.multipliedReportingOverflow(by: sign)
        let (sum, overflow2) = Int64(date).addingReportingOverflow(signed)
        guard !overflow1, !overflow2, let result = Int32(exactly: sum) else {
          throw outOfRange(.date)
        }
        return result
      }
    }
  }

  private static let dateDifference = BoundFunction.make("-", [.date, .date], .bigint) {
    (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
    try RowKernels.binary(arguments, count, .bigint, zero: 0 as Int64) {
      (left: Int32, right: Int32) throws(StoaError) -> Int64 in Int64(left) - Int64(right)
    }
  }

  private static func shiftTimestamp(_ op: ArithmeticOperator, _ types: [LogicalType])
    -> BoundFunction
  {
    let timestampFirst = types[0] == .timestamp
    return .make(op.rawValue, types, .timestamp) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let ordered = timestampFirst ? arguments : [arguments[1], arguments[0]]
      return try RowKernels.binary(ordered, count, .timestamp, zero: 0 as Int64) {
        (timestamp: Int64, packed: Int128) throws(StoaError) -> Int64 in
        let given = Interval(packed: packed)
        let interval = op == .subtract ? given.negated : given
        guard let interval, let result = Calendar.adding(interval, toTimestamp: timestamp) else {
          throw outOfRange(.timestamp)
        }
        return result
      }
    }
  }

  /// Days and the rest of a day, as PostgreSQL; no months.
  private static let timestampDifference = difference(of: .timestamp)
  private static let instantDifference = difference(of: .timestampTZ)

  private static func difference(of type: LogicalType) -> BoundFunction {
    .make("-", [type, type], .interval) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      try RowKernels.binary(arguments, count, .interval, zero: 0 as Int128) {
        (left: Int64, right: Int64) throws(StoaError) -> Int128 in
        let difference = Int128(left) - Int128(right)
        let day = Int128(Calendar.microsecondsPerDay)
        return Interval(
          days: Int32(truncatingIfNeeded: difference / day),
          microseconds: Int64(truncatingIfNeeded: difference % day)
        ).packed
      }
    }
  }

  /// A time of day moved around the clock; days and months of the interval do not count.
  private static func shiftTime(_ op: ArithmeticOperator, _ types: [LogicalType]) -> BoundFunction {
    let timeFirst = types[0] == .time
    return .make(op.rawValue, types, .time) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let ordered = timeFirst ? arguments : [arguments[1], arguments[0]]
      return try RowKernels.binary(ordered, count, .time, zero: 0 as Int64) {
        (time: Int64, packed: Int128) in
        let shift = Interval(packed: packed).microseconds % Calendar.microsecondsPerDay
        return Calendar.split(op == .subtract ? time - shift : time + shift).microseconds
      }
    }
  }

  private static let timeDifference = BoundFunction.make("-", [.time, .time], .interval) {
    (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
    try RowKernels.binary(arguments, count, .interval, zero: 0 as Int128) {
      (left: Int64, right: Int64) in Interval(microseconds: left &- right).packed
    }
  }

  private static func dateAndTime(_ types: [LogicalType]) -> BoundFunction {
    let dateFirst = types[0] == .date
    return .make("+", types, .timestamp) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let ordered = dateFirst ? arguments : [arguments[1], arguments[0]]
      return try RowKernels.binary(ordered, count, .timestamp, zero: 0 as Int64) {
        (days: Int32, time: Int64) throws(StoaError) -> Int64 in
        guard let result = Calendar.timestamp(days: Int(days), microseconds: time) else {
          throw outOfRange(.timestamp)
        }
        return result
      }
    }
  }

  /// Months and days by the clocks of the session's time zone, microseconds as time that passes.
  private static func shiftInstant(
    _ op: ArithmeticOperator, _ types: [LogicalType]
  ) -> BoundFunction {
    let instantFirst = types[0] == .timestampTZ
    return .make(op.rawValue, types, .timestampTZ) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let ordered = instantFirst ? arguments : [arguments[1], arguments[0]]
      let clock = LocalClock(.current)
      return try RowKernels.binary(ordered, count, .timestampTZ, zero: 0 as Int64) {
        (instant: Int64, packed: Int128) throws(StoaError) -> Int64 in
        let given = Interval(packed: packed)
        let interval = op == .subtract ? given.negated : given
        guard let interval, let result = shifted(instant, interval, clock) else {
          throw outOfRange(.timestampTZ)
        }
        return result
      }
    }
  }

  private static func shifted(
    _ instant: Int64, _ interval: Interval, _ clock: LocalClock
  ) -> Int64? {
    var moved = instant
    if interval.months != 0 || interval.days != 0 {
      let whole = Interval(months: interval.months, days: interval.days)
      guard let local = clock.local(instant),
        let there = Calendar.adding(whole, toTimestamp: local),
        let result = clock.instant(there)
      else { return nil }
      moved = result
    }
    let (sum, overflow) = moved.addingReportingOverflow(interval.microseconds)
    return overflow ? nil : sum
  }

  private static func sum(_ op: ArithmeticOperator) -> BoundFunction {
    .make(op.rawValue, [.interval, .interval], .interval) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      try RowKernels.binary(arguments, count, .interval, zero: 0 as Int128) {
        (left: Int128, right: Int128) throws(StoaError) -> Int128 in
        let second = Interval(packed: right)
        let addend = op == .subtract ? second.negated : second
        guard let addend, let result = Interval(packed: left).adding(addend) else {
          throw outOfRange(.interval)
        }
        return result.packed
      }
    }
  }

  private static func scale(_ op: ArithmeticOperator, _ types: [LogicalType]) -> BoundFunction {
    let intervalFirst = types[0] == .interval
    return .make(op.rawValue, types, .interval) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let ordered = intervalFirst ? arguments : [arguments[1], arguments[0]]
      return try RowKernels.binary(ordered, count, .interval, zero: 0 as Int128) {
        (packed: Int128, number: Double) throws(StoaError) -> Int128 in
        if op == .divide && number == 0 { throw .divisionByZero }
        let interval = Interval(packed: packed)
        let scaled =
          op == .divide ? interval.divided(by: number) : interval.scaled(by: number)
        guard number.isFinite, let result = scaled else {
          throw outOfRange(.interval)
        }
        return result.packed
      }
    }
  }
}
