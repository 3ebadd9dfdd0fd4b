import Vectors

/// Cuts SQL text into tokens. Works on UTF-8 bytes; positions are byte offsets.
struct Lexer {
  private let bytes: [UInt8]
  private var offset: Int

  private init(_ bytes: [UInt8], offset: Int) {
    self.bytes = bytes
    self.offset = offset
  }

  /// All tokens of `bytes` from `offset` on, the last being `.end`.
  /// - Parameter takesRows: whether rows of plain literals in INSERT … VALUES become one token.
  /// - Throws: `.syntax` for unfinished quotes and comments, bad numbers and stray characters.
  static func tokens(
    of bytes: [UInt8], from offset: Int = 0, takesRows: Bool = false
  ) throws(StoaError) -> [Token] {
    var lexer = Lexer(bytes, offset: offset)
    var tokens: [Token] = []
    tokens.reserveCapacity(min(bytes.count / 5, 1000) + 8)
    var isInsert = false
    var beginsStatement = true
    while true {
      let token = try lexer.next()
      tokens.append(token)
      switch token.kind {
      case .end: return tokens
      case .word(.insert) where beginsStatement: isInsert = true
      case .word(.values) where isInsert && takesRows:
        if let rows = LiteralRows(bytes, from: lexer.offset) {
          tokens.append(Token(kind: .literalRows(rows), range: rows.range))
          lexer.offset = rows.range.upperBound
        }
      case .mark(.semicolon):
        isInsert = false
        beginsStatement = true
        continue
      default: break
      }
      beginsStatement = false
    }
  }

  private func byte(_ ahead: Int = 0) -> UInt8 {
    offset + ahead < bytes.count ? bytes[offset + ahead] : 0
  }

  private mutating func next() throws(StoaError) -> Token {
    try skipBlanks()
    let start = offset
    guard start < bytes.count else { return Token(kind: .end, range: start..<start) }
    let kind = try scan()
    return Token(kind: kind, range: start..<offset)
  }

  private mutating func skipBlanks() throws(StoaError) {
    while offset < bytes.count {
      if Lexer.isBlank(bytes[offset]) {
        offset += 1
      } else if byte() == 0x2D, byte(1) == 0x2D {
        while offset < bytes.count, bytes[offset] != 0x0A { offset += 1 }
      } else if byte() == 0x2F, byte(1) == 0x2A {
        try skipComment()
      } else if byte() == 0xC2, byte(1) == 0xA0 {  // no-break space, pasted from web pages
        offset += 2
      } else if offset == 0, byte() == 0xEF, byte(1) == 0xBB, byte(2) == 0xBF {
        offset += 3
      } else {
        return
      }
    }
  }

  /// `/* … */`, nested as in the standard.
  private mutating func skipComment() throws(StoaError) {
    let start = offset
    var depth = 0
    while offset < bytes.count {
      if byte() == 0x2F, byte(1) == 0x2A {
        depth += 1
        offset += 2
      } else if byte() == 0x2A, byte(1) == 0x2F {
        depth -= 1
        offset += 2
        if depth == 0 { return }
      } else {
        offset += 1
      }
    }
    throw StoaError(
      .syntax, "comment /* is not closed", position: start..<min(start + 2, bytes.count))
  }

  private mutating func scan() throws(StoaError) -> Token.Kind {
    let first = byte()
    switch first {
    case 0x27: return .string(try quotedText(prefixLength: 0, escapes: false))
    case 0x22: return .quotedName(try quotedName())
    case 0x30...0x39: return try number()
    case 0x2E where Lexer.isDigit(byte(1)): return try number()
    case 0x24: return try dollar()
    case 0x3F:
      offset += 1
      return .nextParameter
    case 0x3A where Lexer.startsWord(byte(1)):
      offset += 1
      return .namedParameter(word())
    case 0x45 where byte(1) == 0x27, 0x65 where byte(1) == 0x27:
      return .string(try quotedText(prefixLength: 1, escapes: true))
    default:
      if Lexer.startsWord(first) {
        let start = offset
        while Lexer.continuesWord(byte()) { offset += 1 }
        return .word(Keyword.named(bytes[start..<offset]))
      }
      return .mark(try mark())
    }
  }

