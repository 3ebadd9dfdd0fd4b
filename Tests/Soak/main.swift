import Stoa
import Storage
import TestSupport

#if canImport(Glibc)
  import Glibc
#endif

// soak [points|kills|reads|damage]… [--scale X] [--seed N]: the durability table of Stoa, a line per row, all of it
// zeros, or exit code 1. Scale 1 is 20,000 points, 1,000 kills, 100,000 reads and 5,000 damaged files. The other
// modes are its own worker processes; with --trace, `simulate` prints what it does.

/// The words of the command line.
struct Arguments {
  var words: [String] = []
  private var options: [String: String] = [:]

  init(_ arguments: [String]) {
    var left = arguments[...]
    while let word = left.popFirst() {
      if word == "--trace" {
        options[word] = ""
      } else if word.hasPrefix("--") {
        options[word] = left.popFirst() ?? ""
      } else {
        words.append(word)
      }
    }
  }

  subscript(_ name: String) -> String? { options["--" + name] }
  func number(_ name: String) -> Int? { self[name].flatMap { Int($0) } }
  var seed: UInt64 { self["seed"].flatMap { UInt64($0) } ?? UInt64.random(in: 0..<1_000_000_000) }
}

/// The rows of the table, in order.
func runTable(_ arguments: Arguments) throws -> Bool {
  let scale = arguments["scale"].flatMap { Double($0) } ?? 1
  let wanted = arguments.words.isEmpty ? ["points", "kills", "reads", "damage"] : arguments.words
  var isClean = true
  for name in wanted {
    func target(_ count: Int) -> Int { max(1, Int((Double(count) * scale).rounded())) }
    let isGood: Bool
    switch name {
    case "points":
      isGood = try Row(
        unit: "points", mode: "simulate", target: target(20_000), faults: Simulation.faults,
        trapFault: "wrong"
      ).run(seed: arguments.seed)
    case "kills":
      isGood = try Row(
        unit: "kills", mode: "kill", target: target(1000), faults: Kills.faults,
        trapFault: "wrong"
      ).run(seed: arguments.seed)
    case "reads":
      isGood = try runReads(target(100_000), arguments.seed)
    case "damage":
      isGood = try Row(
        unit: "damaged files", mode: "damage-worker", target: target(5000), faults: Damage.faults,
        trapFault: "traps"
      ).run(seed: arguments.seed)
    default: throw StoaError(.usage, "there is no row \(name)")
    }
    isClean = isGood && isClean
  }
  return isClean
}

/// Eight readers beside one loading process.
func runReads(_ target: Int, _ seed: UInt64) throws -> Bool {
  let directory = try TemporaryDirectory()
  let loader = try Worker(["loader", "--directory", directory.path, "--seed", String(seed)])
  guard loader.next(milliseconds: 60_000) == .line("ready") else {
    throw StoaError(.io, "the loader does not start")
  }
  var row = Row(
    unit: "reads", mode: "reader", target: target, faults: Reader.faults, trapFault: "failed")
  row.workerCount = 8
  row.share = (target + 7) / 8
  row.arguments = ["--directory", directory.path]
  let isGood = try row.run(seed: seed)
  loader.send(SIGKILL)
  let complaints = loader.rest()
  loader.end()
  for line in complaints { print(line) }
  let options = WarehouseOptions()
  let warehouse = try Warehouse.open(directory.path + "/w", options: options)
  let version = try warehouse.makeSession().execute("SELECT v FROM version").nextRow()?[0]
  print("  beside \(version.map { "\($0)" } ?? "?") commits of the loader")
  return isGood && complaints.isEmpty
}

func run(_ arguments: Arguments) throws -> Bool {
  let directory = arguments["directory"] ?? ""
  let count = arguments.number("count") ?? 1
  switch arguments.words.first {
  case "simulate":
    SimulationWorker.run(
      seed: arguments.seed, count: count, isTraced: arguments["trace"] != nil,
      rounds: arguments.number("rounds"))
  case "kill":
    var kills = try Kills(seed: arguments.seed)
    try kills.run(count: count)
  case "writer":
    try Writer.run(
      directory: directory, seed: arguments.seed,
      prefixes: (arguments["prefixes"] ?? "a").map { String($0) })
  case "loader": try Loader.run(directory: directory, seed: arguments.seed)
  case "reader":
    var reader = try Reader(directory: directory, seed: arguments.seed)
    reader.run(count: count)
  case "damage-worker":
    // A few hundred to a warehouse.
    var left = count
    var seed = arguments.seed
    while left > 0 {
      var damage = try Damage(seed: seed)
      damage.run(count: min(left, 200))
      left -= 200
      seed &+= 1
    }
  default: return try runTable(arguments)
  }
  return true
}

let usage = """
  Usage: soak [points|kills|reads|damage]… [--scale X] [--seed N]
  """
if CommandLine.arguments.dropFirst().contains(where: { $0 == "--help" || $0 == "-h" }) {
  print(usage)
  exit(0)
}

do {
  let isGood = try run(Arguments(Array(CommandLine.arguments.dropFirst())))
  exit(isGood ? 0 : 1)
} catch {
  print("soak: \(error)")
  exit(2)
}
