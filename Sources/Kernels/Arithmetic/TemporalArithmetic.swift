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
  private static let timestampDifference = BoundFunction.make(
    "-", [.timestamp, .timestamp], .interval
  ) { (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
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
        let factor = op == .divide ? 1 / number : number
        guard let result = Interval(packed: packed).scaled(by: factor) else {
          throw outOfRange(.interval)
        }
        return result.packed
      }
    }
  }
}
