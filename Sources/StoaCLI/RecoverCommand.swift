import Stoa
import Storage
import Synchronization

/// `stoa recover WAREHOUSE [--salvage] [--dry-run]`: says what is damaged and what is lost, and makes the warehouse
/// writable again. Files of before are kept, so nothing is asked; `--dry-run` only says it.
enum RecoverCommand {
  /// Set by ^C.
  private final class Stop: Sendable {
    let isSet = Atomic<Bool>(false)
  }

  static func run(_ words: [String]) -> Int32 {
    do throws(StoaError) {
      var operands: [String] = []
      var salvages = false
      var isDryRun = false
      var memoryLimit: String?
      var words = ArgumentWords(words)
      while let word = words.next() {
        switch word.name {
        case _ where !word.isOption: operands.append(word.name)
        case "--salvage": salvages = true
        case "--dry-run": isDryRun = true
        case "--memory-limit": memoryLimit = try words.value(of: word)
        case "--help", "-h": return Program.printText(Help.usage)
        default:
          throw ArgumentWords.unknown(
            word.name, ["--salvage", "--dry-run", "--memory-limit", "--help"])
        }
      }
      guard operands.count == 1 else {
        throw StoaError(.usage, "name one warehouse", hint: "See stoa --help")
      }
      let budget = try MemoryBudget.ofProcess(memoryLimit)
      return Program.printText(
        try recover(operands[0], salvages: salvages, isDryRun: isDryRun, budget))
    } catch {
      printError(ErrorReport.text(error))
      switch error.kind {
      case .cancelled: return Program.interruptedCode
      case .corruption: return 1
      default: return Program.usageCode
      }
    }
  }

  private static func recover(
    _ path: String, salvages: Bool, isDryRun: Bool, _ budget: MemoryBudget
  ) throws(StoaError) -> String {
    let stop = Stop()
    let report = try Interrupts.shared.whileRunning(
      cancel: { stop.isSet.store(true, ordering: .relaxed) }
    ) { () throws(StoaError) in
      try Recoverer.run(
        path, salvages: salvages, isDryRun: isDryRun, budget: budget,
        pulse: { () throws(StoaError) in
          guard stop.isSet.load(ordering: .relaxed) else { return }
          throw StoaError(.cancelled, "interrupted; the warehouse is as it was")
        })
    }
    return report.text + verdict(report, salvages: salvages)
  }

  private static func verdict(_ report: RecoverReport, salvages: Bool) -> String {
    guard report.isNeeded else {
      if report.lines.contains(where: { $0.kind == .damaged }) {
        return
          "log and checkpoints are whole: the warehouse is at commit \(report.commit) and can be"
          + " written; stoa verify says which rows are damaged, stoa recover --salvage takes them out\n"
      }
      return "nothing to recover: the warehouse is at commit \(report.commit)\n"
    }
    guard report.isDone, let directory = report.keptAside else {
      return "dry run, nothing was changed: recovered, the warehouse would be at commit"
        + " \(report.commit)\n"
    }
    return "recovered: the warehouse is at commit \(report.commit) and can be written again;"
      + " its files of before are in \(directory)\n"
  }
}
