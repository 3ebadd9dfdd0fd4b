import Testing
import Vectors

@testable import Kernels

@Suite("Calendar")
struct CalendarTests {
  @Test("days and dates correspond, day by day, from 3000 BC to 12000")
  func walk() {
    var (year, month, day) = (-2999, 1, 1)
    var days = Calendar.days(year: year, month: month, day: day)
    while year < 12_000 {
      let date = Calendar.day(fromDays: days)
      guard date.year == year, date.month == month, date.day == day,
        Calendar.days(year: year, month: month, day: day) == days
      else {
        Issue.record("day \(days) is \(date), not \(year)-\(month)-\(day)")
        return
      }
      days += 1
      day += 1
      if day > Calendar.dayCount(year: year, month: month) {
        day = 1
        month = month % 12 + 1
        if month == 1 { year += 1 }
      }
    }
    #expect(Calendar.days(year: 1970, month: 1, day: 1) == 0)
  }

  @Test("the whole range of DATE corresponds to dates and back")
  func wholeRange() {
    for days in stride(from: Int(Int32.min), through: Int(Int32.max), by: 99_991) {
      let date = Calendar.day(fromDays: days)
      if Calendar.checkedDays(year: date.year, month: date.month, day: date.day) != Int32(days) {
        Issue.record("day \(days) is \(date)")
      }
    }
    #expect(Calendar.checkedDays(year: .min, month: 1, day: 1) == nil)
    #expect(Calendar.checkedDays(year: 9_999_999, month: 1, day: 1) == nil)
  }

  /// Days since 1970, year, month, day, ISO year, ISO week, ISO day of week, day of year; by Python's datetime.
  private static let fixture = """
    -719162 1 1 1 1 1 1 1
    2932896 9999 12 31 9999 52 5 365
    0 1970 1 1 1970 1 4 1
    -1 1969 12 31 1970 1 3 365
    11016 2000 2 29 2000 9 2 60
    -25509 1900 2 28 1900 9 3 59
    -25508 1900 3 1 1900 9 4 60
    18627 2020 12 31 2020 53 4 366
    18630 2021 1 3 2020 53 7 3
    18631 2021 1 4 2021 1 1 4
    17896 2018 12 31 2019 1 1 365
    1893477 7154 3 2 7154 9 2 61
    352252 2934 6 8 2934 23 2 159
    2392118 8519 5 26 8519 21 5 146
    784644 4118 4 14 4118 15 4 104
    2616121 9132 9 12 9132 37 1 256
    2176781 7929 10 29 7929 44 2 302
    2810390 9664 8 2 9664 31 6 215
    2384197 8497 9 16 8497 38 1 259
    2015657 7488 9 6 7488 36 4 250
    1503986 6087 10 10 6087 41 5 283
    -597506 334 2 1 334 5 4 32
    2805513 9651 3 27 9651 13 1 86
    1233800 5348 1 12 5348 2 5 12
    2535444 8911 10 24 8911 43 6 297
    325440 2861 1 9 2861 1 7 9
    2002834 7453 7 29 7453 30 5 210
    -501674 596 6 18 596 24 6 170
    -61280 1802 3 23 1802 12 2 82
    -244342 1301 1 6 1301 1 4 6
    840252 4270 7 14 4270 28 4 195
    1248256 5387 8 11 5387 32 6 223
    2923362 9973 11 23 9973 47 5 327
    315039 2832 7 19 2832 30 1 201
    877852 4373 6 24 4373 25 7 175
    1561536 6245 5 5 6245 19 1 125
    -291451 1172 1 14 1172 2 5 14
    1688121 6591 12 2 6591 48 5 336
    326606 2864 3 20 2864 12 4 80
    -664158 151 8 7 151 31 6 219
    2347644 8397 8 19 8397 34 2 231
    189868 2489 11 3 2489 44 4 307
    992747 4688 1 19 4688 3 4 19
    453072 3210 6 21 3210 25 1 172
    44518 2091 11 20 2091 47 2 324
    2919225 9962 7 27 9962 30 5 208
    2492523 8794 4 19 8794 16 2 109
    914256 4473 2 23 4473 8 4 54
    -49734 1833 11 1 1833 44 5 305
    2476584 8750 8 29 8750 35 2 241
    2624314 9155 2 17 9155 7 4 48
    -417459 827 1 14 827 2 4 14
    -137130 1594 7 21 1594 29 4 202
    1872608 7097 1 10 7097 1 7 10
    1870621 7091 8 3 7091 32 1 215
    1146614 5109 4 29 5109 17 4 119
    -187747 1455 12 20 1455 51 4 354
    -164504 1519 8 10 1519 32 7 222
    -711718 21 5 20 21 20 4 140
    -696878 62 1 5 62 1 4 5
    """

