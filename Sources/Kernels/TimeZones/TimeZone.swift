import CKernels
import Synchronization
import Vectors

/// A time zone of the system's tz database, or a fixed distance from UTC. A number for rules read once per
/// process, so that it is passed around freely.
///
/// Kernels take the zone of the session from `current`, which is kept per thread: whoever runs work of a session on
/// a thread does so inside `withCurrent`.
public struct TimeZone: Hashable, Sendable {
  private let number: UInt32

  /// Coordinated Universal Time, the zone of threads that belong to no session.
  public static let utc = TimeZone(number: 0)

  private init(number: UInt32) { self.number = number }

  /// The name it was asked for by, as the database spells it: `Europe/Berlin`, or `+02:00`.
  public var name: String { rules.name }

  /// The rules, alive for as long as the process.
  var rules: ZoneRules { TimeZone.known.withLock { $0.zones[Int(number)] } }

  /// The zone of that name in any case: a file of the tz database, `UTC`, or an abbreviation of a fixed offset.
  /// - Throws: `.evaluation` when there is none or its file is damaged.
  public static func named(_ name: String) throws(StoaError) -> TimeZone {
    let key = name.lowercased()
    if let zone = known.withLock({ $0.numbers[key] }) { return TimeZone(number: zone) }
    let rules: ZoneRules
    if let offset = ZoneNames.abbreviations[key.uppercased()] {
      rules = ZoneRules(name: key.uppercased(), fixedOffset: offset)
    } else {
      rules = try ZoneNames.read(name)
    }
    return intern(rules, as: key)
  }

  /// A fixed offset, which must be less than a week; `seconds` east of Greenwich.
  public static func offset(seconds: Int) throws(StoaError) -> TimeZone {
    guard seconds.magnitude < 7 * 86_400 else {
      throw StoaError(.evaluation, "a time zone cannot be \(seconds) seconds from UTC")
    }
    var name: [UInt8] = []
    TextFormatter.appendOffset(seconds, withMinutes: true, to: &name)
    let text = String(decoding: name, as: UTF8.self)
    if let zone = known.withLock({ $0.numbers[text] }) { return TimeZone(number: zone) }
    return intern(ZoneRules(name: text, fixedOffset: seconds), as: text)
  }

  /// What SET timezone takes: a name, or hours east of Greenwich as `2`, `+02` or `-05:30`.
  public static func setting(_ text: String) throws(StoaError) -> TimeZone {
    if let seconds = ZoneNames.offset(text) { return try offset(seconds: seconds) }
    return try named(text)
  }

  private static func intern(_ rules: ZoneRules, as key: String) -> TimeZone {
    known.withLock { known in
      if let number = known.numbers[key] { return TimeZone(number: number) }
      let number = UInt32(truncatingIfNeeded: known.zones.count)
      known.zones.append(rules)
      known.numbers[key] = number
      return TimeZone(number: number)
    }
  }

  private struct Known {
    var zones = [ZoneRules(name: "UTC", fixedOffset: 0)]
    var numbers: [String: UInt32] = ["utc": 0]
  }

  private static let known = Mutex(Known())

  /// The zone of this machine: `TZ`, else what `/etc/localtime` is a link to, else UTC.
  public static let system: TimeZone = {
    for name in ZoneNames.systemNames() {
      if let zone = try? named(name) { return zone }
    }
    return .utc
  }()
}

/// The zone of the session this thread works for.
extension TimeZone {
  public static var current: TimeZone { TimeZone(number: stoa_time_zone()) }

  /// Runs `body` with `zone` as the zone of this thread.
  public static func withCurrent<R, E: Error>(
    _ zone: TimeZone, _ body: () throws(E) -> R
  ) throws(E) -> R {
    let before = stoa_time_zone()
    stoa_set_time_zone(zone.number)
    defer { stoa_set_time_zone(before) }
    return try body()
  }
}

/// Timestamps, in microseconds, between UTC and the zone's clocks.
extension TimeZone {
  /// What clocks show at an instant; `nil` out of range.
  public func local(_ instant: Int64) -> Int64? { LocalClock(self).local(instant) }

  /// The instant at which clocks show `local`. A time that is skipped is read with the offset before the gap, one
  /// that comes twice is the second: as PostgreSQL does.
  public func instant(_ local: Int64) -> Int64? { LocalClock(self).instant(local) }

  /// Seconds east of Greenwich at an instant in microseconds.
  public func offset(at instant: Int64) -> Int {
    rules.offset(at: LocalClock.seconds(instant))
  }
}

/// Conversions of one zone for a loop: the rules are looked up once.
struct LocalClock {
  let rules: ZoneRules

  init(_ zone: TimeZone) { rules = zone.rules }

  @inline(__always)
  static func seconds(_ microseconds: Int64) -> Int64 {
    let quotient = microseconds / 1_000_000
    return microseconds % 1_000_000 < 0 ? quotient - 1 : quotient
  }

  func local(_ instant: Int64) -> Int64? {
    let offset = Int64(rules.offset(at: LocalClock.seconds(instant)))
    let (sum, overflow) = instant.addingReportingOverflow(offset * 1_000_000)
    return overflow ? nil : sum
  }

  func instant(_ local: Int64) -> Int64? {
    let offset = Int64(rules.offset(atLocal: LocalClock.seconds(local)))
    let (sum, overflow) = local.subtractingReportingOverflow(offset * 1_000_000)
    return overflow ? nil : sum
  }
}
