import BenchmarkSupport

/// Days from 1992-01-01 to 1998-12-31 as ten letters each, counted from 0.
struct TPCHCalendar: Sendable {
  static let dayCount = 2557
  /// Orders are placed so early that everything is received within the calendar.
  static let orderDayCount = dayCount - 121 - 30
  /// 1995-06-17, the day it is: earlier lines have been shipped.
  static let currentDay = 1263

  private let letters: [UInt8]

  init() {
    var letters: [UInt8] = []
    letters.reserveCapacity(TPCHCalendar.dayCount * 10)
    for year in 1992...1998 {
      for month in 1...12 {
        for day in 1...TPCHCalendar.days(month, of: year) {
          letters += "\(year)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)".utf8
        }
      }
    }
    self.letters = letters
  }

  private static func days(_ month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  @inline(__always)
  func write(_ day: Int, _ writer: inout FieldWriter) {
    letters.withUnsafeBufferPointer { letters in
      for index in 0..<10 { writer.target[index] = letters[day * 10 + index] }
    }
    writer.target += 10
  }
}
