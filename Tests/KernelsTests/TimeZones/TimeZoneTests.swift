import Testing
import Vectors

@testable import Kernels

@Suite("Time zones")
struct TimeZoneTests {
  private func instant(_ text: String) throws -> Int64 {
    var text = text
    return try #require(text.withUTF8 { TextParser.parseTimestamp(UnsafeRawBufferPointer($0)) })
  }

  private func offsets(_ zone: String, _ times: [String]) throws -> [Int] {
    let zone = try TimeZone.named(zone)
    return try times.map { zone.offset(at: try instant($0)) }
  }

  @Test("offsets before the first transition, between them, and by the rule after the last")
  func offsetsOverTime() throws {
    #expect(
      try offsets(
        "Europe/Berlin",
        [
          "1880-01-01", "1916-05-01 12:00:00", "1980-01-01", "1980-07-01", "2024-03-31 00:59:59",
          "2024-03-31 01:00:00", "2024-10-27 00:59:59", "2024-10-27 01:00:00", "2037-07-01",
          "2038-01-01", "2400-07-01", "9999-01-01",
        ]) == [3208, 7200, 3600, 7200, 3600, 7200, 7200, 3600, 7200, 3600, 7200, 3600])
    #expect(try offsets("Asia/Kolkata", ["2024-01-01", "2424-01-01"]) == [19_800, 19_800])
    #expect(try offsets("America/Sao_Paulo", ["2018-12-01", "2024-12-01"]) == [-7200, -10_800])
    #expect(try offsets("Australia/Lord_Howe", ["2024-01-01", "2024-07-01"]) == [39_600, 37_800])
    #expect(try offsets("Etc/GMT+5", ["2024-01-01"]) == [-18_000])
  }

  @Test("a skipped local time is read with the offset before, one that comes twice is the second")
  func gapsAndOverlaps() throws {
    let zone = try TimeZone.named("America/New_York")
    func utc(_ local: String) throws -> String {
      let found = try #require(zone.instant(try instant(local)))
      return TextFormatter.string(.integer(Int128(found)), .timestamp)
    }
    #expect(try utc("2024-03-10 01:59:59") == "2024-03-10 06:59:59")
    #expect(try utc("2024-03-10 02:30:00") == "2024-03-10 07:30:00")
    #expect(try utc("2024-03-10 03:00:00") == "2024-03-10 07:00:00")
    #expect(try utc("2024-11-03 00:59:59") == "2024-11-03 04:59:59")
    #expect(try utc("2024-11-03 01:00:00") == "2024-11-03 06:00:00")
    #expect(try utc("2024-11-03 01:59:59") == "2024-11-03 06:59:59")
    #expect(try utc("2024-11-03 02:00:00") == "2024-11-03 07:00:00")
  }

  @Test("every instant comes back from its local time, or its twin an hour later")
  func roundTrips() throws {
    for name in ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "UTC"] {
      let zone = try TimeZone.named(name)
      var generator = SystemRandomNumberGenerator()
      for _ in 0..<2_000 {
        let instant = Int64.random(
          in: -8_000_000_000_000_000...20_000_000_000_000_000, using: &generator)
        let local = try #require(zone.local(instant))
        let back = try #require(zone.instant(local))
        #expect(zone.local(back) == local, "\(name) \(instant)")
      }
    }
  }

  @Test("names are found in any case, and nothing outside the database is")
  func names() throws {
    #expect(try TimeZone.named("europe/berlin").name == "Europe/Berlin")
    #expect(try TimeZone.named("UTC") == .utc)
    for name in [
      "", "/etc/passwd", "../zoneinfo/UTC", "Europe/../UTC", "Europe", "Mars/Base", "Europe/",
      ".", "tzdata.zi", String(repeating: "a", count: 500), "Europe/Berlin\0",
    ] {
      #expect(throws: StoaError.self) { try TimeZone.named(name) }
    }
    #expect(try TimeZone.setting("+02").name == "+02:00")
    #expect(try TimeZone.setting("-5:30").offset(at: 0) == -19_800)
    #expect(throws: StoaError.self) { try TimeZone.setting("99999") }
  }

  @Test("damaged files are refused or read, but never trap")
  func damage() throws {
    for name in ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Africa/Casablanca"] {
      let bytes = try #require(ZoneNames.contents("/usr/share/zoneinfo/\(name)"))
      let whole = try #require(ZoneFile.parse(bytes, name: name))
      #expect(!whole.offsets.isEmpty)
      for length in stride(from: 0, to: bytes.count, by: 7) {
        #expect(ZoneFile.parse(Array(bytes.prefix(length)), name: name) == nil)
      }
      let seed = UInt64.random(in: 0..<UInt64.max)
      var state = seed
      for _ in 0..<3_000 {
        var copy = bytes
        for _ in 0..<3 {
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          let place = Int(state >> 33) % copy.count
          copy[place] = UInt8(truncatingIfNeeded: state >> 20)
        }
        guard let rules = ZoneFile.parse(copy, name: name) else { continue }
        for seconds in [Int64.min / 1_000_000, -1 << 40, 0, 1_700_000_000, 1 << 40] {
          #expect(abs(rules.offset(at: seconds)) < 2 * 86_400, "seed \(seed)")
          #expect(abs(rules.offset(atLocal: seconds)) < 2 * 86_400, "seed \(seed)")
        }
      }
    }
  }

  @Test("rules in POSIX notation")
  func posixRules() throws {
    func changes(_ text: String, _ year: Int) -> [String]? {
      PosixZone(Array(text.utf8))?.changes(in: year).map {
        TextFormatter.string(.integer(Int128($0.instant) * 1_000_000), .timestamp) + " \($0.offset)"
      }
    }
    #expect(
      changes("CET-1CEST,M3.5.0,M10.5.0/3", 2024)
        == ["2024-03-31 01:00:00 7200", "2024-10-27 01:00:00 3600"])
    #expect(
      changes("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", 2024)
        == ["2024-03-31 01:00:00 -7200", "2024-10-27 01:00:00 -10800"])
    #expect(
      changes("EST5EDT,J60,300/26", 2024)
        == ["2024-03-01 07:00:00 -14400", "2024-10-28 06:00:00 -18000"])
    #expect(changes("UTC0", 2024) == [])
    for text in [
      "", "UT", "CET", "CET-1CEST", "CET-1CEST,M3.5", "CET-1CEST,M13.5.0,M1.1.1", "X-999",
    ] {
      #expect(PosixZone(Array(text.utf8)) == nil, "\(text)")
    }
  }
}