  @Test("weeks and days of the year are those of Python's datetime")
  func python() {
    for line in CalendarTests.fixture.split(separator: "\n") {
      let numbers = line.split(separator: " ").compactMap { Int($0) }
      let date = Calendar.day(fromDays: numbers[0])
      let week = Calendar.isoWeek(days: numbers[0])
      #expect(
        [
          numbers[0], date.year, date.month, date.day, week.year, week.week,
          Calendar.isoDayOfWeek(days: numbers[0]), Calendar.dayOfYear(date),
        ] == numbers)
    }
  }

  @Test("parts of random timestamps put together again give the timestamp")
  func parts() throws {
    var generator = SeededGenerator(UInt64.random(in: .min ... .max))
    let fields = DateField.allCases.filter { $0 != .epoch }
    for _ in 0..<2_000 {
      let stamp = Int64.random(in: .min ... .max, using: &generator)
      let parts = Calendar.split(stamp)
      if Calendar.timestamp(days: parts.days, microseconds: parts.microseconds) != stamp {
        Issue.record("\(stamp) is \(parts)")
      }
      for field in fields where field.isOfDay {
        let start = DateTrunc.truncated(days: parts.days, field)
        if start > parts.days || DateTrunc.truncated(days: start, field) != start {
          Issue.record("\(field) of day \(parts.days) begins at \(start)")
        }
      }
    }
    for field in ["year", "month", "week", "hour", "microsecond", "century", "isoyear"] {
      for name in ["date_trunc", "date_part"] {
        for stamp in [Int64.min, .max, 0, -1] {
          let call = try FunctionRegistry.bind(
            name,
            [.constant(.string(field), .varchar), .constant(.integer(Int128(stamp)), .timestamp)])
          _ = try? call.evaluateConstant()
        }
      }
    }
  }

  @Test("centuries, truncation and differences as PostgreSQL and DuckDB define them")
  func definitions() throws {
    func days(_ text: String) throws -> Int {
      Int(try #require(try Cast.apply(.string(text), from: .varchar, to: .date).integer))
    }
    #expect(DateField.century.value(days: try days("2000-12-31")) == 20)
    #expect(DateField.century.value(days: try days("2001-01-01")) == 21)
    #expect(DateField.millennium.value(days: try days("2000-12-31")) == 2)
    #expect(DateField.century.value(days: try days("0001-01-01 BC")) == -1)
    #expect(DateTrunc.truncated(days: try days("2000-12-31"), .century) == (try days("1901-01-01")))
    #expect(DateTrunc.truncated(days: try days("2024-03-03"), .week) == (try days("2024-02-26")))
    #expect(DateTrunc.truncated(days: try days("2024-12-31"), .quarter) == (try days("2024-10-01")))
    #expect(throws: StoaError.self) { try DateDiff.boundaries(.microsecond, .min, .max) }
    #expect(try DateDiff.boundaries(.week, 0, 4 * Calendar.microsecondsPerDay) == 1)
    #expect(try DateDiff.boundaries(.hour, -1, 0) == 1)
  }
}
