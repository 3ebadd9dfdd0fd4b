import Vectors

/// BLOBs as text and back.
enum BlobText {
  enum Format: String { case hex, base64, escape }

  static func format(_ bytes: UnsafeRawBufferPointer) throws(StoaError) -> Format {
    let name = String(decoding: bytes, as: UTF8.self)
    guard let format = Format(rawValue: name.lowercased()) else {
      throw StoaError(
        .evaluation, "there is no encoding '\(name)'", hint: "There are hex, base64 and escape")
    }
    return format
  }

  static func write(
    _ blob: UnsafeRawBufferPointer, as format: Format, to bytes: inout [UInt8]
  ) {
    switch format {
    case .hex: appendHex(blob, upper: false, to: &bytes)
    case .base64: appendBase64(blob, to: &bytes)
    case .escape: appendEscaped(blob, to: &bytes)
    }
  }

  static func read(
    _ text: UnsafeRawBufferPointer, as format: Format, to bytes: inout [UInt8]
  ) throws(StoaError) {
    let isRead =
      switch format {
      case .hex: readHex(text, to: &bytes)
      case .base64: readBase64(text, to: &bytes)
      case .escape: readEscaped(text, to: &bytes)
      }
    guard isRead else {
      throw StoaError(.evaluation, "the text is not in the encoding \(format.rawValue)")
    }
  }

  static func appendHex(
    _ blob: UnsafeRawBufferPointer, upper: Bool, to bytes: inout [UInt8]
  ) {
    let digits = upper ? TextFormatter.upperDigits : TextFormatter.lowerDigits
    for byte in blob {
      bytes.append(digits[Int(byte >> 4)])
      bytes.append(digits[Int(byte & 15)])
    }
  }

  /// False when it is no hexadecimal text; white space is skipped between pairs, as in PostgreSQL.
  static func readHex(_ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) -> Bool {
    var index = 0
    while index < text.count {
      if TextParser.isSpace(text[index]) {
        index += 1
        continue
      }
      guard index + 1 < text.count, let high = TextParser.hexDigit(text[index]),
        let low = TextParser.hexDigit(text[index + 1])
      else { return false }
      bytes.append(high << 4 | low)
      index += 2
    }
    return true
  }

  private static let base64Digits = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let base64Values: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, digit) in base64Digits.enumerated() { values[Int(digit)] = UInt8(value) }
    return values
  }()

  static func appendBase64(_ blob: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    var index = 0
    while index < blob.count {
      let rest = blob.count - index
      var group = UInt32(blob[index]) << 16
      if rest > 1 { group |= UInt32(blob[index + 1]) << 8 }
      if rest > 2 { group |= UInt32(blob[index + 2]) }
      for place in 0..<4 {
        let isUsed = place <= rest
        let digit = Int(group >> UInt32(18 - 6 * place)) & 63
        bytes.append(isUsed ? base64Digits[digit] : UInt8(ascii: "="))
      }
      index += 3
    }
  }

  static func readBase64(_ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) -> Bool {
    var group: UInt32 = 0
    var digits = 0
    var padding = 0
    for byte in text where !TextParser.isSpace(byte) {
      if byte == UInt8(ascii: "=") {
        padding += 1
        continue
      }
      let value = base64Values[Int(byte)]
      guard value < 64, padding == 0 else { return false }
      group = group << 6 | UInt32(value)
      digits += 1
      if digits & 3 == 0 {
        bytes.append(UInt8(truncatingIfNeeded: group >> 16))
        bytes.append(UInt8(truncatingIfNeeded: group >> 8))
        bytes.append(UInt8(truncatingIfNeeded: group))
        group = 0
      }
    }
    switch digits & 3 {
    case 0: return padding == 0
    case 2:
      bytes.append(UInt8(truncatingIfNeeded: group >> 4))
      return padding == 2
    case 3:
      bytes.append(UInt8(truncatingIfNeeded: group >> 10))
      bytes.append(UInt8(truncatingIfNeeded: group >> 2))
      return padding == 1
    default: return false
    }
  }

  /// PostgreSQL's: zero and bytes from 128 on as three octal digits, the backslash doubled.
  private static func appendEscaped(_ blob: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    for byte in blob {
      if byte == 0 || byte >= 0x80 {
        bytes.append(UInt8(ascii: "\\"))
        for shift in [6, 3, 0] as [UInt8] { bytes.append(UInt8(ascii: "0") + (byte >> shift & 7)) }
      } else {
        if byte == UInt8(ascii: "\\") { bytes.append(byte) }
        bytes.append(byte)
      }
    }
  }

  private static func readEscaped(
    _ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]
  ) -> Bool {
    var index = 0
    while index < text.count {
      let byte = text[index]
      index += 1
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      if index < text.count, text[index] == UInt8(ascii: "\\") {
        bytes.append(byte)
        index += 1
        continue
      }
      guard index + 3 <= text.count else { return false }
      var value = 0
      for place in 0..<3 {
        let digit = text[index + place] &- UInt8(ascii: "0")
        guard digit < 8 else { return false }
        value = value * 8 + Int(digit)
      }
      guard value < 256 else { return false }
      bytes.append(UInt8(value))
      index += 3
    }
    return true
  }
}