  private mutating func word() -> String {
    let start = offset
    while Lexer.continuesWord(byte()) { offset += 1 }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  private mutating func mark() throws(StoaError) -> Token.Mark {
    let first = Int(byte())
    if first < Lexer.marks.count {
      for candidate in Lexer.marks[first] where matches(candidate.rest) {
        offset += candidate.byteCount
        return candidate.mark
      }
    }
    let end = Lexer.characterEnd(bytes, offset)
    let text = String(decoding: bytes[offset..<end], as: UTF8.self)
    throw StoaError(.syntax, "unexpected character \(text)", position: offset..<end)
  }

  /// Whether the bytes behind the first are these; 0 for none.
  private func matches(_ rest: Rest) -> Bool {
    if rest.0 == 0 { return true }
    guard offset + 1 < bytes.count, bytes[offset + 1] == rest.0 else { return false }
    if rest.1 == 0 { return true }
    guard offset + 2 < bytes.count, bytes[offset + 2] == rest.1 else { return false }
    return rest.2 == 0 || (offset + 3 < bytes.count && bytes[offset + 3] == rest.2)
  }

  /// Bytes of a mark behind its first; 0 for none.
  private typealias Rest = (UInt8, UInt8, UInt8)

  /// Marks by their first byte, longer ones first.
  private static let marks: [[(rest: Rest, byteCount: Int, mark: Token.Mark)]] = {
    var table = [[(rest: Rest, byteCount: Int, mark: Token.Mark)]](repeating: [], count: 128)
    for mark in Token.Mark.allCases.sorted(by: { $0.rawValue.utf8.count > $1.rawValue.utf8.count })
    {
      let text = Array(mark.rawValue.utf8) + [0, 0, 0]
      table[Int(text[0])].append(((text[1], text[2], text[3]), text.count - 3, mark))
    }
    return table
  }()
}

extension Lexer {
  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
  static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
  /// ASCII letter, underscore, or any byte of a character beyond ASCII.
  static func startsWord(_ byte: UInt8) -> Bool {
    (byte | 32 >= 0x61 && byte | 32 <= 0x7A) || byte == 0x5F || byte >= 0x80
  }
  static func continuesWord(_ byte: UInt8) -> Bool {
    startsWord(byte) || isDigit(byte) || byte == 0x24
  }
  /// Offset after the UTF-8 character at `offset`.
  static func characterEnd(_ bytes: [UInt8], _ offset: Int) -> Int {
    var end = offset + 1
    while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
    return end
  }
}

extension Lexer {
  /// Text in single quotes; `''` is one quote, and after E a backslash escapes.
  private mutating func quotedText(prefixLength: Int, escapes: Bool) throws(StoaError) -> String {
    let start = offset
    offset += prefixLength + 1
    var text: [UInt8] = []
    while offset < bytes.count {
      let byte = bytes[offset]
      if byte == 0x27 {
        guard self.byte(1) == 0x27 else {
          offset += 1
          return try Lexer.validated(text, at: start..<offset)
        }
        text.append(0x27)
        offset += 2
      } else if escapes, byte == 0x5C {
        try appendEscape(to: &text)
      } else {
        text.append(byte)
        offset += 1
      }
    }
    throw StoaError(
      .syntax, "string in quotes is not closed", hint: "A quote within a string is written ''",
      position: start..<min(start + 1 + prefixLength, bytes.count))
  }

  private static func validated(_ text: [UInt8], at range: Range<Int>) throws(StoaError) -> String {
    guard let string = String(validating: text, as: UTF8.self) else {
      throw StoaError(.syntax, "text is not valid UTF-8", position: range)
    }
    return string
  }

  private mutating func appendEscape(to text: inout [UInt8]) throws(StoaError) {
    let start = offset
    let letter = byte(1)
    offset = min(offset + 2, bytes.count)
    switch letter {
    case 0x62: text.append(0x08)
    case 0x66: text.append(0x0C)
    case 0x6E: text.append(0x0A)
    case 0x72: text.append(0x0D)
    case 0x74: text.append(0x09)
    case 0x30...0x37:
      offset -= 1
      text.append(UInt8(truncatingIfNeeded: digits(upTo: 3, radix: 8) ?? 0))
    case 0x78:
      guard let value = digits(upTo: 2, radix: 16) else { throw badEscape(start) }
      text.append(UInt8(truncatingIfNeeded: value))
    case 0x75, 0x55:
      let count = letter == 0x75 ? 4 : 8
      let from = offset
      guard let value = digits(upTo: count, radix: 16), offset - from == count,
        let scalar = Unicode.Scalar(value)
      else { throw badEscape(start) }
      text.append(contentsOf: Array(String(Character(scalar)).utf8))
    default: text.append(letter)
    }
  }

  private func badEscape(_ start: Int) -> StoaError {
    StoaError(.syntax, "invalid escape in text", position: start..<min(offset, bytes.count))
  }

  /// Reads up to `count` digits; `nil` when there is none.
  private mutating func digits(upTo count: Int, radix: UInt32) -> UInt32? {
    var value: UInt32 = 0
    var read = 0
    while read < count, let digit = Lexer.digitValue(byte()), digit < radix {
      value = value &* radix &+ digit
      offset += 1
      read += 1
    }
    return read == 0 ? nil : value
  }

  static func digitValue(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x30...0x39: UInt32(byte - 0x30)
    case 0x41...0x46: UInt32(byte - 0x41 + 10)
    case 0x61...0x66: UInt32(byte - 0x61 + 10)
    default: nil
    }
  }

