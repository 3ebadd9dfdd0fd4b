import Vectors

/// Digits for bytes.
enum Hexadecimal {
  static let lower = Array("0123456789abcdef".utf8)
  static let upper = Array("0123456789ABCDEF".utf8)

  static func append(_ byte: UInt8, to bytes: inout [UInt8], _ digits: [UInt8]) {
    bytes.append(digits[Int(byte >> 4)])
    bytes.append(digits[Int(byte & 15)])
  }

  /// The value of a digit.
  static func value(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

/// Whole numbers in digits of another base.
enum NumberBase {
  static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)

  static func append(
    _ value: UInt128, base: UInt128, to bytes: inout [UInt8], isUpper: Bool = true
  ) {
    var digits: [UInt8] = []
    var rest = value
    repeat {
      let digit = NumberBase.digits[Int(rest % base)]
      digits.append(isUpper || digit < UInt8(ascii: "A") ? digit : digit | 0x20)
      rest /= base
    } while rest > 0
    bytes.append(contentsOf: digits.reversed())
  }

  /// Digits of an integer as its bits are in memory: a type of so many bits.
  static func overloads(
    _ types: [LogicalType], base: UInt128, isUpper: Bool
  ) -> [ScalarFunction.Overload] {
    types.map { type in
      .text([type]) { (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) in
        let bits: UInt128 =
          switch type.physical {
          case .int32: UInt128(UInt32(bitPattern: reader.short(0, row)))
          case .int64: UInt128(UInt64(bitPattern: reader.integer(0, row)))
          default: UInt128(bitPattern: reader.wide(0, row))
          }
        append(bits, base: base, to: &bytes, isUpper: isUpper)
      }
    }
  }

  /// As PostgreSQL: an INTEGER has 32 bits, others 64, HUGEINT 128.
  static func integers(base: UInt128) -> ScalarFunction.Binding {
    .overloads(overloads([.integer, .bigint, .hugeint], base: base, isUpper: false))
  }
}

/// Addresses: all but letters, digits and `-._~` as `%` and two digits.
enum PercentCoding {
  static func encode(_ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    for byte in text {
      let isPlain =
        (byte | 0x20) &- UInt8(ascii: "a") < 26 && byte < 0x80 || byte &- UInt8(ascii: "0") < 10
        || "-._~".utf8.contains(byte)
      if isPlain {
        bytes.append(byte)
      } else {
        bytes.append(UInt8(ascii: "%"))
        Hexadecimal.append(byte, to: &bytes, Hexadecimal.upper)
      }
    }
  }

  /// `%` without two digits behind it stays.
  static func decode(_ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) throws(StoaError) {
    var index = 0
    while index < text.count {
      let byte = text[index]
      if byte == UInt8(ascii: "%"), index + 2 < text.count,
        let high = Hexadecimal.value(text[index + 1]), let low = Hexadecimal.value(text[index + 2])
      {
        bytes.append(high << 4 | low)
        index += 3
      } else {
        bytes.append(byte)
        index += 1
      }
    }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw StoaError(.evaluation, "url_decode gives bytes that are not UTF-8")
    }
  }
}

extension ScalarFunction {
  static let hex = ScalarFunction(
    "hex", .text,
    help: "Upper-case hexadecimal digits of the bytes of a text or BLOB, or of an integer",
    example: .init(.text("abc"), gives: "616263"),
    .overloads(
      [LogicalType.varchar, .blob].map { type in
        .text([type]) { (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) in
          reader.text(0, row).withBytes { text in
            for byte in text { Hexadecimal.append(byte, to: &bytes, Hexadecimal.upper) }
          }
        }
      } + NumberBase.overloads([.bigint, .hugeint], base: 16, isUpper: true)))

  static let toHex = ScalarFunction(
    "to_hex", .text, help: "Lower-case hexadecimal digits of an integer, in two's complement",
    example: .init(.integer(2_147_483_647), gives: "7fffffff"), NumberBase.integers(base: 16))

  static let toOctal = ScalarFunction(
    "to_oct", .text, help: "Octal digits of an integer, in two's complement",
    example: .init(.integer(64), gives: "100"), NumberBase.integers(base: 8))

  static let toBinary = ScalarFunction(
    "to_bin", aliases: ["to_binary"], .text,
    help: "Binary digits of an integer, in two's complement",
    example: .init(.integer(10), gives: "1010"), NumberBase.integers(base: 2))

  static let bin = ScalarFunction(
    "bin", .text, help: "Binary digits of the bytes of a text, or of an integer",
    example: .init(.integer(10), gives: "1010"),
    .overloads(
      [
        .text([.varchar]) { (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) in
          reader.text(0, row).withBytes { text in
            for byte in text {
              for bit in (0..<8).reversed() { bytes.append(48 + byte >> UInt8(bit) & 1) }
            }
          }
        }
      ] + NumberBase.overloads([.bigint, .hugeint], base: 2, isUpper: true)))

  static let toBase = ScalarFunction(
    "to_base", .text,
    help: "Digits of a number in a base from 2 to 36, with zeros to a least number of digits",
    example: .init(.integer(255), .integer(16), .integer(4), gives: "00FF"),
    .overloads(
      [false, true].map { hasLength in
        .text([.bigint, .bigint] + (hasLength ? [.bigint] : [])) {
          (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) throws(StoaError) in
          let (value, base) = (reader.integer(0, row), reader.integer(1, row))
          let length = hasLength ? reader.integer(2, row) : 0
          guard value >= 0, (2...36).contains(base), (0...64).contains(length) else {
            throw StoaError(
              .evaluation,
              "to_base takes a number from 0 on, a base from 2 to 36 and a length from 0 to 64")
          }
          NumberBase.append(UInt128(value), base: UInt128(base), to: &bytes)
          let missing = Int(length) - bytes.count
          if missing > 0 {
            bytes.insert(contentsOf: [UInt8](repeating: 48, count: missing), at: 0)
          }
        }
      }))

  static let urlEncode = ScalarFunction(
    "url_encode", .text, help: "Text for a web address: % and two digits for special characters",
    example: .init(.text("a b/é"), gives: "a%20b%2F%C3%A9"),
    .overloads([
      .text([.varchar]) { (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) in
        reader.text(0, row).withBytes { PercentCoding.encode($0, to: &bytes) }
      }
    ]))

  static let urlDecode = ScalarFunction(
    "url_decode", .text, help: "Text from a web address, the opposite of url_encode",
    example: .init(.text("a%20b%2F%C3%A9"), gives: "a b/é"),
    .overloads([
      .text([.varchar]) {
        (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) throws(StoaError) in
        try reader.withBytes(0, row) { (text: UnsafeRawBufferPointer) throws(StoaError) in
          try PercentCoding.decode(text, to: &bytes)
        }
      }
    ]))
}
