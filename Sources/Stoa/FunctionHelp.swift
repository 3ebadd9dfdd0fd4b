import Kernels
import SQL
import Vectors

/// What is known of one function, operator or aggregate: for `.help` and `stoa_functions()`.
public struct FunctionHelp: Sendable {
  /// What a function works on.
  public enum Kind: String, Sendable {
    case scalar, `operator`, aggregate, window, table
  }

  /// Lower case; operators by their symbol.
  public let name: String
  /// Other names for the same.
  public let aliases: [String]
  public let kind: Kind
  /// How it is written, one text per form.
  public let signatures: [String]
  /// One line.
  public let text: String
  /// An expression, or a query (aggregates, window and table functions).
  public let example: String
  /// What the example gives, when that is always the same.
  public let result: String?

  /// All functions, by kind in the order of their registries.
  public static let all: [FunctionHelp] =
    FunctionRegistry.all.map(FunctionHelp.init) + AggregateRegistry.all.map(FunctionHelp.init)
    + windows + Session.tableFunctions.compactMap(FunctionHelp.init)

  private init(_ function: ScalarFunction) {
    name = function.name
    aliases = function.aliases
    kind =
      function.name.unicodeScalars.first?.properties.isAlphabetic ?? false ? .scalar : .operator
    signatures = function.signatures
    text = function.help
    example = function.exampleSQL
    result = function.example.result == "any" ? nil : function.example.result
  }

  private init(_ function: AggregateFunction) {
    name = function.name
    aliases = function.aliases
    kind = .aggregate
    signatures = ["\(function.name)(\(function.signature))"]
    text = function.help
    example = function.example
    result = nil
  }

  init(window name: String, signature: String, text: String, example: String) {
    self.name = name
    aliases = []
    kind = .window
    signatures = [signature]
    self.text = text
    self.example = example
    result = nil
  }

  private init?(_ function: any TableFunctionBinding) {
    guard let help = function.help else { return nil }
    name = function.name
    aliases = []
    kind = .table
    signatures = [help.signature]
    text = help.text
    example = help.example
    result = nil
  }

  /// All of this name or alias, in any case: `count` may be more than one thing.
  public static func named(_ name: String) -> [FunctionHelp] {
    let wanted = name.lowercased()
    return all.filter { $0.name == wanted || $0.aliases.contains(wanted) }
  }

  /// Those whose name contains a text.
  public static func containing(_ part: String) -> [FunctionHelp] {
    let wanted = part.lowercased()
    return all.filter { help in
      help.name.contains(wanted) || help.aliases.contains { $0.contains(wanted) }
    }
  }

  /// The name a user may have meant.
  public static func suggestion(for name: String) -> String? {
    closestSpelling(to: name.lowercased(), among: all.flatMap { [$0.name] + $0.aliases })
  }

  /// Several lines, as the shell prints them.
  public var lines: [String] {
    var lines = signatures + ["  " + text]
    lines.append("  as in: " + example + (result.map { " → \($0)" } ?? ""))
    if !aliases.isEmpty { lines.append("  also called " + aliases.joined(separator: ", ")) }
    return lines
  }
}

/// The columns and rows of `stoa_functions()`: one row per name and form.
enum FunctionTable {
  static let columns: [OutputColumn] = [
    "name", "kind", "signature", "description", "example", "result", "alias_of",
  ].map { OutputColumn(name: $0, type: .varchar) }

  static var rows: [[Value]] {
    FunctionHelp.all.flatMap { help in
      ([help.name] + help.aliases).flatMap { name in
        help.signatures.map { signature in
          [
            .string(name), .string(help.kind.rawValue), .string(signature), .string(help.text),
            .string(help.example), help.result.map { .string($0) } ?? .null,
            name == help.name ? .null : .string(help.name),
          ]
        }
      }
    }
  }
}
