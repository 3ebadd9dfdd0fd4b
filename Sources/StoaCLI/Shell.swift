import SQL
import Stoa

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Runs statements and dot commands one after the other and prints what they give.
final class Shell {
  /// Why a script ended.
  enum Outcome {
    case finished
    /// `.quit`
    case quit
    /// At the first error, when scripts bail.
    case failed
    case interrupted
    case brokenPipe
  }

  let session: Session
  let isInteractive: Bool
  var mode: OutputMode
  var options = OutputOptions()
  var output = OutputFile.standard
  var bails: Bool
  var showsTime = false
  /// Whether any statement failed so far.
  private(set) var hasFailed = false
  /// Scripts being read within each other.
  private var readDepth = 0

  init(session: Session, arguments: Arguments, isInteractive: Bool) {
    self.session = session
    self.isInteractive = isInteractive
    mode = arguments.mode ?? .box
    bails = arguments.bails
    options.nullToken = arguments.nullToken
    options.hasHeader = arguments.hasHeader
    if let token = arguments.nullToken { options.nullText = token }
    if isatty(2) != 0 { LoadReport.attach(to: session, isInteractive: isInteractive) }
  }

  /// Runs everything `reader` gives.
  func run(_ reader: any LineReader) -> Outcome {
    var splitter = StatementSplitter()
    while true {
      let line: [UInt8]
      switch readLine(reader, splitter) {
      case .line(let bytes): line = bytes
      case .end:
        if let piece = splitter.finish(), let outcome = perform(piece, reader) { return outcome }
        return .finished
      case .interrupted:
        guard isInteractive, readDepth == 0 else { return .interrupted }
        splitter.reset()
        continue
      case nil: return .failed
      }
      if String(validating: line, as: UTF8.self) == nil {
        splitter.reset()
        let text = String(decoding: line.prefix(60), as: UTF8.self)
        let error = StoaError(
          .syntax, "a line of SQL is not UTF-8: \(text)", path: reader.scriptPath)
        if let outcome = outcome(after: error) { return outcome }
        continue
      }
      if splitter.isBetweenStatements, line.first(where: { $0 != 0x20 && $0 != 0x09 }) == 0x2E {
        splitter.append("\n")
        if let outcome = performDotCommand(String(decoding: line, as: UTF8.self), reader) {
          return outcome
        }
        continue
      }
      splitter.append(bytes: line)
      splitter.append("\n")
      while let piece = splitter.next() {
        if let outcome = perform(piece, reader) { return outcome }
      }
    }
  }

  private func readLine(_ reader: any LineReader, _ splitter: StatementSplitter) -> ReadLine? {
    do throws(StoaError) {
      let line = try reader.next(prompt: splitter.isBetweenStatements ? "stoa> " : " ...> ")
      if case .interrupted = line { _ = Interrupts.shared.takePending() }
      return line
    } catch {
      report(error)
      return nil
    }
  }

  /// Runs one statement; an outcome when the script must end.
  private func perform(_ piece: StatementSplitter.Piece, _ reader: any LineReader) -> Outcome? {
    if isInteractive, readDepth == 0 { reader.remember(piece.text) }
    do throws(StoaError) {
      let statement = try session.prepare(piece.text)
      if statement.readsStandardInput, reader.isStandardInput {
        session.standardInput = try readRows(reader)
      }
      defer { session.standardInput = nil }
      try Interrupts.shared.whileRunning(cancel: { [session] in session.cancel() }) {
        () throws(StoaError) in
        try execute(statement)
      }
      return nil
    } catch {
      return outcome(
        after: error, source: piece.text,
        firstLine: isInteractive && readDepth == 0 ? 1 : piece.line, script: reader.scriptPath)
    }
  }

