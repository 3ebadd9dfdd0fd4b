import Vectors

/// One line with a JSON object after the other (RFC 8259; flat: values are texts, numbers, booleans and null), as rows
/// of `JSONLinesSource`. Knows the number of the line for its errors.
struct JSONLineConverter {
  /// Where the value of a key stands in the line.
  private struct Field {
    enum Kind { case missing, null, plain, text, escapedText }
    var kind = Kind.missing
    var start = 0
    var end = 0
  }

  private let keys: [[UInt8]]
  private let positions: [String: Int]
  private let skipsOthers: Bool
  private let path: String
  private var fields: [Field]
  /// One-based number of the line.
  private var line: UInt64 = 1

  init(keys: [String], skipsOthers: Bool, path: String) {
    self.keys = keys.map { Array($0.utf8) }
    positions = Dictionary(
      keys.enumerated().map { ($0.element.lowercased(), $0.offset) },
      uniquingKeysWith: { a, _ in a })
    self.skipsOthers = skipsOthers
    self.path = path
    fields = [Field](repeating: Field(), count: keys.count)
  }

  /// An error about the present line.
  func error(_ message: String, hint: String? = nil, key: String? = nil) -> StoaError {
    StoaError(.input, message, hint: hint, path: path, line: line, column: key)
  }

