import Stoa
import Storage

/// `stoa verify WAREHOUSE [--deep] [TABLE]`: a line per finding and one that sums up; also for backups.
enum VerifyCommand {
  static func run(_ words: [String]) -> Int32 {
    var operands: [String] = []
    var isDeep = false
    do throws(StoaError) {
      var words = ArgumentWords(words)
      while let word = words.next() {
        if !word.isOption {
          operands.append(word.name)
        } else if word.name == "--deep" {
          isDeep = true
        } else if word.name == "--help" || word.name == "-h" {
          return Program.printText(Help.usage)
        } else {
          throw ArgumentWords.unknown(word.name, ["--deep", "--help"])
        }
      }
      guard let path = operands.first, operands.count <= 2 else {
        throw StoaError(.usage, "name a warehouse and at most one table", hint: "See stoa --help")
      }
      if Backup.isBackup(path) {
        guard operands.count == 1 else {
          throw StoaError(.usage, "a backup is verified as a whole", path: path)
        }
        return try verify(backup: path)
      }
      return try verify(warehouse: path, table: operands.dropFirst().first, isDeep: isDeep)
    } catch {
      if error == BrokenPipe.error { return BrokenPipe.exitCode }
      try? OutputFile.standard.flush()
      printError(ErrorReport.text(error))
      switch error.kind {
      case .cancelled: return Program.interruptedCode
      case .corruption: return 1
      default: return Program.usageCode
      }
    }
  }

  private static func verify(
    warehouse path: String, table: String?, isDeep: Bool
  ) throws(StoaError) -> Int32 {
    var options = WarehouseOptions()
    options.isReadOnly = true
    let warehouse = try Warehouse.open(path, options: options)
    let session = warehouse.makeSession()
    let name = table.map { " TABLE \(quoted($0))" }
    var hasErrors = false
    try Interrupts.shared.whileRunning(cancel: { session.cancel() }) { () throws(StoaError) in
      let result = try session.execute("VERIFY\(name ?? "")\(isDeep ? " DEEP" : "")")
      while let row = try result.nextRow() {
        let texts = (0..<6).map { row[$0].isNull ? nil : plain(row[$0]) }
        let level = texts[0] ?? ""
        hasErrors = hasErrors || level == "error"
        try OutputFile.standard.print(
          line(
            level, texts[1] ?? "", table: texts[2], rowGroup: texts[3], column: texts[4],
            texts[5] ?? ""))
      }
    }
    try OutputFile.standard.flush()
    session.close()
    try warehouse.close()
    return hasErrors ? 1 : 0
  }

  private static func verify(backup path: String) throws(StoaError) -> Int32 {
    let report = try Backup.verify(path)
    for finding in report.findings + [report.summary] {
      let level = finding.severity == .note ? "ok" : finding.severity.rawValue
      try OutputFile.standard.print(
        line(level, finding.object, table: nil, rowGroup: nil, column: nil, finding.message))
    }
    try OutputFile.standard.flush()
    return report.hasErrors ? 1 : 0
  }

  private static func quoted(_ name: String) -> String {
    let parts = name.split(separator: "\"", omittingEmptySubsequences: false)
    return "\"" + parts.joined(separator: "\"\"") + "\""
  }

  private static func plain(_ value: Value) -> String {
    switch value {
    case .string(let text): text
    case .integer(let number): String(number)
    default: ""
    }
  }

  private static func line(
    _ level: String, _ object: String, table: String?, rowGroup: String?, column: String?,
    _ message: String
  ) -> String {
    var text = "\(level): \(object)"
    if let table { text += ", table \(table)" }
    if let rowGroup { text += ", row group \(rowGroup)" }
    if let column { text += ", column \(column)" }
    return text + ": \(message)"
  }
}
