import Stoa
import Storage
import Synchronization

/// `stoa backup WAREHOUSE TARGET` and `stoa restore BACKUP TARGET`.
enum BackupCommand {
  /// Set by ^C.
  private final class Stop: Sendable {
    let isSet = Atomic<Bool>(false)

    func check() throws(StoaError) {
      guard isSet.load(ordering: .relaxed) else { return }
      throw StoaError(.cancelled, "interrupted; what is there is incomplete and of no use")
    }
  }

  static func runBackup(_ words: [String]) -> Int32 {
    report { () throws(StoaError) -> String? in
      var operands: [String] = []
      var earlier: String?
      var copies = false
      var words = ArgumentWords(words)
      while let word = words.next() {
        switch word.name {
        case _ where !word.isOption: operands.append(word.name)
        case "--incremental-to": earlier = try words.value(of: word)
        case "--copy": copies = true
        case "--help", "-h": return nil
        default:
          throw ArgumentWords.unknown(word.name, ["--incremental-to", "--copy", "--help"])
        }
      }
      guard operands.count == 2 else {
        throw StoaError(
          .usage, "name the warehouse and a new directory", hint: "See stoa --help")
      }
      try Program.requireReadable([operands[0]] + (earlier.map { [$0] } ?? []))
      return try backup(operands[0], operands[1], earlier, copies)
    }
  }

  private static func backup(
    _ path: String, _ target: String, _ earlier: String?, _ copies: Bool
  ) throws(StoaError) -> String {
    let store = try TableStore.open(
      path: path, mode: .readOnly, budget: MemoryBudget(limit: 256 << 20))
    let stop = Stop()
    let summary = try Interrupts.shared.whileRunning(
      cancel: { stop.isSet.store(true, ordering: .relaxed) }
    ) { () throws(StoaError) in
      try Backup.run(store, to: target, incrementalTo: earlier, copies: copies) {
        () throws(StoaError) in try stop.check()
      }
    }
    try store.close()
    return text(summary, "backed up")
      + "; segments: \(summary.linkedCount) linked, \(summary.reusedCount) of the earlier backup"
  }

  static func runRestore(_ words: [String]) -> Int32 {
    report { () throws(StoaError) -> String? in
      if words.contains("--help") || words.contains("-h") { return nil }
      let operands = words.filter { !$0.hasPrefix("--") }
      guard operands.count == 2, words.count == 2 else {
        throw StoaError(.usage, "name the backup and a new directory", hint: "See stoa --help")
      }
      try Program.requireReadable([operands[0]])
      let stop = Stop()
      let summary = try Interrupts.shared.whileRunning(
        cancel: { stop.isSet.store(true, ordering: .relaxed) }
      ) { () throws(StoaError) in
        try Backup.restore(operands[0], to: operands[1]) { () throws(StoaError) in
          try stop.check()
        }
      }
      return text(summary, "restored")
    }
  }

  private static func text(_ summary: Backup.Summary, _ verb: String) -> String {
    "commit \(summary.commit) \(verb): \(counted(summary.fileCount, "file")),"
      + " \(counted(summary.byteCount, "byte")), verified"
  }

  /// Prints what `body` gives, the usage for `nil`, or its error.
  private static func report(_ body: () throws(StoaError) -> String?) -> Int32 {
    do throws(StoaError) {
      return Program.printText(try body().map { $0 + "\n" } ?? Help.usage)
    } catch {
      printError(ErrorReport.text(error))
      switch error.kind {
      case .cancelled: return Program.interruptedCode
      case .usage: return Program.usageCode
      default: return 1
      }
    }
  }
}
