import Stoa

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The `stoa` command: which of its parts to run, and the exit code.
enum Program {
  static let usageCode: Int32 = 2
  static let interruptedCode: Int32 = 130

  static func run(_ words: [String]) -> Int32 {
    Interrupts.shared.install()
    switch words.first {
    case "import": return ImportCommand.run(Array(words.dropFirst()))
    case "inspect": return InspectCommand.run(Array(words.dropFirst()))
    case "verify": return VerifyCommand.run(Array(words.dropFirst()))
    case "backup": return BackupCommand.runBackup(Array(words.dropFirst()))
    case "restore": return BackupCommand.runRestore(Array(words.dropFirst()))
    case "recover": return RecoverCommand.run(Array(words.dropFirst()))
    default: return runShell(words)
    }
  }

  private static func runShell(_ words: [String]) -> Int32 {
    let arguments: Arguments
    let warehouse: Warehouse
    let session: Session
    do throws(StoaError) {
      arguments = try Arguments(words)
      if arguments.showsHelp { return printText(Help.usage) }
      if arguments.showsVersion { return printText("stoa \(Warehouse.version)\n") }
      guard let path = arguments.warehouse else {
        throw StoaError(.usage, "name a warehouse directory", hint: "See stoa --help")
      }
      try requireScripts(arguments)
      (warehouse, session) = try open(path, arguments)
    } catch {
      printError(ErrorReport.text(error))
      return usageCode
    }
    for warning in warehouse.warnings { printError("Warning: \(warning)\n") }
    var code = runScripts(arguments, session)
    session.close()
    do throws(StoaError) {
      try warehouse.close()
    } catch {
      printError(ErrorReport.text(error))
      code = code == 0 ? 1 : code
    }
    return code
  }

  /// A script that cannot be read should not make a warehouse first.
  private static func requireScripts(_ arguments: Arguments) throws(StoaError) {
    for case .file(let path) in arguments.scripts where path != "-" && access(path, R_OK) != 0 {
      throw StoaError(.io, "cannot read: \(String(cString: strerror(errno)))", path: path)
    }
  }

  /// What the command line names must be there before anything is done.
  static func requireReadable(_ paths: [String]) throws(StoaError) {
    for path in paths where access(path, R_OK) != 0 {
      throw StoaError(.usage, "cannot open: \(String(cString: strerror(errno)))", path: path)
    }
  }

  static func open(
    _ path: String, _ arguments: Arguments
  ) throws(StoaError) -> (Warehouse, Session) {
    var options = WarehouseOptions()
    options.isReadOnly = arguments.isReadOnly
    let warehouse = try Warehouse.open(path, options: options)
    let session = warehouse.makeSession()
    if let threads = arguments.threads { try session.set("threads", to: String(threads)) }
    if let limit = arguments.memoryLimit { try session.set("memory_limit", to: limit) }
    return (warehouse, session)
  }

  static func printText(_ text: String) -> Int32 {
    OutputFile.standard.bytes.append(contentsOf: text.utf8)
    do throws(StoaError) { try OutputFile.standard.flush() } catch {
      return error == BrokenPipe.error ? BrokenPipe.exitCode : 1
    }
    return 0
  }

  private static func runScripts(_ arguments: Arguments, _ session: Session) -> Int32 {
    let isInteractive = arguments.scripts.isEmpty && isatty(0) != 0
    let shell = Shell(session: session, arguments: arguments, isInteractive: isInteractive)
    guard !arguments.scripts.isEmpty else {
      if isInteractive {
        Interrupts.shared.becomeInteractive()
        printError("stoa \(Warehouse.version). Statements end with ; and .help lists commands.\n")
      }
      IdleRefresh.begin(session.warehouse)
      return code(after: shell.run(makeReader(isInteractive: isInteractive)), shell)
    }
    for script in arguments.scripts {
      let reader: any LineReader
      switch script {
      case .text(let text): reader = TextLineReader(text)
      case .file("-"): reader = FileLineReader()
      case .file(let path):
        do throws(StoaError) { reader = try FileLineReader(path: path) } catch {
          printError(ErrorReport.text(error))
          return usageCode
        }
      }
      let outcome = shell.run(reader)
      if case .finished = outcome { continue }
      return code(after: outcome, shell)
    }
    return code(after: .finished, shell)
  }

  private static func makeReader(isInteractive: Bool) -> any LineReader {
    #if LineEditing
      if isInteractive, isatty(1) != 0 { return EditLineReader() }
    #endif
    return FileLineReader(showsPrompt: isInteractive)
  }

  private static func code(after outcome: Shell.Outcome, _ shell: Shell) -> Int32 {
    do throws(StoaError) { try shell.output.flush() } catch {
      if error == BrokenPipe.error { return BrokenPipe.exitCode }
      printError(ErrorReport.text(error))
      return 1
    }
    switch outcome {
    case .finished, .quit: return shell.hasFailed && !shell.isInteractive ? 1 : 0
    case .failed: return 1
    case .interrupted: return interruptedCode
    case .brokenPipe: return BrokenPipe.exitCode
    }
  }
}
