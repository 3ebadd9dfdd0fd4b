/// The days of the date table, computed once.
struct SSBCalendar: Sendable {
  struct Day: Sendable {
    var year: Int
    var month: Int
    var day: Int
    /// From 1.
    var dayInYear: Int
    /// 0 for Sunday.
    var weekday: Int
    var isLastInMonth: Bool
    /// yyyymmdd.
    var key: Int { year * 10_000 + month * 100 + day }
  }

  let days: [Day]
  /// `days[i].key`, for the loop over line orders.
  let keys: [Int32]

  init() {
    var days: [Day] = []
    var year = 1992
    var month = 1
    var day = 1
    var dayInYear = 1
    for index in 0..<SSBScale.dateCount {
      let last = SSBCalendar.dayCount(year, month)
      // 1992-01-01 was a Wednesday.
      days.append(
        Day(
          year: year, month: month, day: day, dayInYear: dayInYear, weekday: (index + 3) % 7,
          isLastInMonth: day == last))
      day += 1
      dayInYear += 1
      guard day > last else { continue }
      day = 1
      month += 1
      guard month > 12 else { continue }
      month = 1
      year += 1
      dayInYear = 1
    }
    self.days = days
    keys = days.map { Int32($0.key) }
  }

  private static func dayCount(_ year: Int, _ month: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}
