import Catalog
import Executor
import Kernels
import SQL
import Storage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a session can set; each has a row in `Setting.all`.
public struct SessionSettings: Sendable {
  /// Worker threads of a query.
  public var threads: Int
  /// Rows per batch, 1…65,536.
  public var batchSize = Batch.defaultCapacity
  /// Which rules of the optimizer run; all of them unless a test says otherwise.
  public var optimizer = OptimizerOptions()
  /// Where operators put what does not fit into memory.
  public var temporaryDirectory: String
  /// Pretend that memory is full as soon as something can spill; for tests.
  public var spillsAlways = false
  /// Queries leave damaged row groups out and say how many rows are missing, instead of failing.
  public var skipsDamaged = false
  /// How long a writing statement waits for another writer.
  public var lockTimeoutMilliseconds: Int
  /// False: a commit may return before the disk has it. What was committed last may be missing after a power
  /// loss, never anything in between; a process that is killed loses nothing.
  public var isSynchronous = true
  /// Names of schemas where bare names are looked up, in order.
  public var searchPath = [CatalogState.mainSchemaName]
  /// A statement that runs longer ends with an error; `nil` for any time.
  public var timeLimitMilliseconds: Int?
  /// Where timestamps with time zone are read and shown; at first the zone of the machine.
  public var timeZone = TimeZone.system

  init(threads: Int, lockTimeoutMilliseconds: Int) {
    self.threads = threads
    self.lockTimeoutMilliseconds = lockTimeoutMilliseconds
    let directory = getenv("TMPDIR").map { String(cString: $0) } ?? ""
    temporaryDirectory = directory.isEmpty ? "/tmp" : directory
  }

  var execution: ExecutionSettings {
    ExecutionSettings(
      threads: threads, batchCapacity: batchSize, temporaryDirectory: temporaryDirectory,
      spillsAlways: spillsAlways, timeZone: timeZone)
  }
}

/// One setting by its SQL name.
struct Setting: Sendable {
  let name: String
  let help: String
  let read: @Sendable (Session) -> String
  /// Takes over a value; `false` when the text is none.
  let write: @Sendable (Session, String) -> Bool
  /// Whether it is the same in all processes, for good: then setting it is a commit, and `write` is not asked.
  var isOfWarehouse = false

  static func named(_ name: String, at position: Range<Int>?) throws(StoaError) -> Setting {
    if let setting = all.first(where: { $0.name == name.lowercased() }) { return setting }
    throw StoaError(
      .binding, "there is no setting \"\(name)\"",
      hint: closestSpelling(to: name, among: all.map(\.name)).map { "Did you mean \($0)?" }
        ?? "SHOW ALL lists them", position: position)
  }

