#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What functions know of the statement around them: one moment for all of it, and the session's state. Whoever binds
/// a statement makes one.
public struct StatementContext {
  /// The time the statement began, in microseconds since 1970, UTC.
  public var clock: Int64
  /// The statement as written.
  public var text: String
  public var databaseName = "stoa"
  public var schemaName = "main"
  public var version = ""
  /// The value of a setting as text; `nil` when there is none of this name.
  public var setting: (_ name: String) -> String? = { _ in nil }

  /// The moment is now.
  public init(text: String = "") {
    clock = StatementContext.now
    self.text = text
  }

  /// What the clocks of the session's time zone show then.
  var localClock: Int64 { TimeZone.current.local(clock) ?? clock }

  /// Microseconds since 1970, UTC.
  static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1000
  }
}
