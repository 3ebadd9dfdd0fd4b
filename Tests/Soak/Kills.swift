import Stoa
import Storage
import TestSupport

#if canImport(Glibc)
  import Glibc
#endif

/// Writers in processes of their own, killed at random moments; what they acknowledged must be there afterwards, and of
/// what they were doing all or nothing.
struct Kills {
  static let faults = ["lost", "duplicate", "unopenable", "wrong", "hang"]
  private static let prefixes = ["a", "b", "c", "d"]

  let seed: UInt64
  private let directory: TemporaryDirectory
  private var random: SplitMix64
  private var model = Model()
  private var round = 0

  init(seed: UInt64) throws {
    self.seed = seed
    random = SplitMix64(seed: seed)
    directory = try TemporaryDirectory()
  }

  private mutating func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }

  private var path: String { directory.path + "/w" }

  /// Kills until `count` processes were killed.
  mutating func run(count: Int) throws {
    var left = count
    while left > 0 {
      round += 1
      Report.at("seed \(seed), round \(round)")
      let killed = try playRound(limit: left)
      Report.count(killed)
      left -= killed
      // Begun anew now and then, so that creation is met as well.
      if below(12) == 0 {
        TemporaryDirectory.remove(path)
        model = Model()
      }
    }
  }

  /// One or two processes of one or two threads each, killed at the same moment or one before the other.
  private mutating func playRound(limit: Int) throws -> Int {
    let processCount = min(limit, 1 + below(3) / 2)
    let isThreaded = below(3) == 0
    var writers: [(worker: Worker, prefixes: [String], seed: UInt64)] = []
    for index in 0..<processCount {
      let mine = Array(Kills.prefixes[(index * 2)..<(index * 2 + (isThreaded ? 2 : 1))])
      let seed = random.next() % 1_000_000_000
      let worker = try Worker([
        "writer", "--directory", directory.path, "--seed", String(seed), "--prefixes",
        mine.joined(),
      ])
      writers.append((worker, mine, seed))
    }
    var heads: [[String]] = []
    for writer in writers {
      // One in eight is killed while it opens.
      heads.append(below(8) == 0 ? [] : waitUntilReady(writer.worker))
    }
    usleep(UInt32(below([2000, 30_000, 200_000, 600_000][below(4)])))
    let isAtOnce = below(2) == 0
    if isAtOnce { for writer in writers { writer.worker.send(SIGKILL) } }
    var allowed: [[Model]] = []
    for (index, writer) in writers.enumerated() {
      if !isAtOnce, index > 0 { usleep(UInt32(below(100_000))) }
      writer.worker.send(SIGKILL)
      let lines = heads[index] + writer.worker.rest()
      let code = writer.worker.end()
      if code != 128 + SIGKILL {
        Report.fault(
          "wrong", "seed \(seed), round \(round): a writer ended with \(code): \(lines.last ?? "")")
      }
      for line in lines where line.hasPrefix("!") {
        Report.fault("wrong", "seed \(seed), round \(round), writer \(writer.seed): \(line)")
      }
      for prefix in writer.prefixes {
        allowed.append(states(prefix, writer.seed, lines))
      }
    }
    try check(allowed, Set(writers.flatMap(\.prefixes)))
    return processCount
  }

  private func waitUntilReady(_ worker: Worker) -> [String] {
    var lines: [String] = []
    while case .line(let line) = worker.next(milliseconds: 60_000) {
      lines.append(line)
      if line == "ready" { break }
    }
    return lines
  }

  /// What the tables of one thread may hold, by what it said.
  private func states(_ prefix: String, _ seed: UInt64, _ lines: [String]) -> [Model] {
    var workload = Workload(seed: seed, prefix: prefix, size: .large)
    var now = model.owned(by: prefix)
    var pending: Model?
    for line in lines where line.hasPrefix(prefix + " ") {
      switch line.last {
      case "B": pending = workload.next(now).after
      case "A":
        now = pending ?? now
        pending = nil
      default: pending = nil
      }
    }
    return [now] + (pending.map { [$0] } ?? [])
  }

  // MARK: What is left

  private mutating func check(_ allowed: [[Model]], _ used: Set<String>) throws {
    let place = "seed \(seed), round \(round)"
    let judge = Judge(options: Writer.options(seed))
    let found: Place
    do { found = try Writer.open(path, seed: seed, hasUpkeep: false) } catch {
      Report.fault("unopenable", "\(place): \(error)")
      TemporaryDirectory.remove(path)
      model = Model()
      return
    }
    if let refusal = found.store.refusal {
      Report.fault("unopenable", "\(place): writing is refused: \(refusal)")
    }
    // Threads are independent: any state of one goes with any of another.
    var states = [Model()]
    for choices in allowed {
      states = states.flatMap { state in
        choices.map { Model(tables: state.tables.merging($0.tables) { $1 }) }
      }
    }
    let untouched = model.tables.filter { name, _ in !used.contains(String(name.prefix(1))) }
    states = states.map { Model(tables: $0.tables.merging(untouched) { $1 }) }
    let isDeep = below(6) == 0
    model =
      judge.compare(found, states, place, isDeep: isDeep)
      ?? (try? Model.read(found.session).model) ?? Model()
    checkBackups(place)
    try found.warehouse.close()
  }

  /// Backups that say they are complete can be restored.
  private func checkBackups(_ place: String) {
    for name in TemporaryDirectory.names(directory.path) where name.hasPrefix("backup-") {
      let path = "\(directory.path)/\(name)"
      let target = "\(directory.path)/restored"
      defer {
        TemporaryDirectory.remove(path)
        TemporaryDirectory.remove(target)
      }
      guard TemporaryDirectory.names(path).contains("MANIFEST") else { continue }
      do {
        _ = try Backup.restore(path, to: target)
        let found = try Writer.open(target, seed: seed, hasUpkeep: false)
        let report = try found.session.execute("VERIFY DEEP")
        for row in try report.allRows() where row.text(0) == "error" {
          Report.fault("wrong", "\(place), \(name): VERIFY: \(row.values)")
        }
        try found.warehouse.close()
      } catch {
        Report.fault("lost", "\(place): \(name) cannot be restored: \(error)")
      }
    }
  }
}
