#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// SQLite in this process, through its C library, found when the program runs: WAL and synchronous=FULL, so that what
/// is committed is on disk.
final class SQLite {
  private typealias Open =
    @convention(c) (UnsafePointer<CChar>, UnsafeMutablePointer<OpaquePointer?>) -> Int32
  private typealias Execute =
    @convention(c) (
      OpaquePointer?, UnsafePointer<CChar>, OpaquePointer?, OpaquePointer?, OpaquePointer?
    ) -> Int32
  private typealias Close = @convention(c) (OpaquePointer?) -> Int32
  private typealias Text = @convention(c) () -> UnsafePointer<CChar>

  /// The library as a number, since a pointer cannot be shared between threads; loaded once, never given back.
  private static let library = UInt(
    bitPattern: dlopen("libsqlite3.so.0", RTLD_NOW) ?? dlopen("libsqlite3.dylib", RTLD_NOW))

  private static func symbol<T>(_ name: String, _: T.Type) throws(BenchmarkError) -> T {
    guard isInstalled, let address = dlsym(UnsafeMutableRawPointer(bitPattern: library), name)
    else { throw BenchmarkError("there is no library of SQLite 3") }
    return unsafeBitCast(address, to: T.self)
  }

  static var isInstalled: Bool { library != 0 }

  static func version() throws(BenchmarkError) -> String {
    String(cString: try symbol("sqlite3_libversion", Text.self)())
  }

  private var connection: OpaquePointer?
  private let run: Execute
  private let end: Close

  init(path: String) throws(BenchmarkError) {
    run = try SQLite.symbol("sqlite3_exec", Execute.self)
    end = try SQLite.symbol("sqlite3_close", Close.self)
    let open = try SQLite.symbol("sqlite3_open", Open.self)
    guard open(path, &connection) == 0 else {
      throw BenchmarkError("SQLite does not open \(path)")
    }
    try execute("PRAGMA journal_mode = WAL")
    try execute("PRAGMA synchronous = FULL")
  }

  deinit { _ = end(connection) }

  func execute(_ sql: String) throws(BenchmarkError) {
    let code = run(connection, sql, nil, nil, nil)
    guard code == 0 else { throw BenchmarkError("SQLite fails with \(code): \(sql.prefix(80))") }
  }
}
