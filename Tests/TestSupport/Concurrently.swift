import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Runs `body(index)` on `count` threads at once and returns when all have returned.
/// - Throws: the first error.
public func concurrently(
  _ count: Int, _ body: @escaping @Sendable (Int) throws -> Void
) throws {
  let failure = Mutex<(any Error)?>(nil)
  final class Start {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }
  var threads: [pthread_t] = []
  for index in 0..<count {
    var thread = pthread_t()
    let start = Unmanaged.passRetained(
      Start {
        do { try body(index) } catch { failure.withLock { $0 = $0 ?? error } }
      })
    let code = pthread_create(
      &thread, nil,
      {
        if let argument = $0 { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, start.toOpaque())
    if code == 0 { threads.append(thread) } else { start.release() }
  }
  for thread in threads { pthread_join(thread, nil) }
  if let error = failure.withLock({ $0 }) { throw error }
}
