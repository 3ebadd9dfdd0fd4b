import Stoa
import Storage

/// Loads as people see them: a line that follows the progress, and a summary.
enum LoadReport {
  /// Rewrites the line of progress.
  static func show(_ progress: LoadProgress) { printError("\r" + line(of: progress) + "\u{1B}[K") }

  /// Removes the line of progress.
  static func clear() { printError("\r\u{1B}[K") }

  /// Lets `session` report COPY … FROM on the terminal: progress, and to people who type also what was detected.
  static func attach(to session: Session, isInteractive: Bool) {
    session.loadObserver = { event in
      switch event {
      case .detected(let text): if isInteractive { printError(text + "\n") }
      case .progress(let progress): show(progress)
      case .ended: clear()
      }
    }
  }

  /// What a load did, in one line.
  static func text(of summary: LoadSummary, table: String? = nil) -> String {
    let rows = "\(Shell.grouped(summary.rowCount)) row\(summary.rowCount == 1 ? "" : "s")"
    var text = rows + (table.map { " into \($0)" } ?? "")
    if summary.rejectCount > 0 {
      text += ", \(Shell.grouped(summary.rejectCount)) rejected (see \(summary.rejectPath ?? "?"))"
    }
    text += " in \(decimal(summary.seconds)) s, \(Shell.grouped(Int(summary.rowsPerSecond))) rows/s"
    text += "; read \(megabytes(summary.byteCount))"
    // Few rows stay in the log until there are more.
    if summary.segmentCount > 0 {
      text += ", wrote \(megabytes(summary.segmentByteCount))"
      text += " in \(counted(summary.segmentCount, "segment"))"
    }
    if summary.spilledRunCount > 0 {
      text += ", sorted through \(counted(summary.spilledRunCount, "run")) on disk"
    }
    return text
  }

  private static func line(of progress: LoadProgress) -> String {
    let verb =
      switch progress.phase {
      case .reading: "Reading"
      case .sorting: "Sorting"
      case .writing: "Writing"
      }
    var text =
      "\(verb): \(Shell.grouped(progress.rowCount)) row\(progress.rowCount == 1 ? "" : "s")"
    if progress.byteCount > 0 { text += ", \(megabytes(progress.byteCount))" }
    if case .reading = progress.phase, let total = progress.totalByteCount, total > 0 {
      text += " (\(min(100, progress.byteCount * 100 / total)) %)"
    }
    if progress.rejectCount > 0 { text += ", \(Shell.grouped(progress.rejectCount)) rejected" }
    return text + ", \(decimal(progress.seconds)) s"
  }

  private static func megabytes(_ byteCount: Int) -> String {
    byteCount < 1_000_000
      ? "\(Shell.grouped(byteCount)) bytes" : "\(decimal(Double(byteCount) / 1e6)) MB"
  }

  /// One digit after the point.
  private static func decimal(_ value: Double) -> String {
    let tenths = Int(min(max(0, value * 10), 1e15).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
