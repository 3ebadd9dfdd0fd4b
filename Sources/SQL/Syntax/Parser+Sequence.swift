import Vectors

/// What CREATE and ALTER SEQUENCE and AS IDENTITY say of the numbers; `nil` where nothing was said.
public struct SequenceOptionsSyntax: Sendable {
  /// MINVALUE or MAXVALUE.
  public enum Bound: Sendable {
    /// `NO MINVALUE`: as far as the type goes, or 1 where numbers go the other way.
    case none
    case value(Int64)
  }

  public var type: TypeSyntax?
  public var start: Int64?
  public var increment: Int64?
  public var minimum: Bound?
  public var maximum: Bound?
  public var cache: UInt32?
  public var cycles: Bool?
  /// ALTER … RESTART [WITH n]; the inner `nil` without a number.
  public var restart: Int64??
  public var position: Range<Int>
}

/// `CREATE SEQUENCE [IF NOT EXISTS] name [options]`
public struct CreateSequenceSyntax: Sendable {
  public var name: QualifiedNameSyntax
  public var ifNotExists: Bool
  public var options: SequenceOptionsSyntax
}

extension Parser {
  /// After `CREATE SEQUENCE`.
  mutating func parseCreateSequence() throws(StoaError) -> CreateSequenceSyntax {
    let ifNotExists = try parseIfNotExists()
    let name = try parseQualifiedName("the name of a sequence")
    return CreateSequenceSyntax(
      name: name, ifNotExists: ifNotExists,
      options: try parseSequenceOptions(isAltering: false, hasType: true))
  }

  /// Options in any order, each once.
  mutating func parseSequenceOptions(
    isAltering: Bool, hasType: Bool
  ) throws(StoaError) -> SequenceOptionsSyntax {
    let start = index
    var options = SequenceOptionsSyntax(position: range(from: start))
    while true {
      let before = index
      let isRepeated = try parseSequenceOption(
        into: &options, isAltering: isAltering, hasType: hasType)
      guard index > before else { break }
      if isRepeated {
        throw StoaError(
          .syntax, "\(text(at: before).uppercased()) is said twice", position: range(from: before))
      }
    }
    options.position = range(from: start)
    return options
  }

  private func text(at index: Int) -> String { text(peek(index - self.index)) }

  /// - Returns: whether it was there before.
  private mutating func parseSequenceOption(
    into options: inout SequenceOptionsSyntax, isAltering: Bool, hasType: Bool
  ) throws(StoaError) -> Bool {
    if hasType, accept(.as) {
      let isRepeated = options.type != nil
      options.type = try parseType()
      return isRepeated
    }
    if acceptWord("INCREMENT") {
      _ = accept(.by)
      return try set(&options.increment)
    }
    if acceptWord("START") {
      _ = accept(.with)
      return try set(&options.start)
    }
    if acceptWord("MINVALUE") {
      let isRepeated = options.minimum != nil
      options.minimum = .value(try parseSignedInteger())
      return isRepeated
    }
    if acceptWord("MAXVALUE") {
      let isRepeated = options.maximum != nil
      options.maximum = .value(try parseSignedInteger())
      return isRepeated
    }
    if acceptWord("CACHE") {
      let isRepeated = options.cache != nil
      let place = index
      guard let cache = UInt32(exactly: try parseSignedInteger()), cache > 0 else {
        throw StoaError(
          .binding, "CACHE must be from 1 to \(UInt32.max)", position: range(from: place))
      }
      options.cache = cache
      return isRepeated
    }
    if acceptWord("CYCLE") {
      defer { options.cycles = true }
      return options.cycles != nil
    }
    if isAltering, acceptWord("RESTART") {
      let isRepeated = options.restart != nil
      if accept(.with) || isAtInteger {
        options.restart = .some(try parseSignedInteger())
      } else {
        options.restart = .some(nil)
      }
      return isRepeated
    }
    guard keyword == .no else { return false }
    if isWord("MINVALUE", at: 1) {
      advance()
      advance()
      defer { options.minimum = SequenceOptionsSyntax.Bound.none }
      return options.minimum != nil
    }
    if isWord("MAXVALUE", at: 1) {
      advance()
      advance()
      defer { options.maximum = SequenceOptionsSyntax.Bound.none }
      return options.maximum != nil
    }
    if isWord("CYCLE", at: 1) {
      advance()
      advance()
      defer { options.cycles = false }
      return options.cycles != nil
    }
    throw unexpected("MINVALUE, MAXVALUE or CYCLE")
  }

  private mutating func set(_ field: inout Int64?) throws(StoaError) -> Bool {
    let isRepeated = field != nil
    field = try parseSignedInteger()
    return isRepeated
  }

  private var isAtInteger: Bool {
    if case .integer = current.kind { return true }
    return isAt(.minus)
  }

  private mutating func parseSignedInteger() throws(StoaError) -> Int64 {
    let start = index
    let isNegative = accept(.minus)
    if !isNegative { _ = accept(.plus) }
    guard case .integer(let magnitude) = current.kind else { throw unexpected("a whole number") }
    advance()
    let value =
      magnitude <= UInt128(Int64.max) + 1
      ? (isNegative ? -Int128(magnitude) : Int128(magnitude)) : Int128.max
    guard let result = Int64(exactly: value) else {
      throw StoaError(.binding, "the number is outside BIGINT", position: range(from: start))
    }
    return result
  }
}
