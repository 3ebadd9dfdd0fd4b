import Stoa
import Storage
import Synchronization
import TestSupport

#if canImport(Glibc)
  import Glibc
#endif

/// A process that changes a warehouse until it is killed. Each of its threads has tables of its own and says before and
/// after each operation what becomes of it: `a B` begins, `a A` is acknowledged, `a F` has failed.
enum Writer {
  /// Sizes that make upkeep happen within a second.
  static func options(_ seed: UInt64) -> StoreOptions {
    var options = StoreOptions()
    let small = seed % 3
    options.lockTimeoutMilliseconds = 20_000
    if small < 2 {
      options.memtableByteLimit = small == 0 ? 16 << 10 : 128 << 10
      options.logByteLimit = small == 0 ? 32 << 10 : 256 << 10
      options.upkeep.totalMemtableByteLimit = options.memtableByteLimit * 3
      options.upkeep.logByteLimit = UInt64(options.memtableByteLimit) * 4
      options.upkeep.segments.rowGroupCapacity = 1024
      options.upkeep.smallestRunByteCount = 16 << 10
      options.upkeep.fanIn = 4
      options.inlineRowLimit = small == 0 ? 100 : 16_384
    }
    return options
  }

  static func open(_ path: String, seed: UInt64, hasUpkeep: Bool = true) throws -> Place {
    let budget = MemoryBudget(limit: 256 << 20)
    let store = try TableStore.open(
      path: path, mode: .readWrite, budget: budget, options: options(seed))
    var choices = WarehouseOptions()
    choices.threads = 1 + Int(seed % 2)
    choices.hasBackgroundUpkeep = hasUpkeep
    choices.lockTimeoutMilliseconds = 20_000
    return Place(Warehouse(store: store, budget: budget, options: choices))
  }

  /// Waits while another process makes the warehouse.
  private static func openAnyhow(_ path: String, seed: UInt64) throws -> Place {
    while true {
      do { return try open(path, seed: seed) } catch let error as StoaError
        where error.kind == .busy
      {
        usleep(1000)
      }
    }
  }

  /// - Parameter prefixes: one thread for each letter.
  static func run(directory: String, seed: UInt64, prefixes: [String]) throws {
    let place = try openAnyhow(directory + "/w", seed: seed)
    let whole = try Model.read(place.session).model
    Report.line("ready")
    let warehouse = place.warehouse
    try concurrently(prefixes.count) { index in
      let prefix = prefixes[index]
      let mine = Place(warehouse)
      var workload = Workload(seed: seed, prefix: prefix, size: .large)
      var model = whole.owned(by: prefix)
      var number = 0
      while Worker.isWanted {
        number += 1
        let operation = workload.next(model)
        Report.line("\(prefix) B")
        do {
          try mine.run(operation, backup: "\(directory)/backup-\(prefix)\(number)")
          model = operation.after
          Report.line("\(prefix) A")
        } catch {
          let error = error as? StoaError ?? StoaError(.inconsistency, "\(error)")
          Report.line("\(prefix) F")
          // Somebody else may be in the way; everything else is a mistake.
          if error.kind != .busy {
            Report.line("! \(prefix) \(operation.text.prefix(300)): \(error)")
          }
        }
      }
    }
  }
}
