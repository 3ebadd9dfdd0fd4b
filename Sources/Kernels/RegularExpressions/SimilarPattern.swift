import Vectors

/// Patterns of SIMILAR TO as regular expressions, which must match the whole text: `%` is any text and `_` any
/// character, as in LIKE; `| * + ? {m,n} ( ) [ ]` mean what they do in regular expressions; nothing else is special.
enum SimilarPattern {
  /// - Parameter escape: `nil` means a backslash, an empty text none.
  static func regular(
    _ pattern: UnsafeRawBufferPointer, escape: StringView?
  ) throws(StoaError) -> [UInt8] {
    let escapeByte = try self.escape(escape)
    var result: [UInt8] = []
    var index = 0
    var isInBrackets = false
    while index < pattern.count {
      let byte = pattern[index]
      index += 1
      if let escapeByte, byte == escapeByte {
        guard index < pattern.count else {
          throw StoaError(
            .evaluation, "a SIMILAR TO pattern must not end with its escape character")
        }
        appendLiteral(pattern[index], to: &result)
        index += 1
      } else if isInBrackets {
        if byte == UInt8(ascii: "]") { isInBrackets = false }
        if byte == UInt8(ascii: "\\") { result.append(byte) }
        result.append(byte)
        if byte == UInt8(ascii: "["), index < pattern.count, pattern[index] == UInt8(ascii: ":") {
          // [:alpha:] ends with its own bracket.
          while index < pattern.count, pattern[index] != UInt8(ascii: "]") {
            result.append(pattern[index])
            index += 1
          }
          if index < pattern.count {
            result.append(pattern[index])
            index += 1
          }
        }
      } else {
        switch byte {
        case UInt8(ascii: "%"): result += ".*".utf8
        case UInt8(ascii: "_"): result.append(UInt8(ascii: "."))
        case UInt8(ascii: "("): result += "(?:".utf8
        case UInt8(ascii: "["):
          isInBrackets = true
          result.append(byte)
          if index < pattern.count, pattern[index] == UInt8(ascii: "^") {
            result.append(pattern[index])
            index += 1
          }
          // A bracket right at the start is a member.
          if index < pattern.count, pattern[index] == UInt8(ascii: "]") {
            result += "\\]".utf8
            index += 1
          }
        case UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "$"), UInt8(ascii: "\\"),
          UInt8(ascii: "#"):
          appendLiteral(byte, to: &result)
        default: result.append(byte)
        }
      }
    }
    return result
  }

  private static func escape(_ escape: StringView?) throws(StoaError) -> UInt8? {
    guard let escape else { return UInt8(ascii: "\\") }
    if escape.byteCount == 0 { return nil }
    let first = escape.withBytes { $0[0] }
    guard escape.byteCount == 1, first < 0x80 else {
      throw StoaError(
        .evaluation,
        "the escape character of SIMILAR TO must be one ASCII character, not '\(escape.string)'")
    }
    return first
  }

  /// Letters and digits are literal without a backslash, and would be special with one.
  private static func appendLiteral(_ byte: UInt8, to bytes: inout [UInt8]) {
    let isWord =
      byte >= 0x80 || byte == UInt8(ascii: "_") || (byte | 0x20) &- UInt8(ascii: "a") < 26
      || byte &- UInt8(ascii: "0") < 10
    if !isWord { bytes.append(UInt8(ascii: "\\")) }
    bytes.append(byte)
  }
}
