import Vectors

/// A value of a flat object: what JSON can say, nested values as their text.
public enum JSONCell: Sendable, Hashable {
  case null
  case boolean(Bool)
  /// As written.
  case number(String)
  case string(String)
  /// An array or object, as written.
  case nested(String)
}

/// Reads one JSON object (RFC 8259) into its members.
struct JSONObjectParser {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var at = 0

  /// Nested values deeper than this are refused.
  private static let maximalDepth = 1_000

  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// Why the text is no object, and at which byte.
  struct Failure: Error {
    var reason: String
    var offset: Int
  }

  private func failure(_ reason: String) -> Failure { Failure(reason: reason, offset: at) }

  private mutating func skipSpace() {
    while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
  }

  private mutating func expect(_ byte: UInt8) throws(Failure) {
    skipSpace()
    guard at < bytes.count, bytes[at] == byte else {
      throw failure("expected \(Character(UnicodeScalar(byte)))")
    }
    at += 1
  }

  /// The members in order; of equal names the last counts for whoever looks them up.
  mutating func members() throws(Failure) -> [(name: String, cell: JSONCell)] {
    var result: [(name: String, cell: JSONCell)] = []
    try expect(0x7B)
    skipSpace()
    if at < bytes.count, bytes[at] == 0x7D {
      at += 1
    } else {
      while true {
        skipSpace()
        let name = try string()
        try expect(0x3A)
        result.append((name, try cell()))
        skipSpace()
        guard at < bytes.count else { throw failure("the object does not end") }
        at += 1
        if bytes[at - 1] == 0x7D { break }
        guard bytes[at - 1] == 0x2C else { throw failure("expected , or }") }
      }
    }
    skipSpace()
    guard at == bytes.count else { throw failure("there is more after the object") }
    return result
  }

  private mutating func cell() throws(Failure) -> JSONCell {
    skipSpace()
    guard at < bytes.count else { throw failure("expected a value") }
    switch bytes[at] {
    case 0x22: return .string(try string())
    case 0x7B, 0x5B: return .nested(try nested())
    case 0x74:
      try word("true")
      return .boolean(true)
    case 0x66:
      try word("false")
      return .boolean(false)
    case 0x6E:
      try word("null")
      return .null
    default: return .number(try number())
    }
  }

  private mutating func word(_ word: StaticString) throws(Failure) {
    let count = word.utf8CodeUnitCount
    guard at + count <= bytes.count else { throw failure("expected a value") }
    for index in 0..<count where bytes[at + index] != word.utf8Start[index] {
      throw failure("expected a value")
    }
    at += count
  }

  private mutating func number() throws(Failure) -> String {
    let start = at
    func isDigit(_ index: Int) -> Bool {
      index < bytes.count && bytes[index] >= 0x30 && bytes[index] <= 0x39
    }
    if at < bytes.count, bytes[at] == 0x2D { at += 1 }
    guard isDigit(at) else { throw failure("expected a value") }
    while isDigit(at) { at += 1 }
    if at < bytes.count, bytes[at] == 0x2E {
      at += 1
      guard isDigit(at) else { throw failure("expected a digit") }
      while isDigit(at) { at += 1 }
    }
    if at < bytes.count, bytes[at] | 0x20 == 0x65 {
      at += 1
      if at < bytes.count, bytes[at] == 0x2B || bytes[at] == 0x2D { at += 1 }
      guard isDigit(at) else { throw failure("expected a digit") }
      while isDigit(at) { at += 1 }
    }
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }

  private mutating func string() throws(Failure) -> String {
    guard at < bytes.count, bytes[at] == 0x22 else { throw failure("expected \"") }
    at += 1
    let start = at
    while at < bytes.count, bytes[at] != 0x22, bytes[at] != 0x5C, bytes[at] >= 0x20 { at += 1 }
    if at < bytes.count, bytes[at] == 0x22 {
      defer { at += 1 }
      return String(decoding: bytes[start..<at], as: UTF8.self)
    }
    var text = Array(bytes[start..<at])
    while at < bytes.count {
      let byte = bytes[at]
      at += 1
      if byte == 0x22 { return String(decoding: text, as: UTF8.self) }
      guard byte >= 0x20 else { throw failure("a string cannot contain control characters") }
      if byte == 0x5C { try escape(into: &text) } else { text.append(byte) }
    }
    throw failure("the string does not end")
  }

  private mutating func escape(into text: inout [UInt8]) throws(Failure) {
    guard at < bytes.count else { throw failure("the string does not end") }
    let byte = bytes[at]
    at += 1
    switch byte {
    case 0x22, 0x5C, 0x2F: text.append(byte)
    case 0x62: text.append(0x08)
    case 0x66: text.append(0x0C)
    case 0x6E: text.append(0x0A)
    case 0x72: text.append(0x0D)
    case 0x74: text.append(0x09)
    case 0x75:
      var code = try hexadecimal()
      if code & 0xFC00 == 0xD800, at + 1 < bytes.count, bytes[at] == 0x5C, bytes[at + 1] == 0x75 {
        at += 2
        let low = try hexadecimal()
        guard low & 0xFC00 == 0xDC00 else { throw failure("half of a surrogate pair") }
        code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
      }
      guard let scalar = UnicodeScalar(code) else { throw failure("half of a surrogate pair") }
      text += Array(String(Character(scalar)).utf8)
    default: throw failure("there is no escape \\\(Character(UnicodeScalar(byte)))")
    }
  }

  private mutating func hexadecimal() throws(Failure) -> UInt32 {
    guard at + 4 <= bytes.count else { throw failure("expected four hexadecimal digits") }
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(UnicodeScalar(bytes[at])).hexDigitValue else {
        throw failure("expected four hexadecimal digits")
      }
      code = code << 4 | UInt32(digit)
      at += 1
    }
    return code
  }

  /// An array or object as it stands there; brackets are matched, what is between is not looked at closely.
  private mutating func nested() throws(Failure) -> String {
    let start = at
    var open: [UInt8] = []
    repeat {
      guard at < bytes.count else { throw failure("the value does not end") }
      switch bytes[at] {
      case 0x22:
        _ = try string()
        continue
      case 0x7B: open.append(0x7D)
      case 0x5B: open.append(0x5D)
      case 0x7D, 0x5D:
        guard open.popLast() == bytes[at] else { throw failure("brackets do not match") }
      default: break
      }
      guard open.count <= JSONObjectParser.maximalDepth else { throw failure("too deeply nested") }
      at += 1
    } while !open.isEmpty
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }
}
