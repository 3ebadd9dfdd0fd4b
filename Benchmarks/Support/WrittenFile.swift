import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One file of generated rows.
public struct WrittenFile: Sendable {
  public let path: String
  public let rowCount: Int
  public let byteCount: Int

  /// Writes the rows of `unitCount` units (rows, or what makes several rows) with `threadCount` threads. The bytes
  /// do not depend on the number of threads.
  /// - Parameters:
  ///   - unitsPerRange: units a thread takes at a time; some MB of text.
  ///   - append: appends the rows of a range of units and returns how many they are; called by all threads.
  public static func write(
    _ path: String, unitCount: Int, unitsPerRange: Int = 10_000, threadCount: Int,
    append: @escaping @Sendable (Range<Int>, TextBuffer) -> Int
  ) throws(BenchmarkError) -> WrittenFile {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw BenchmarkError("cannot write \(path): \(String(cString: strerror(errno)))")
    }
    let writing = FileWriting(
      descriptor: descriptor, unitCount: unitCount, unitsPerRange: unitsPerRange, append: append)
    writing.run(threadCount: max(1, threadCount))
    let result = writing.result
    guard close(descriptor) == 0, result.failure == nil else {
      throw BenchmarkError(
        "cannot write \(path): \(String(cString: strerror(result.failure ?? errno)))")
    }
    return WrittenFile(path: path, rowCount: result.rowCount, byteCount: result.offset)
  }
}

/// Threads that take ranges of units in turn. A range's place in the file is known once all ranges before it
/// have their sizes, so a thread waits for its turn to reserve bytes, then writes outside the lock.
final class FileWriting: Sendable {
  struct State {
    /// The next range nobody generates yet, and the next whose place in the file is to be fixed.
    var nextRange = 0
    var nextPlace = 0
    var offset = 0
    var rowCount = 0
    /// `errno` of the first failed write.
    var failure: Int32?
  }

  let unitCount: Int
  let unitsPerRange: Int
  let descriptor: Int32
  let append: @Sendable (Range<Int>, TextBuffer) -> Int
  private let state = Mutex(State())

  init(
    descriptor: Int32, unitCount: Int, unitsPerRange: Int,
    append: @escaping @Sendable (Range<Int>, TextBuffer) -> Int
  ) {
    self.descriptor = descriptor
    self.unitCount = unitCount
    self.unitsPerRange = unitsPerRange
    self.append = append
  }

  var result: State { state.withLock { $0 } }

  func run(threadCount: Int) {
    var threads: [pthread_t] = []
    for _ in 1..<threadCount {
      var thread = pthread_t()
      let context = Unmanaged.passRetained(self)
      let started = pthread_create(
        &thread, nil,
        { context in
          if let context {
            Unmanaged<FileWriting>.fromOpaque(context).takeRetainedValue().work()
          }
          return nil
        }, context.toOpaque())
      if started == 0 { threads.append(thread) } else { context.release() }
    }
    work()
    for thread in threads { pthread_join(thread, nil) }
  }

  private func work() {
    let buffer = TextBuffer(capacity: 5 << 20)
    while true {
      let index = state.withLock { state in
        defer { state.nextRange += 1 }
        return state.nextRange
      }
      let start = index * unitsPerRange
      guard start < unitCount else { return }
      let range = start..<min(start + unitsPerRange, unitCount)
      buffer.removeAll()
      let rows = append(range, buffer)
      let offset = reserve(index, buffer.count, rows)
      write(buffer.bytes, at: offset)
    }
  }

  /// Waits until all ranges before `index` have reserved their bytes; they were started earlier, so soon.
  private func reserve(_ index: Int, _ byteCount: Int, _ rows: Int) -> Int {
    while true {
      let offset: Int? = state.withLock { state in
        guard state.nextPlace == index else { return nil }
        state.nextPlace += 1
        state.rowCount += rows
        defer { state.offset += byteCount }
        return state.offset
      }
      if let offset { return offset }
      usleep(50)
    }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    var done = 0
    while done < bytes.count {
      let written = pwrite(
        descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else {
        let code = written < 0 ? errno : ENOSPC
        state.withLock { if $0.failure == nil { $0.failure = code } }
        return
      }
      done += written
    }
  }
}