extension ScalarFunction {
  static let encode = ScalarFunction(
    "encode", .text,
    help: "A text as BLOB; or a BLOB as text in the encoding hex, base64 or escape",
    example: .init(.text("ab"), gives: "ab"),
    .overloads([
      Overload([.varchar], .blob) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        arguments[0].flattened().retyped(.blob)
      },
      Overload([.blob, .varchar], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let (blobs, formats) = (
          RowReader<StringView>(arguments[0]), RowReader<StringView>(arguments[1])
        )
        return try TextKernels.build(arguments, count) {
          (row: Int, bytes: inout [UInt8]) throws(StoaError) in
          let format = try formats[row].withBytes(BlobText.format)
          blobs[row].withBytes { BlobText.write($0, as: format, to: &bytes) }
        }
      },
    ]))

  static let decode = ScalarFunction(
    "decode", .text,
    help: "A BLOB of UTF-8 as text; or a text in the encoding hex, base64 or escape as BLOB",
    example: .init(.text("6162"), .text("hex"), gives: "ab"),
    .overloads([
      Overload([.blob], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let blobs = RowReader<StringView>(arguments[0])
        return try TextKernels.build(arguments, count) {
          (row: Int, bytes: inout [UInt8]) throws(StoaError) in
          blobs[row].withBytes { bytes.append(contentsOf: $0) }
          guard bytes.withUnsafeBytes({ UTF8Check.isValid($0) }) else {
            throw StoaError(.evaluation, "the BLOB is not UTF-8")
          }
        }
      },
      Overload([.varchar, .varchar], .blob) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let (texts, formats) = (
          RowReader<StringView>(arguments[0]), RowReader<StringView>(arguments[1])
        )
        return try TextKernels.build(arguments, count) {
          (row: Int, bytes: inout [UInt8]) throws(StoaError) in
          let format = try formats[row].withBytes(BlobText.format)
          var decoded: [UInt8] = []
          try texts[row].withBytes { (text: UnsafeRawBufferPointer) throws(StoaError) in
            try BlobText.read(text, as: format, to: &decoded)
          }
          bytes = decoded
        }.retyped(.blob)
      },
    ]))

  static let unhex = ScalarFunction(
    "unhex", aliases: ["from_hex"], .text, help: "Hexadecimal digits as BLOB",
    example: .init(.text("6162"), gives: "ab"),
    .overloads([
      Overload([.varchar], .blob) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let texts = RowReader<StringView>(arguments[0])
        return try TextKernels.build(arguments, count) {
          (row: Int, bytes: inout [UInt8]) throws(StoaError) in
          var decoded: [UInt8] = []
          try texts[row].withBytes { (text: UnsafeRawBufferPointer) throws(StoaError) in
            // An odd number of digits begins with a zero.
            if text.count & 1 == 1, let digit = TextParser.hexDigit(text[0]) {
              decoded.append(digit)
              try BlobText.read(
                UnsafeRawBufferPointer(rebasing: text[1...]), as: .hex, to: &decoded)
            } else {
              try BlobText.read(text, as: .hex, to: &decoded)
            }
          }
          bytes = decoded
        }.retyped(.blob)
      }
    ]))

  static let base64 = ScalarFunction(
    "base64", aliases: ["to_base64"], .text, help: "A BLOB in base 64",
    example: .init(.text("ab"), gives: "YWI="),
    .overloads([
      Overload([.blob], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let blobs = RowReader<StringView>(arguments[0])
        return try TextKernels.build(arguments, count) { (row: Int, bytes: inout [UInt8]) in
          blobs[row].withBytes { BlobText.appendBase64($0, to: &bytes) }
        }
      }
    ]))

  static let fromBase64 = ScalarFunction(
    "from_base64", .text, help: "A text in base 64 as BLOB",
    example: .init(.text("YWI="), gives: "ab"),
    .overloads([
      Overload([.varchar], .blob) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let texts = RowReader<StringView>(arguments[0])
        return try TextKernels.build(arguments, count) {
          (row: Int, bytes: inout [UInt8]) throws(StoaError) in
          var decoded: [UInt8] = []
          try texts[row].withBytes { (text: UnsafeRawBufferPointer) throws(StoaError) in
            try BlobText.read(text, as: .base64, to: &decoded)
          }
          bytes = decoded
        }.retyped(.blob)
      }
    ]))
}

/// Whether bytes are UTF-8.
enum UTF8Check {
  static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    while true {
      switch decoder.decode(&iterator) {
      case .scalarValue: continue
      case .emptyInput: return true
      case .error: return false
      }
    }
  }
}
