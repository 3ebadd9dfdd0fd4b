import Stoa

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The words of `stoa import` and `.import`.
struct ImportArguments {
  var warehouse: String?
  var request: ImportRequest
  var threads: Int?
  var memoryLimit: String?
  var isQuiet = false

  /// - Throws: `.usage` naming the argument.
  init(_ words: [String], hasWarehouse: Bool) throws(StoaError) {
    var operands: [String] = []
    var words = ArgumentWords(words)
    var request = ImportRequest(files: [], table: "")
    while let word = words.next() {
      guard word.isOption else {
        operands.append(word.name)
        continue
      }
      switch word.name {
      case "--threads": threads = try words.count(of: word)
      case "--memory-limit": memoryLimit = try words.value(of: word)
      case "--quiet", "-q": isQuiet = true
      case "--no-header": try request.options.set("header", to: ["false"])
      case "--header": try request.options.set("header", to: ["true"])
      case "--columns":
        request.columns = try words.value(of: word).split(separator: ",").map(String.init)
      case "--option":
        let parts = try words.value(of: word).split(separator: "=", maxSplits: 1).map(String.init)
        try request.options.set(parts.first ?? "", to: Array(parts.dropFirst()))
      case "--delimiter", "--quote", "--escape", "--null", "--max-rejects", "--rejects", "--skip",
        "--format", "--types", "--names":
        let name = word.name.dropFirst(2).map { $0 == "-" ? "_" : $0 }
        let value = ImportArguments.unescaped(try words.value(of: word))
        try request.options.set(String(name), to: [value])
      default: throw ArgumentWords.unknown(word.name, ImportArguments.optionNames)
      }
    }
    if hasWarehouse, !operands.isEmpty { warehouse = operands.removeFirst() }
    guard operands.count >= 2 else {
      throw StoaError(
        .usage, "name \(hasWarehouse ? "the warehouse, " : "")the files and the table",
        hint: "See stoa import --help")
    }
    request.table = operands.removeLast()
    request.files = operands
    self.request = request
  }

  private static let optionNames = [
    "--threads", "--memory-limit", "--quiet", "--header", "--no-header", "--columns", "--option",
    "--delimiter",
    "--quote",
    "--escape", "--null", "--max-rejects", "--rejects", "--skip", "--types", "--names", "--help",
  ]

  /// `\t` is how people write a tab in a shell.
  private static func unescaped(_ text: String) -> String { text == "\\t" ? "\t" : text }
}

/// `stoa import WAREHOUSE FILE… TABLE`.
enum ImportCommand {
  static func run(_ words: [String]) -> Int32 {
    if words.contains("--help") || words.contains("-h") {
      return Program.printText(Help.importUsage)
    }
    let arguments: ImportArguments
    let warehouse: Warehouse
    do throws(StoaError) {
      arguments = try ImportArguments(words, hasWarehouse: true)
      try requireFiles(arguments.request.files)
      warehouse = try Warehouse.open(arguments.warehouse ?? "")
    } catch {
      printError(ErrorReport.text(error))
      return Program.usageCode
    }
    for warning in warehouse.warnings { printError("Warning: \(warning)\n") }
    let session = warehouse.makeSession()
    do throws(StoaError) {
      if let threads = arguments.threads { try session.set("threads", to: String(threads)) }
      if let limit = arguments.memoryLimit { try session.set("memory_limit", to: limit) }
      try Interrupts.shared.whileRunning(cancel: { session.cancel() }) { () throws(StoaError) in
        try run(arguments, in: session)
      }
      try warehouse.close()
      return 0
    } catch {
      printError(ErrorReport.text(error))
      do throws(StoaError) { try warehouse.close() } catch { printError(ErrorReport.text(error)) }
      switch error.kind {
      case .cancelled: return Program.interruptedCode
      case .usage: return Program.usageCode
      default: return 1
      }
    }
  }

  /// A missing file should not make a warehouse first.
  private static func requireFiles(_ files: [String]) throws(StoaError) {
    for file in files where file != "-" && access(file, F_OK) != 0 {
      var matches = glob_t()
      defer { globfree(&matches) }
      let isPattern = file.contains { "*?[".contains($0) }
      guard isPattern else { return try Program.requireReadable([file]) }
      guard glob(file, 0, nil, &matches) == 0, matches.gl_pathc > 0 else {
        throw StoaError(.usage, "no file matches the pattern", path: file)
      }
    }
  }

  /// Loads, and says what was detected and done.
  static func run(_ arguments: ImportArguments, in session: Session) throws(StoaError) {
    var request = arguments.request
    let output = OutputFile.standard
    let isTerminal = isatty(2) != 0 && !arguments.isQuiet
    if isTerminal { request.progress = { LoadReport.show($0) } }
    defer { if isTerminal { LoadReport.clear() } }
    let summary = try session.importFiles(request) { text in
      guard !arguments.isQuiet else { return }
      output.bytes.append(contentsOf: (text.hasSuffix("\n") ? text : text + "\n").utf8)
      // What was detected should be seen even when the load then fails; a broken pipe shows later.
      try? output.flush()
    }
    guard !arguments.isQuiet else { return }
    if isTerminal { LoadReport.clear() }
    try output.print(LoadReport.text(of: summary, table: request.table))
    try output.flush()
  }
}
