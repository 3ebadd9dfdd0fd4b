import Vectors

/// One SQL function: what the registry knows about it.
public struct ScalarFunction: Sendable {
  /// How a function becomes part of an expression.
  public enum Binding: Sendable {
    /// Fixed signatures; the cheapest that the arguments can be cast to is taken.
    case overloads([Overload])
    /// Signatures that depend on the argument types; `nil` when there is none for them.
    case computed(@Sendable (Arguments) throws(StoaError) -> BoundFunction?)
    /// Turned into another expression, because arguments are evaluated only where they are needed.
    case rewritten(@Sendable ([Expression]) throws(StoaError) -> Expression?)
    /// The same, knowing the statement: constants of it such as the clock.
    case contextual(
      @Sendable (StatementContext, [Expression]) throws(StoaError) -> Expression?)
  }

  /// Types of the arguments and, where one is written as a literal, its value.
  public struct Arguments: Sendable {
    public let types: [LogicalType]
    public let literals: [Value?]

    /// The literal of an argument, if it is one.
    func literal(_ number: Int) -> Value? { number < literals.count ? literals[number] : nil }
  }

  /// Parameter types; with `isVariadic` the last one may be repeated.
  public struct Overload: Sendable {
    let parameters: [LogicalType]
    let isVariadic: Bool
    let isDeterministic: Bool
    let propagatesNull: Bool
    let result: LogicalType
    let kernel: BoundFunction.Kernel

    init(
      _ parameters: [LogicalType], _ result: LogicalType, isVariadic: Bool = false,
      isDeterministic: Bool = true, propagatesNull: Bool = true,
      kernel: @escaping BoundFunction.Kernel
    ) {
      self.parameters = parameters
      self.result = result
      self.isVariadic = isVariadic
      self.isDeterministic = isDeterministic
      self.propagatesNull = propagatesNull
      self.kernel = kernel
    }
  }

  /// A call with literals as arguments and the text of its result (`NULL` for NULL); tests run it.
  public struct Example: Sendable {
    /// Arguments as SQL literals.
    public let arguments: [Literal]
    public let result: String

    init(_ arguments: Literal..., gives result: String) {
      self.arguments = arguments
      self.result = result
    }
  }

  /// A constant of an example.
  public enum Literal: Sendable {
    case text(String)
    case integer(Int)
    /// Digits with a point.
    case decimal(String)
    case double(Double)
    case boolean(Bool)
    case date(String)
    case timestamp(String)
    case interval(String)
    case null
  }

  /// What a function is about, for lists of functions.
  public enum Family: String, Sendable, CaseIterable {
    case arithmetic, numeric, text, date, conditional, other
  }

  /// Lower case; operators by their symbol.
  public let name: String
  public let aliases: [String]
  public let family: Family
  /// One line.
  public let help: String
  public let example: Example
  public let binding: Binding

  init(
    _ name: String, aliases: [String] = [], _ family: Family, help: String, example: Example,
    _ binding: Binding
  ) {
    self.name = name
    self.aliases = aliases
    self.family = family
    self.help = help
    self.example = example
    self.binding = binding
  }

  /// The example as SQL.
  public var exampleSQL: String {
    let texts = example.arguments.map(\.sql)
    let isOperator = !(name.unicodeScalars.first.map { $0.properties.isAlphabetic } ?? false)
    if isOperator, texts.count == 2 { return "\(texts[0]) \(name) \(texts[1])" }
    return "\(name)(\(texts.joined(separator: ", ")))"
  }

  /// One line per signature.
  public var signatures: [String] {
    switch binding {
    case .overloads(let overloads):
      overloads.map { overload in
        let parameters = overload.parameters.map(\.description).joined(separator: ", ")
        return "\(name)(\(parameters)\(overload.isVariadic ? ", …" : "")) → \(overload.result)"
      }
    case .computed, .rewritten, .contextual:
      FunctionSignatures.byName[name]
        ?? (family == .date ? FunctionSignatures.ofDatePart(name) : ["\(name)(…)"])
    }
  }
}

extension ScalarFunction.Literal {
  /// As written in SQL.
  public var sql: String {
    switch self {
    case .text(let text):
      "'\(text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''"))'"
    case .integer(let value): "\(value)"
    case .decimal(let text): text
    case .double(let value): "\(value)::DOUBLE"
    case .boolean(let flag): flag ? "true" : "false"
    case .date(let text): "DATE '\(text)'"
    case .timestamp(let text): "TIMESTAMP '\(text)'"
    case .interval(let text): "INTERVAL '\(text)'"
    case .null: "NULL"
    }
  }

  /// As a constant expression.
  public func expression() throws(StoaError) -> Expression {
    func typed(_ text: String, _ type: LogicalType) throws(StoaError) -> Expression {
      .constant(try Cast.apply(.string(text), from: .varchar, to: type), type)
    }
    switch self {
    case .text(let text): return .constant(.string(text), .varchar)
    case .integer(let value):
      return .constant(.integer(Int128(value)), Int32(exactly: value) == nil ? .bigint : .integer)
    case .decimal(let text):
      let digits = text.utf8.filter { $0 >= 48 && $0 <= 57 }.count
      let scale = text.split(separator: ".", omittingEmptySubsequences: false).last?.utf8.count ?? 0
      return try typed(text, .decimal(precision: UInt8(digits), scale: UInt8(scale)))
    case .double(let value): return .constant(.double(value), .double)
    case .boolean(let flag): return .constant(.boolean(flag), .boolean)
    case .date(let text): return try typed(text, .date)
    case .timestamp(let text): return try typed(text, .timestamp)
    case .interval(let text): return try typed(text, .interval)
    case .null: return .constant(.null, .null)
    }
  }
}
