import Stoa

extension Shell {
  /// Runs one line that begins with a dot.
  func runDotCommand(_ line: String) throws(StoaError) -> Outcome? {
    let words = try Shell.words(of: line)
    guard let name = words.first?.lowercased() else { return nil }
    let arguments = Array(words.dropFirst())
    switch name {
    case ".quit", ".exit", ".q": return .quit
    case ".help": try printHelp(arguments)
    case ".mode": try setMode(arguments)
    case ".timer": showsTime = try Shell.flag(name, arguments)
    case ".bail": bails = try Shell.flag(name, arguments)
    case ".header", ".headers": options.hasHeader = try Shell.flag(name, arguments)
    case ".nullvalue":
      let text = try Shell.one(name, arguments, "a text")
      options.nullText = text
      options.nullToken = text.isEmpty ? nil : text
    case ".maxrows":
      let text = try Shell.one(name, arguments, "a number")
      guard let count = Int(text), count >= 0 else {
        throw StoaError(.usage, ".maxrows needs a number, not \"\(text)\"")
      }
      options.maximalRowCount = count == 0 ? nil : count
    case ".print": try output.print(arguments.joined(separator: " "))
    case ".output": try setOutput(arguments)
    case ".read": return try read(try Shell.one(name, arguments, "a file"))
    case ".tables":
      for table in try session.tables() + session.views() { try output.print(table) }
    case ".schema": try printSchema(arguments)
    case ".space": try printRows(of: try session.space(), since: Shell.monotonicSeconds())
    case ".import": try importFiles(arguments)
    default:
      let known = Help.dotCommands.split(separator: "\n").map {
        String($0.prefix { $0 != " " && $0 != "," })
      }
      throw StoaError(
        .usage, "there is no command \(name)",
        hint: Arguments.didYouMean(name, among: known) ?? "See .help")
    }
    try output.flush()
    return nil
  }

  /// The list of commands, one of them, or a function.
  private func printHelp(_ arguments: [String]) throws(StoaError) {
    guard !arguments.isEmpty else { return try output.print(Help.dotCommands) }
    for argument in arguments {
      for line in try Help.lines(about: argument) { try output.print(line) }
    }
  }

  private func setMode(_ arguments: [String]) throws(StoaError) {
    guard !arguments.isEmpty else { return try output.print(mode.rawValue) }
    mode = try Arguments.mode(try Shell.one(".mode", arguments, "a mode"))
  }

  private func setOutput(_ arguments: [String]) throws(StoaError) {
    try output.flush()
    guard let path = arguments.first, path != "stdout" else {
      output = .standard
      return
    }
    output = try OutputFile.create(path)
  }

  private func printSchema(_ arguments: [String]) throws(StoaError) {
    guard !arguments.isEmpty else {
      for text in try session.definitions() { try output.print(text) }
      return
    }
    for name in arguments { try output.print(try session.definition(ofTable: name)) }
  }

  private func importFiles(_ arguments: [String]) throws(StoaError) {
    var command = try ImportArguments(arguments, hasWarehouse: false)
    command.isQuiet = command.isQuiet || mode.isForMachines
    let session = session
    try Interrupts.shared.whileRunning(cancel: { session.cancel() }) { () throws(StoaError) in
      try ImportCommand.run(command, in: session)
    }
  }

  private static func flag(_ name: String, _ arguments: [String]) throws(StoaError) -> Bool {
    switch try one(name, arguments, "on or off").lowercased() {
    case "on", "true", "1", "yes": return true
    case "off", "false", "0", "no": return false
    default: throw StoaError(.usage, "\(name) takes on or off")
    }
  }

  private static func one(
    _ name: String, _ arguments: [String], _ what: String
  ) throws(StoaError) -> String {
    guard arguments.count == 1 else { throw StoaError(.usage, "\(name) needs \(what)") }
    return arguments[0]
  }

  /// Words between blanks; quotes keep blanks and are taken off.
  static func words(of line: String) throws(StoaError) -> [String] {
    var words: [String] = []
    var word = ""
    var hasWord = false
    var quote: Character?
    for character in line {
      if let open = quote {
        if character == open { quote = nil } else { word.append(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        hasWord = true
      } else if character == " " || character == "\t" || character == "\r" {
        if hasWord { words.append(word) }
        word = ""
        hasWord = false
      } else {
        word.append(character)
        hasWord = true
      }
    }
    guard quote == nil else { throw StoaError(.usage, "a quote is not closed") }
    if hasWord { words.append(word) }
    return words
  }
}
