import Vectors

extension TextFormatter {
  /// `\\xAB` for every byte that is not a plain ASCII character, as DuckDB writes BLOBs.
  public static func appendBlob(_ blob: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    for byte in blob {
      if isPlain(byte) {
        bytes.append(byte)
      } else {
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(UInt8(ascii: "x"))
        bytes.append(upperDigits[Int(byte >> 4)])
        bytes.append(upperDigits[Int(byte & 15)])
      }
    }
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte <= 0x7E && byte != UInt8(ascii: "\\") && byte != UInt8(ascii: "'")
      && byte != UInt8(ascii: "\"")
  }

  /// `8-4-4-4-12` hexadecimal digits in lower case.
  public static func appendUUID(_ value: Int128, to bytes: inout [UInt8]) {
    let bits = UUIDBits.bits(value)
    for index in 0..<32 {
      if index == 8 || index == 12 || index == 16 || index == 20 {
        bytes.append(UInt8(ascii: "-"))
      }
      let digit = UInt8(truncatingIfNeeded: bits >> UInt128(124 - 4 * index)) & 15
      bytes.append(lowerDigits[Int(digit)])
    }
  }

  /// The label of a code; a code without one, which only damage brings, as its number.
  static func appendLabel(_ code: Int, _ labels: [String], to bytes: inout [UInt8]) {
    if labels.indices.contains(code) {
      bytes.append(contentsOf: labels[code].utf8)
    } else {
      appendInteger(Int64(code), to: &bytes)
    }
  }

  static let upperDigits = Array("0123456789ABCDEF".utf8)
  static let lowerDigits = Array("0123456789abcdef".utf8)
}
