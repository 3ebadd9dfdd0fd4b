import Testing
import Vectors

@testable import Kernels

@Suite("Intervals")
struct IntervalTests {
  @Test("stored intervals come back, and order as their lengths")
  func packing() {
    var generator = SystemRandomNumberGenerator()
    func random() -> Interval {
      let size = Int.random(in: 0...2, using: &generator)
      let months: [Int32] = [0, .random(in: -30...30), .random(in: -(1 << 26)...((1 << 26) - 1))]
      let days: [Int32] = [0, .random(in: -40...40), .random(in: -(1 << 30)...((1 << 30) - 1))]
      let time: [Int64] = [
        0, .random(in: -90_000_000_000...90_000_000_000), .random(in: .min ... .max),
      ]
      return Interval(
        months: months[size], days: days[(size + 1) % 3], microseconds: time[(size + 2) % 3])
    }
    var samples = (0..<3000).map { _ in random() }
    for (months, days, time) in [
      (-(1 << 26), -(1 << 30), Int64.min), ((1 << 26) - 1, (1 << 30) - 1, .max), (1, -30, 0),
      (0, 0, .min), (0, 30, 0), (1, 0, 0),
    ] as [(Int32, Int32, Int64)] {
      samples.append(Interval(months: months, days: days, microseconds: time))
    }
    for interval in samples {
      #expect(Interval(packed: interval.packed) == interval)
      #expect(interval.packed >> Interval.lengthShift == interval.comparableMicroseconds)
    }
    for (left, right) in zip(samples, samples.dropFirst()) {
      let (a, b) = (left.comparableMicroseconds, right.comparableMicroseconds)
      if a < b { #expect(left.packed < right.packed) }
      let range = Interval.equals(of: left.packed)
      #expect(range.contains(right.packed) == (a == b))
    }
  }

  @Test("texts read and written; what is no interval is nil")
  func texts() {
    func read(_ text: String) -> String? {
      IntervalText.parse(text).map { TextFormatter.string(.integer($0.packed), .interval) }
    }
    for (text, expected) in [
      ("P1Y2M3W4DT5H6M7.5S", "1 year 2 mons 25 days 05:06:07.5"), ("P-1M", "-1 mons"),
      ("-P1D", "-1 days"), ("PT0S", "00:00:00"), ("P1DT04:05:06", "1 day 04:05:06"),
      ("P0001-02-03T04:05:06", "1 year 2 mons 3 days 04:05:06"), ("@ 2 hours ago", "-02:00:00"),
      ("1 day 2", "1 day 00:00:02"), ("1-2 -3 4:05", "1 year 2 mons -3 days +04:05:00"),
      ("p1w", "7 days"), ("0.5 months", "15 days"), ("-1.5 days", "-1 days -12:00:00"),
    ] {
      #expect(read(text) == expected, "\(text)")
    }
    for text in [
      "", "P", "PT", "P1", "P1H", "PT1D", "1 day day", "days", "P1Y2", "99999999999 years",
      "1 day 2 furlongs", "--1 day", "1e400 days", "P1-", "PT::", "1-2-3", "@", "ago",
    ] {
      #expect(read(text) == nil, "\(text)")
    }
  }
}