  private mutating func quotedName() throws(StoaError) -> String {
    let start = offset
    offset += 1
    var text: [UInt8] = []
    while offset < bytes.count {
      if bytes[offset] == 0x22 {
        guard byte(1) == 0x22 else {
          offset += 1
          guard !text.isEmpty else {
            throw StoaError(.syntax, "a name in quotes is empty", position: start..<offset)
          }
          return String(decoding: text, as: UTF8.self)
        }
        offset += 1
      }
      text.append(bytes[offset])
      offset += 1
    }
    throw StoaError(.syntax, "name in double quotes is not closed", position: start..<start + 1)
  }

  /// `$1`, `$name`, `$$text$$`, `$tag$text$tag$`.
  private mutating func dollar() throws(StoaError) -> Token.Kind {
    let start = offset
    offset += 1
    if Lexer.isDigit(byte()) {
      var value = 0
      while Lexer.isDigit(byte()) {
        value = min(value * 10 + Int(byte() - 0x30), 1_000_000)
        offset += 1
      }
      guard value >= 1, value <= 65_535 else {
        throw StoaError(.syntax, "parameters are numbered $1 to $65535", position: start..<offset)
      }
      return .numberedParameter(value)
    }
    let tagStart = offset
    while Lexer.continuesWord(byte()), byte() != 0x24 { offset += 1 }
    if byte() == 0x24 {
      offset += 1
      return .string(try dollarQuoted(from: start, delimiter: Array(bytes[start..<offset])))
    }
    guard offset > tagStart else {
      throw StoaError(.syntax, "unexpected character $", position: start..<start + 1)
    }
    return .namedParameter(String(decoding: bytes[tagStart..<offset], as: UTF8.self))
  }

  private mutating func dollarQuoted(from start: Int, delimiter: [UInt8]) throws(StoaError)
    -> String
  {
    let textStart = offset
    while offset + delimiter.count <= bytes.count {
      if bytes[offset] == 0x24, bytes[offset..<offset + delimiter.count].elementsEqual(delimiter) {
        defer { offset += delimiter.count }
        return String(decoding: bytes[textStart..<offset], as: UTF8.self)
      }
      offset += 1
    }
    throw StoaError(.syntax, "string in dollar quotes is not closed", position: start..<textStart)
  }
}

extension Lexer {
  /// `12`, `1_000`, `0xff`, `1.5`, `.5`, `1.`, `1e5`.
  private mutating func number() throws(StoaError) -> Token.Kind {
    let start = offset
    if byte() == 0x30, byte(1) | 32 == 0x78 { return try hexadecimal() }
    var text: [UInt8] = []
    skipDigits(into: &text)
    var hasPoint = false
    var hasExponent = false
    if byte() == 0x2E, byte(1) != 0x2E {
      hasPoint = true
      text.append(0x2E)
      offset += 1
      skipDigits(into: &text)
    }
    if byte() | 32 == 0x65 {
      let signed = byte(1) == 0x2B || byte(1) == 0x2D
      if Lexer.isDigit(byte(signed ? 2 : 1)) {
        hasExponent = true
        text.append(0x65)
        if signed { text.append(byte(1)) }
        offset += signed ? 2 : 1
        skipDigits(into: &text)
      }
    }
    if Lexer.continuesWord(byte()) {
      while Lexer.continuesWord(byte()) { offset += 1 }
      throw StoaError(.syntax, "letters follow a number", position: start..<offset)
    }
    let string = String(decoding: text, as: UTF8.self)
    if hasExponent {
      guard let value = Double(string), value.isFinite else {
        throw StoaError(.syntax, "number is beyond the range of DOUBLE", position: start..<offset)
      }
      return .double(value)
    }
    if !hasPoint, let value = UInt128(string) { return .integer(value) }
    return .decimal(string)
  }

  private mutating func skipDigits(into text: inout [UInt8]) {
    while Lexer.isDigit(byte()) || (byte() == 0x5F && Lexer.isDigit(byte(1)) && !text.isEmpty) {
      if byte() != 0x5F { text.append(byte()) }
      offset += 1
    }
  }

  private mutating func hexadecimal() throws(StoaError) -> Token.Kind {
    let start = offset
    offset += 2
    var value: UInt128 = 0
    var isValid = Lexer.digitValue(byte()) != nil
    while let digit = Lexer.digitValue(byte()) {
      let (product, overflow) = value.multipliedReportingOverflow(by: 16)
      if overflow { isValid = false }
      value = product | UInt128(digit)
      offset += 1
    }
    if Lexer.continuesWord(byte()) { isValid = false }
    while Lexer.continuesWord(byte()) { offset += 1 }
    guard isValid else {
      throw StoaError(.syntax, "invalid hexadecimal number", position: start..<offset)
    }
    return .integer(value)
  }
}
