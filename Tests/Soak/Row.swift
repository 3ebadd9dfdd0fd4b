import Stoa
import Storage

#if canImport(Glibc)
  import Glibc
#endif

/// One line of the table: work done by worker processes, several at once, and what they count. A worker that says
/// nothing for long is a hang, one that ends by a signal a trap; another one goes on with another seed.
struct Row {
  /// As in `points 20000: …`.
  var unit: String
  /// The mode workers are started in.
  var mode: String
  var target: Int
  var faults: [String]
  /// What ends by a signal is one of these.
  var trapFault: String
  var workerCount = 2
  var silenceSeconds = 600
  /// What one worker does before another one takes over; `nil` is a quarter of its part.
  var share: Int?
  /// More words for each worker.
  var arguments: [String] = []

  /// Runs to the end and prints the line.
  /// - Returns: whether all is zero.
  func run(seed: UInt64) throws -> Bool {
    var tally = Tally(faults)
    var random = SplitMix64(seed: seed)
    let start = monotonicMicroseconds()
    var workers: [(worker: Worker, count: Int, at: String)] = []
    var failures = 0
    func begin() throws {
      let reserved = workers.reduce(tally.count) { $0 + $1.count }
      let usual = share ?? target / (workerCount * 4) + 1
      let share = max(1, min(target - reserved, usual))
      guard reserved < target, workers.count < workerCount, failures < 20 else { return }
      let worker = try Worker(
        [
          mode, "--seed", String(random.next() % 1_000_000_000), "--count", String(share),
        ] + arguments)
      workers.append((worker, share, ""))
    }
    for _ in 0..<workerCount { try begin() }
    while !workers.isEmpty {
      var (worker, left, at) = workers.removeFirst()
      switch worker.next(milliseconds: workers.isEmpty ? silenceSeconds * 1000 : 50) {
      case .line(let line):
        take(line, &tally, &left, &at)
        workers.append((worker, left, at))
        lastLine[worker.process] = monotonicMicroseconds()
      case .silence:
        let last = lastLine[worker.process] ?? start
        if monotonicMicroseconds() - last > silenceSeconds * 1_000_000 {
          tally.add("hang")
          print("hang: \(at)")
          failures += 1
          worker.end(SIGKILL)
          try begin()
        } else {
          workers.append((worker, left, at))
        }
      case .end:
        let code = worker.end()
        if code != 0 {
          tally.add(trapFault)
          print("\(trapFault): the worker ended with \(code): \(at)")
          failures += 1
        }
        try begin()
      }
    }
    let seconds = (monotonicMicroseconds() - start) / 1_000_000
    print("\(unit) \(tally.count): \(tally.text)   (seed \(seed), \(seconds) s)")
    fflush(nil)
    return tally.isClean && tally.count >= target
  }

  private func take(_ line: String, _ tally: inout Tally, _ left: inout Int, _ at: inout String) {
    let words = line.split(separator: " ", maxSplits: 1).map(String.init)
    guard words.count == 2 else { return }
    switch words[0] {
    case "at": at = words[1]
    case "count":
      tally.count += Int(words[1]) ?? 0
      left = max(0, left - (Int(words[1]) ?? 0))
    case "fault": tally.add(words[1])
    default: print(line)
    }
  }
}

/// When each worker last said something, by process.
nonisolated(unsafe) private var lastLine: [pid_t: Int] = [:]