  /// All settings, by name.
  static let all: [Setting] = [
    Setting(
      name: "batch_size", help: "rows that operators hand on at once, 1 to 65536",
      read: { String($0.settings.batchSize) },
      write: { session, text in
        guard let count = Int(text), (1...Batch.maximalCapacity).contains(count) else {
          return false
        }
        session.settings.batchSize = count
        return true
      }),
    Setting(
      name: "disabled_rules", help: "names of optimizer rules to leave out, with commas between",
      read: { $0.settings.optimizer.disabledRules.sorted().joined(separator: ",") },
      write: { session, text in
        let rules = text.split(separator: ",").map { $0.filter { $0 != " " }.lowercased() }
        let known = Optimizer.ruleNames
        guard rules.allSatisfy(known.contains) else { return false }
        session.settings.optimizer.disabledRules = Set(rules)
        return true
      }),
    Setting(
      name: "lock_timeout",
      help:
        "milliseconds a writing statement waits for another writer, from 0, or a time such as 5s",
      read: { String($0.settings.lockTimeoutMilliseconds) },
      write: { session, text in
        guard let limit = Setting.milliseconds(text) else { return false }
        session.settings.lockTimeoutMilliseconds = limit
        return true
      }),
    Setting(
      name: "memory_limit",
      help: "bytes that the warehouse may hold in this process, such as 4GB, at least 1MB",
      read: { ByteCountText.text($0.warehouse.budget.limit) },
      write: { session, text in
        guard let bytes = ByteCountText.parse(text), bytes >= 1 << 20 else { return false }
        session.warehouse.budget.setLimit(bytes)
        return true
      }),
    Setting(
      name: "optimizer", help: "whether plans are optimized, true or false",
      read: { $0.settings.optimizer.isOn ? "true" : "false" },
      write: { session, text in
        guard let flag = Setting.flag(text) else { return false }
        session.settings.optimizer.isOn = flag
        return true
      }),
    Setting(
      name: "retention",
      help: "how long earlier versions can be read in this warehouse, such as 1 day, or 0",
      read: { $0.retentionText }, write: { _, _ in false }, isOfWarehouse: true),
    Setting(
      name: "search_path",
      help: "schemas where names without one are looked up, with commas between",
      read: { $0.settings.searchPath.joined(separator: ",") },
      write: { session, text in
        let names = text.split(separator: ",").map { String($0.trimmingSpaces) }
        guard !names.isEmpty, names.allSatisfy({ !$0.isEmpty }) else { return false }
        session.settings.searchPath = names
        return true
      }),
    Setting(
      name: "skip_damaged",
      help: "whether queries leave out row groups that are damaged, true or false",
      read: { $0.settings.skipsDamaged ? "true" : "false" },
      write: { session, text in
        guard let flag = Setting.flag(text) else { return false }
        session.settings.skipsDamaged = flag
        session.damage = KnownDamage()
        return true
      }),
    Setting(
      name: "spill_always",
      help: "whether intermediate rows go to disk even when memory is left, true or false",
      read: { $0.settings.spillsAlways ? "true" : "false" },
      write: { session, text in
        guard let flag = Setting.flag(text) else { return false }
        session.settings.spillsAlways = flag
        return true
      }),
    Setting(
      name: "statement_timeout",
      help: "milliseconds a statement may run, or a time such as 5s; 0 for any time",
      read: { String($0.settings.timeLimitMilliseconds ?? 0) },
      write: { session, text in
        guard let limit = Setting.milliseconds(text) else { return false }
        session.settings.timeLimitMilliseconds = limit == 0 ? nil : limit
        return true
      }),
    Setting(
      name: "synchronous", help: "whether a commit waits until the disk has it, true or false",
      read: { $0.settings.isSynchronous ? "true" : "false" },
      write: { session, text in
        guard let flag = Setting.flag(text) else { return false }
        session.settings.isSynchronous = flag
        return true
      }),
    Setting(
      name: "temp_directory", help: "where intermediate rows go that do not fit into memory",
      read: { $0.settings.temporaryDirectory },
      write: { session, text in
        guard !text.isEmpty else { return false }
        session.settings.temporaryDirectory = text
        return true
      }),
    Setting(
      name: "threads", help: "worker threads of a query, 1 to 1024",
      read: { String($0.settings.threads) },
      write: { session, text in
        guard let count = Int(text), (1...1024).contains(count) else { return false }
        session.settings.threads = count
        return true
      }),
    timeZone,
  ]

  /// A number of milliseconds, or a number with a unit of time.
  private static func milliseconds(_ text: String) -> Int? {
    if let number = Int(text) { return number >= 0 ? number : nil }
    guard let microseconds = DurationText.parse(text), microseconds >= 0 else { return nil }
    return Int(clamping: (microseconds + 999) / 1000)
  }

  private static let timeZone = Setting(
    name: "timezone",
    help: "time zone of timestamps with time zone: Europe/Berlin, UTC, or hours such as +02",
    read: { $0.settings.timeZone.name },
    write: { session, text in
      let isSystem = text.lowercased() == "local"
      guard let zone = isSystem ? .system : try? TimeZone.setting(text) else { return false }
      session.settings.timeZone = zone
      return true
    })

  private static func flag(_ text: String) -> Bool? {
    switch text.lowercased() {
    case "true", "on", "yes", "1": true
    case "false", "off", "no", "0": false
    default: nil
    }
  }
}

extension Substring {
  /// Without spaces before and after.
  fileprivate var trimmingSpaces: Substring {
    var text = drop { $0 == " " }
    while text.last == " " { text.removeLast() }
    return text
  }
}
