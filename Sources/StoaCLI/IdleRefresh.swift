import Stoa

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// While a shell waits for its next line other processes go on. A thread brings the warehouse to the newest commit once a
/// second, so that an idle shell does not keep files on the disk that only earlier versions need.
enum IdleRefresh {
  private static let microseconds: UInt32 = 1_000_000

  /// Begins for as long as the process lives, or until the warehouse is closed.
  static func begin(_ warehouse: Warehouse) {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(warehouse).toOpaque()
    let code = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        IdleRefresh.run(Unmanaged<Warehouse>.fromOpaque(argument).takeRetainedValue())
        return nil
      }, argument)
    // Without the thread files stay until the next statement.
    if code == 0 {
      pthread_detach(thread)
    } else {
      Unmanaged<Warehouse>.fromOpaque(argument).release()
    }
  }

  private static func run(_ warehouse: Warehouse) {
    while true {
      usleep(microseconds)
      do throws(StoaError) { try warehouse.catchUp() } catch {
        // The next statement meets anything else that is wrong, and says so.
        if error.kind == .usage { return }
      }
    }
  }
}