  /// Appends the row of the line, which may be blank.
  /// - Throws: `.input` with the number of the line when it is no object, or one with something else in it.
  mutating func convert(
    _ text: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]
  ) throws(StoaError) {
    var at = 0
    skipBlanks(text, &at)
    if at < text.count {
      for index in fields.indices { fields[index].kind = .missing }
      try readObject(text, &at)
      for (index, field) in fields.enumerated() {
        if index > 0 { output.append(0x2C) }
        try append(field, of: text, to: &output)
      }
    }
    output.append(JSONLinesSource.rowEnd)
    line += 1
  }

  // MARK: Reading

  private mutating func readObject(
    _ text: UnsafeBufferPointer<UInt8>, _ at: inout Int
  ) throws(StoaError) {
    guard text[at] == UInt8(ascii: "{") else {
      throw error(
        "a line holds no JSON object",
        hint: text[at] == UInt8(ascii: "[")
          ? "An array of objects must first be written with one object to a line" : nil)
    }
    at += 1
    var expected = 0
    skipBlanks(text, &at)
    if at < text.count, text[at] == UInt8(ascii: "}") {
      at += 1
    } else {
      while true {
        try readMember(text, &at, &expected)
        guard at < text.count else { throw error("the object does not end on its line") }
        at += 1
        if text[at - 1] == UInt8(ascii: "}") { break }
        guard text[at - 1] == UInt8(ascii: ",") else {
          throw error("the object is not valid JSON: a comma is missing", hint: place(at - 1))
        }
      }
    }
    skipBlanks(text, &at)
    guard at == text.count else {
      throw error("more than one value is on the line", hint: place(at))
    }
  }

  private mutating func readMember(
    _ text: UnsafeBufferPointer<UInt8>, _ at: inout Int, _ expected: inout Int
  ) throws(StoaError) {
    skipBlanks(text, &at)
    guard at < text.count, text[at] == UInt8(ascii: "\"") else {
      throw error("the object is not valid JSON: a key in quotes is missing", hint: place(at))
    }
    let key = try readText(text, &at)
    skipBlanks(text, &at)
    guard at < text.count, text[at] == UInt8(ascii: ":") else {
      throw error("the object is not valid JSON: a colon is missing", hint: place(at))
    }
    at += 1
    skipBlanks(text, &at)
    // Objects mostly have their keys in one order.
    var index: Int? = expected
    if !(expected < keys.count && key.kind == .text && isEqual(text, key, keys[expected])) {
      index = try position(of: key, text)
    }
    let value = try readValue(text, &at, key)
    if let index {
      guard fields[index].kind == .missing else {
        throw error("a key stands twice in the object", key: name(index))
      }
      fields[index] = value
      expected = index + 1
    }
    skipBlanks(text, &at)
  }

  private func readValue(
    _ text: UnsafeBufferPointer<UInt8>, _ at: inout Int, _ key: Field
  ) throws(StoaError) -> Field {
    guard at < text.count else { throw error("the object does not end on its line") }
    switch text[at] {
    case UInt8(ascii: "\""): return try readText(text, &at)
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      throw error(
        "the value is an object or array of its own; only flat objects can be loaded",
        key: try? decoded(key, text))
    default: break
    }
    let start = at
    while at < text.count, !JSONLineConverter.endsWord(text[at]) { at += 1 }
    let word = UnsafeBufferPointer(rebasing: text[start..<at])
    if word.elementsEqual("null".utf8) { return Field(kind: .null, start: start, end: at) }
    guard
      word.elementsEqual("true".utf8) || word.elementsEqual("false".utf8)
        || JSONLineConverter.isNumber(word)
    else {
      throw error(
        "the value is no JSON: " + String(decoding: word.prefix(60), as: UTF8.self),
        key: try? decoded(key, text))
    }
    return Field(kind: .plain, start: start, end: at)
  }

  /// The text in quotes at `at`, escapes as they are.
  private func readText(
    _ text: UnsafeBufferPointer<UInt8>, _ at: inout Int
  ) throws(StoaError) -> Field {
    at += 1
    var field = Field(kind: .text, start: at, end: at)
    while at < text.count {
      let byte = text[at]
      if byte == UInt8(ascii: "\"") {
        field.end = at
        at += 1
        return field
      }
      if byte < 0x20 {
        throw error("a control character stands in a text; JSON wants it escaped", hint: place(at))
      }
      if byte == UInt8(ascii: "\\") {
        field.kind = .escapedText
        at += 1
      }
      at += 1
    }
    throw error("a text does not end on its line")
  }

  @inline(__always)
  private func skipBlanks(_ text: UnsafeBufferPointer<UInt8>, _ at: inout Int) {
    while at < text.count, text[at] == 0x20 || text[at] == 9 || text[at] == 13 { at += 1 }
  }

  private static func endsWord(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == 0x20 || byte == 9
      || byte == 13
  }

  /// `-`, digits without leading zeros, a fraction, an exponent.
  private static func isNumber(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
    var at = 0
    func isAt(_ bytes: StaticString) -> Bool {
      at < word.count && bytes.withUTF8Buffer { $0.contains(word[at]) }
    }
    func skipDigits() -> Int {
      let start = at
      while at < word.count, word[at] &- 0x30 <= 9 { at += 1 }
      return at - start
    }
    if isAt("-") { at += 1 }
    let hasLeadingZero = isAt("0")
    let count = skipDigits()
    guard count == 1 || (count > 1 && !hasLeadingZero) else { return false }
    if isAt(".") {
      at += 1
      guard skipDigits() > 0 else { return false }
    }
    if isAt("eE") {
      at += 1
      if isAt("+-") { at += 1 }
      guard skipDigits() > 0 else { return false }
    }
    return at == word.count
  }

  // MARK: Keys

  private func isEqual(
    _ text: UnsafeBufferPointer<UInt8>, _ field: Field, _ bytes: [UInt8]
  ) -> Bool {
    field.end - field.start == bytes.count
      && text[field.start..<field.end].elementsEqual(bytes)
  }

  /// - Returns: `nil` for a key that is left out.
  private func position(
    of key: Field, _ text: UnsafeBufferPointer<UInt8>
  ) throws(StoaError) -> Int? {
    let name = try decoded(key, text)
    if let position = positions[name.lowercased()] { return position }
    if skipsOthers { return nil }
    throw error(
      "the object has a key that is no column of the table",
      hint: "COPY t (a, b, …) takes only the keys named and leaves others out", key: name)
  }

  private func name(_ index: Int) -> String { String(decoding: keys[index], as: UTF8.self) }

  private func decoded(
    _ field: Field, _ text: UnsafeBufferPointer<UInt8>
  ) throws(StoaError) -> String {
    var bytes: [UInt8] = []
    try appendText(field, of: text, to: &bytes, quote: nil)
    return String(decoding: bytes, as: UTF8.self)
  }

  private func place(_ at: Int) -> String { "At byte \(at + 1) of the line" }

  // MARK: Writing

  private func append(
    _ field: Field, of text: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]
  ) throws(StoaError) {
    switch field.kind {
    case .missing, .null: output.append(contentsOf: JSONLinesSource.nullToken.utf8)
    case .plain: output.append(contentsOf: text[field.start..<field.end])
    case .text:
      output.append(0x22)
      output.append(contentsOf: text[field.start..<field.end])
      output.append(0x22)
    case .escapedText:
      output.append(0x22)
      try appendText(field, of: text, to: &output, quote: 0x22)
      output.append(0x22)
    }
  }

  /// The text with its escapes resolved.
  /// - Parameter quote: a byte that is written twice.
  private func appendText(
    _ field: Field, of text: UnsafeBufferPointer<UInt8>, to output: inout [UInt8], quote: UInt8?
  ) throws(StoaError) {
    var at = field.start
    while at < field.end {
      let byte = text[at]
      at += 1
      guard byte == UInt8(ascii: "\\"), at < field.end else {
        output.append(byte)
        continue
      }
      at += 1
      switch text[at - 1] {
      case UInt8(ascii: "\""):
        output.append(0x22)
        if quote != nil { output.append(0x22) }
      case UInt8(ascii: "\\"): output.append(0x5C)
      case UInt8(ascii: "/"): output.append(0x2F)
      case UInt8(ascii: "b"): output.append(8)
      case UInt8(ascii: "f"): output.append(12)
      case UInt8(ascii: "n"): output.append(10)
      case UInt8(ascii: "r"): output.append(13)
      case UInt8(ascii: "t"): output.append(9)
      case UInt8(ascii: "u"):
        let scalar = try readScalar(text, &at, field.end)
        output.append(contentsOf: String(Character(scalar)).utf8)
        if scalar == "\"", quote != nil { output.append(0x22) }
      default: throw error("a text has an escape that JSON does not know", hint: place(at - 2))
      }
    }
  }

  /// The character behind `\u`, of two of them where it is a surrogate pair.
  private func readScalar(
    _ text: UnsafeBufferPointer<UInt8>, _ at: inout Int, _ end: Int
  ) throws(StoaError) -> Unicode.Scalar {
    var code = try readHexDigits(text, &at, end)
    if code >> 10 == 0x36, at + 1 < end, text[at] == 0x5C, text[at + 1] == UInt8(ascii: "u") {
      at += 2
      let second = try readHexDigits(text, &at, end)
      if second >> 10 == 0x37 { code = 0x10000 + (code & 0x3FF) << 10 + second & 0x3FF }
    }
    guard let scalar = Unicode.Scalar(code), code != 0 else {
      throw error(
        code == 0
          ? "a text has a zero byte in it (\\u0000), which cannot be stored"
          : "a text has half a surrogate pair in it", hint: place(at - 6))
    }
    return scalar
  }

  private func readHexDigits(
    _ text: UnsafeBufferPointer<UInt8>, _ at: inout Int, _ end: Int
  ) throws(StoaError) -> UInt32 {
    guard at + 4 <= end,
      let code = UInt32(String(decoding: text[at..<(at + 4)], as: UTF8.self), radix: 16),
      text[at] != UInt8(ascii: "+"), text[at] != UInt8(ascii: "-")
    else { throw error("\\u wants four hexadecimal digits", hint: place(at - 2)) }
    at += 4
    return code
  }
}
