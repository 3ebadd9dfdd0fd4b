import SQL
import Stoa

/// The command line of `stoa WAREHOUSE …`, taken apart.
struct Arguments {
  /// What to run, in the order given.
  enum Script: Equatable {
    case text(String)
    /// A path, or `-` for standard input.
    case file(String)
  }

  var warehouse: String?
  var scripts: [Script] = []
  var isReadOnly = false
  var threads: Int?
  var memoryLimit: String?
  /// `nil` when not said: csv would surprise people and box would surprise programs, so it is box always.
  var mode: OutputMode?
  var nullToken: String?
  var hasHeader = true
  /// Stop a script at its first error.
  var bails = true
  var showsHelp = false
  var showsVersion = false

  /// - Throws: `.usage` naming the argument.
  init(_ words: [String]) throws(StoaError) {
    var words = ArgumentWords(words)
    while let word = words.next() {
      switch word.name {
      case "-c", "--command": scripts.append(.text(try words.value(of: word)))
      case "-f", "--file": scripts.append(.file(try words.value(of: word)))
      case "--readonly", "--read-only": isReadOnly = true
      case "--threads": threads = try words.count(of: word)
      case "--memory-limit": memoryLimit = try words.value(of: word)
      case "--mode", "-m": mode = try Arguments.mode(try words.value(of: word))
      case "--csv", "--json", "--jsonlines", "--markdown", "--line", "--box":
        mode = try Arguments.mode(String(word.name.dropFirst(2)))
      case "--null-value": nullToken = try words.value(of: word)
      case "--no-header": hasHeader = false
      case "--header": hasHeader = true
      case "--bail": bails = true
      case "--no-bail": bails = false
      case "--help", "-h": showsHelp = true
      case "--version", "-V": showsVersion = true
      default:
        if word.isOption { throw ArgumentWords.unknown(word.name, Arguments.optionNames) }
        guard warehouse == nil else {
          throw StoaError(
            .usage, "\"\(word.name)\" is one argument too many",
            hint: "SQL on the command line stands after -c")
        }
        warehouse = word.name
      }
    }
  }

  static func mode(_ name: String) throws(StoaError) -> OutputMode {
    if let mode = OutputMode(rawValue: name.lowercased()) { return mode }
    let modes = OutputMode.allCases.map(\.rawValue)
    throw StoaError(
      .usage, "there is no mode \"\(name)\"",
      hint: didYouMean(name, among: modes) ?? "Modes: " + modes.joined(separator: ", "))
  }

  /// A hint that names what begins alike or is spelled nearly so.
  static func didYouMean(_ name: String, among known: [String]) -> String? {
    let near =
      known.first { $0.hasPrefix(name) || name.hasPrefix($0 + "s") }
      ?? closestSpelling(to: name, among: known)
    return near.map { "Did you mean \($0)?" }
  }

  static let optionNames = [
    "--command", "--file", "--readonly", "--threads", "--memory-limit", "--mode", "--null-value",
    "--header", "--no-header", "--bail", "--no-bail", "--help", "--version", "--csv", "--json",
    "--jsonlines", "--markdown", "--line", "--box",
  ]
}

/// The words of a command line, one option or operand at a time. `--name=value` is split; after `--` no word
/// is an option.
struct ArgumentWords {
  struct Word {
    var name: String
    var isOption: Bool
  }

  private var rest: ArraySlice<String>
  private var attached: String?
  private var onlyOperands = false

  init(_ words: [String]) { rest = words[...] }

  mutating func next() -> Word? {
    attached = nil
    guard let word = rest.popFirst() else { return nil }
    if onlyOperands || !word.hasPrefix("-") || word == "-" {
      return Word(name: word, isOption: false)
    }
    if word == "--" {
      onlyOperands = true
      return next()
    }
    if word.hasPrefix("--"), let equal = word.firstIndex(of: "=") {
      attached = String(word[word.index(after: equal)...])
      return Word(name: String(word[..<equal]), isOption: true)
    }
    return Word(name: word, isOption: true)
  }

  /// The value that belongs to the option just read.
  mutating func value(of option: Word) throws(StoaError) -> String {
    if let attached { return attached }
    guard let value = rest.popFirst() else {
      throw StoaError(.usage, "\(option.name) needs a value")
    }
    return value
  }

  mutating func count(of option: Word) throws(StoaError) -> Int {
    let text = try value(of: option)
    guard let count = Int(text), count >= 1 else {
      throw StoaError(.usage, "\(option.name) needs a whole number from 1, not \"\(text)\"")
    }
    return count
  }

  static func unknown(_ name: String, _ known: [String]) -> StoaError {
    StoaError(
      .usage, "there is no option \(name)",
      hint: Arguments.didYouMean(name, among: known) ?? "See stoa --help")
  }
}
