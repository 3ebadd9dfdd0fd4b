import Stoa

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Opening a warehouse whose writer was killed: a process of this program streams rows into it and says what was
/// acknowledged.
struct CrashBenchmark {
  let options: Options

  /// The process to be killed: `ingest writer PATH`.
  static func write(_ path: String) throws {
    let warehouse = try Warehouse.open(path)
    let session = warehouse.makeSession()
    try session.execute(IngestRows.createTable)
    let appender = try session.makeAppender(for: "t")
    var id = 0
    while true {
      try appender.append(IngestRows.batch(id..<(id + 1000)))
      try appender.commit()
      id += 1000
      print(id)
      fflush(nil)
    }
  }

  func run(_ report: inout Report) throws {
    var (open, answer, log, lost): ([Double], [Double], [Double], Int) = ([], [], [], 0)
    for run in 0..<options.repeats {
      let scratch = try Scratch(in: options.directory)
      let path = scratch.path + "/t.stoa"
      let acknowledged = try kill(path, afterSeconds: 2 + Double(run) * 0.7)
      log.append(Double(Scratch.byteCount(path + "/log")) / 1e6)
      let start = now()
      let warehouse = try Warehouse.open(path)
      open.append(now() - start)
      let row = try warehouse.makeSession().execute("SELECT count(*) FROM t").nextRow()
      answer.append(now() - start)
      guard case .integer(let count)? = row?[0] else { throw BenchmarkError("no count") }
      lost += max(0, acknowledged - Int(count))
      try warehouse.close()
    }
    report.add(
      "open after kill -9 of a writer: s; with a first count(*)",
      "\(number(median(open), 3)), \(number(median(answer), 3))", asked: "≤ 0.5")
    report.add("… log then, MB, the longest", number(log.max() ?? 0, 1), asked: "≤ 64")
    report.add("… acknowledged rows lost", number(Double(lost)), asked: "0")
  }

  /// Rows acknowledged by the process before it was killed.
  private func kill(_ path: String, afterSeconds: Double) throws -> Int {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw BenchmarkError("no pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    let arguments = [CommandLine.arguments[0], "writer", path]
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    guard posix_spawn(&child, "/proc/self/exe", &actions, nil, words, environ) == 0 else {
      throw BenchmarkError("cannot start the writer")
    }
    close(ends[1])
    let end = now() + afterSeconds
    var tail: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var isKilled = false
    while true {
      if !isKilled, now() >= end {
        sendKill(child)
        isKilled = true
      }
      let count = read(ends[0], &buffer, buffer.count)
      guard count > 0 else { break }
      tail = (tail + buffer[..<count]).suffix(256)
    }
    close(ends[0])
    var status: Int32 = 0
    waitpid(child, &status, 0)
    guard isKilled else { throw BenchmarkError("the writer ended by itself") }
    // The last line may be cut off.
    let whole = tail.lastIndex(of: 10).map { tail[..<$0] } ?? []
    return whole.split(separator: 10).last.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
  }
}

private func sendKill(_ process: pid_t) { kill(process, SIGKILL) }
