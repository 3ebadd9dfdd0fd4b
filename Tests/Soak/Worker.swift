import Stoa

#if canImport(Glibc)
  import Glibc
#endif

/// Another process of this program, whose lines come through a pipe.
final class Worker {
  let process: pid_t
  private let descriptor: Int32
  private var bytes: [UInt8] = []
  private var hasEnded = false

  /// Starts this program with other arguments.
  init(_ arguments: [String]) throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw StoaError(.io, "no pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    var words: [UnsafeMutablePointer<CChar>?] = (["soak"] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    let status = posix_spawn(&child, "/proc/self/exe", &actions, nil, &words, environ)
    close(ends[1])
    guard status == 0 else {
      close(ends[0])
      throw StoaError(.io, "cannot start a worker: \(String(cString: strerror(status)))")
    }
    process = child
    descriptor = ends[0]
  }

  deinit {
    close(descriptor)
    if !hasEnded { _ = end(SIGKILL) }
  }

  /// What a wait for a line gives.
  enum Event: Equatable {
    case line(String)
    case silence
    case end
  }

  /// The next line, or that none came in that time, or that there are no more.
  func next(milliseconds: Int) -> Event {
    while true {
      if let line = takeLine() { return .line(line) }
      var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let count = Glibc.poll(&poll, 1, Int32(clamping: milliseconds))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return .silence }
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      let read = Glibc.read(descriptor, &chunk, chunk.count)
      guard read > 0 else { return .end }
      bytes += chunk[..<read]
    }
  }

  private func takeLine() -> String? {
    guard let end = bytes.firstIndex(of: 10) else { return nil }
    let line = String(decoding: bytes[..<end], as: UTF8.self)
    bytes.removeSubrange(...end)
    return line
  }

  /// All lines until the process has gone. What is no whole line was not said.
  func rest() -> [String] {
    var lines: [String] = []
    while case .line(let line) = next(milliseconds: -1) { lines.append(line) }
    return lines
  }

  /// Sends a signal, when there is one to send, and waits for the end.
  /// - Returns: exit code, or 128 + the signal that ended it.
  @discardableResult
  func end(_ signal: Int32 = 0) -> Int32 {
    if signal != 0 { kill(process, signal) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    hasEnded = true
    let ended = status & 0x7f
    return ended == 0 ? (status >> 8) & 0xff : 128 + ended
  }

  /// False in a worker whose parent has gone.
  static var isWanted: Bool { getppid() > 1 }

  func send(_ signal: Int32) { kill(process, signal) }
}

/// Microseconds of a clock that only goes forward.
func monotonicMicroseconds() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
}