  /// The lines after COPY … FROM STDIN in a script, up to `\.` or its end.
  private func readRows(_ reader: any LineReader) throws(StoaError) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      guard case .line(let line) = try reader.next(prompt: " row> ") else { return bytes }
      if line.elementsEqual("\\.".utf8) || line.elementsEqual("\\.\r".utf8) { return bytes }
      bytes += line
      bytes.append(0x0A)
    }
  }

  private func performDotCommand(_ line: String, _ reader: any LineReader) -> Outcome? {
    if isInteractive, readDepth == 0 { reader.remember(line) }
    do throws(StoaError) {
      return try runDotCommand(line)
    } catch {
      return outcome(after: error)
    }
  }

  /// Prints the error and says whether the script ends.
  private func outcome(
    after error: StoaError, source: String? = nil, firstLine: Int = 1, script: String? = nil
  ) -> Outcome? {
    if error == BrokenPipe.error { return .brokenPipe }
    try? output.flush()
    hasFailed = true
    if error.kind == .cancelled, !isInteractive || readDepth > 0 {
      report(error)
      return .interrupted
    }
    report(error, source: source, firstLine: firstLine, script: script)
    return (bails && !isInteractive) || (readDepth > 0 && bails) ? .failed : nil
  }

  private func report(
    _ error: StoaError, source: String? = nil, firstLine: Int = 1, script: String? = nil
  ) {
    printError(ErrorReport.text(error, source: source, firstLine: firstLine, script: script))
  }

  /// Runs a script file within this one.
  func read(_ path: String) throws(StoaError) -> Outcome? {
    guard readDepth < 32 else {
      throw StoaError(.usage, ".read nests more than 32 deep", path: path)
    }
    let reader = try FileLineReader(path: path)
    readDepth += 1
    defer { readDepth -= 1 }
    switch run(reader) {
    case .finished: return nil
    case .failed where isInteractive && readDepth == 1: return nil
    case .interrupted where isInteractive && readDepth == 1: return nil
    case let outcome: return outcome
    }
  }
}

/// Printing results.
extension Shell {
  /// Runs one statement and prints its result.
  func execute(_ statement: PreparedStatement) throws(StoaError) {
    let start = Shell.monotonicSeconds()
    let result = try statement.execute()
    if result.kind == .plan, !mode.isForMachines {
      try printLines(of: result)
    } else if !result.columns.isEmpty {
      try printRows(of: result, since: start)
    } else {
      while try result.next() != nil {}
      try printSummary(of: result)
    }
    if showsTime { printError("Run time: \(Shell.seconds(since: start))\n") }
    try output.flush()
  }

  func printRows(of result: QueryResult, since start: Double) throws(StoaError) {
    var options = options
    let isTerminal = output === OutputFile.standard && isatty(1) != 0
    if isTerminal { options.terminalWidth = Shell.terminalWidth() }
    var formatter = mode.makeFormatter(options)
    var rowCount = 0
    // A query that fails before its first rows leaves nothing on the output.
    var next = try result.next()
    formatter.begin(result.columns, to: &output.bytes)
    while let batch = next {
      rowCount += batch.rowCount
      formatter.append(batch, to: &output.bytes)
      try output.flushIfLarge()
      next = try result.next()
    }
    let footer =
      "\(Shell.grouped(rowCount)) row\(rowCount == 1 ? "" : "s") (\(Shell.seconds(since: start)))"
    formatter.end(footer: footer, to: &output.bytes)
    try output.flush()
    for notice in result.notices { printError(notice + "\n") }
  }

  /// EXPLAIN: the text as it is.
  private func printLines(of result: QueryResult) throws(StoaError) {
    while let batch = try result.next() {
      for row in 0..<batch.rowCount {
        if case .string(let text) = batch.columns[0].value(at: row) { try output.print(text) }
      }
    }
  }

  /// What a statement without rows did; only for people.
  private func printSummary(of result: QueryResult) throws(StoaError) {
    if isInteractive, let load = result.loadSummary {
      return try output.print(LoadReport.text(of: load))
    }
    for notice in result.notices { printError(notice + "\n") }
    guard isInteractive, let count = result.rowsChanged else { return }
    try output.print("\(Shell.grouped(count)) row\(count == 1 ? "" : "s")")
  }

  static func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  static func seconds(since start: Double) -> String {
    let milliseconds = Int(((monotonicSeconds() - start) * 1000).rounded())
    let fraction = String(1000 + milliseconds % 1000).dropFirst()
    return "\(milliseconds / 1000).\(fraction) s"
  }

  /// 1,234,567
  static func grouped(_ count: Int) -> String {
    var digits = Array(String(count))
    var position = digits.count - 3
    while position > 0 {
      digits.insert(",", at: position)
      position -= 3
    }
    return String(digits)
  }

  private static func terminalWidth() -> Int? {
    var size = winsize()
    guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }
}
