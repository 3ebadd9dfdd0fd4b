#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif
import Kernels
import Vectors

/// Runs `body` on a thread of its own with a stack large enough for the deepest statement the parser accepts,
/// and waits for it. Walking deep trees elsewhere could end in a stack overflow, which nothing can catch.
/// Costs about 30 µs; the pages of the stack are only taken as they are used.
///
/// - Throws: what `body` throws, or `.resource` when there is no room for the stack.
public func withLargeStack<Result>(
  _ body: () throws(StoaError) -> Result
) throws(StoaError) -> Result {
  let outcome = withoutActuallyEscaping(body) { body -> Swift.Result<Result, StoaError>? in
    let call = LargeStackCall { () -> Void in }
    var result: Swift.Result<Result, StoaError>?
    withUnsafeMutablePointer(to: &result) { place in
      // Safe because this thread waits until the other has ended before `place` and `body` go.
      nonisolated(unsafe) let target = place
      let zone = TimeZone.current
      call.body = {
        do throws(StoaError) {
          target.pointee = .success(try TimeZone.withCurrent(zone, body))
        } catch {
          target.pointee = .failure(error)
        }
      }
      call.run()
      call.body = {}
    }
    return result
  }
  guard let outcome else {
    throw StoaError(.resource, "there is no memory for another thread's stack")
  }
  return try outcome.get()
}

/// What the new thread is handed.
private final class LargeStackCall {
  static let stackByteCount = 256 << 20
  var body: () -> Void

  init(_ body: @escaping () -> Void) { self.body = body }

  /// Runs `body` and waits; does nothing when no thread could be made.
  func run() {
    var attributes = pthread_attr_t()
    guard pthread_attr_init(&attributes) == 0 else { return }
    defer { pthread_attr_destroy(&attributes) }
    guard pthread_attr_setstacksize(&attributes, LargeStackCall.stackByteCount) == 0 else { return }
    let argument = Unmanaged.passUnretained(self).toOpaque()
    #if canImport(Darwin)
      var thread: pthread_t?
      let status = pthread_create(&thread, &attributes, largeStackMain, argument)
      if status == 0, let thread { pthread_join(thread, nil) }
    #else
      var thread = pthread_t()
      let status = pthread_create(&thread, &attributes, largeStackMain, argument)
      if status == 0 { pthread_join(thread, nil) }
    #endif
  }
}

#if canImport(Darwin)
  private func largeStackMain(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    Unmanaged<LargeStackCall>.fromOpaque(argument).takeUnretainedValue().body()
    return nil
  }
#else
  private func largeStackMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument { Unmanaged<LargeStackCall>.fromOpaque(argument).takeUnretainedValue().body() }
    return nil
  }
#endif
