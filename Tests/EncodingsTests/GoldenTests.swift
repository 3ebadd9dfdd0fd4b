import Testing
import Vectors

@testable import Encodings

/// The bytes of one small chunk per encoding. A change here is a change of format.
@Suite struct GoldenTests {
  static func hex(_ bytes: UnsafeRawBufferPointer) -> String {
    let digits = Array("0123456789abcdef")
    var text = ""
    var zeros = 0
    func flush() {
      if zeros > 3 { text += "(\(zeros))" } else { text += String(repeating: "00", count: zeros) }
      zeros = 0
    }
    for byte in bytes {
      if byte == 0 {
        zeros += 1
        continue
      }
      flush()
      text += String([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
    }
    flush()
    return text
  }

  static let integers: [Int32] = [100, 100, 100, 103, 103, 101, 101, 101, 101, 130]

  /// Hexadecimal; `(n)` stands for n zero bytes.
  static let expected: [EncodingID: String] = [
    .constant:
      "000406010a(19)30(7)07(15)",
    .runLength:
      "000401020a(11)30(7)a8(7)64(15)020000000a000000040000004800000078(7)08010000040000005"
      + "8(7)08(7)04(7)7000000004(4)03011e(4)080100000400000088(7)08(7)04(7)a0000000040000000"
      + "20103(5)",
    .dictionary:
      "000401030a(11)30(7)b0(7)64(15)030000000a000000040000004800000078(7)08010000040000005"
      + "8(7)08(7)04(7)7000000004(4)01031e(4)080100000a00000088(7)08(7)0a(7)a00000000a(6)0202"
      + "0101010103(6)",
    .bitmap:
      "000401040a(11)30(7)b8(7)64(15)040000000a00000004000000480000007800000002000000080100"
      + "000400000058(7)08(7)04(7)7000000004(4)01031e(4)88(7)98000000a80000000200000001(5)02("
      + "5)0100000002000000030004(5)010000000100000009(7)",
    .bitPacked:
      "000401050a(11)30(8)01(6)64(15)050500000a(11)8000000080(62)0303010101011e(118)",
    .delta:
      "000401060a(11)30(7)d0(7)64(15)060100000a0000004800000050(19)080800000a00000060(7)08("
      + "7)50(7)8000000050(35)03(15)feffffffffffffff(24)1d(7)",
    .patched:
      "000401070a(11)30(7)1801(6)64(15)070100000a0000000100000048(4)01000008010000050200000"
      + "a(11)8000000080(38)03030101010101(118)09(7)01000000010000001e(7)",
    .plain:
      "000401080a(11)30(7)70(7)64(15)080100000a00000040(7)08(7)0a(7)600000000a(14)030301010"
      + "1011e(6)",
    .zstd:
      "000401090a(11)30(7)78(7)64(15)090100000a00000040(7)09000000010000000a(7)6000000013(7"
      + ")1300000028b52ffd200a51(5)0303010101011e(5)",
  ]

  static func column(_ id: EncodingID) -> [Int32] {
    id == .constant ? [Int32](repeating: 7, count: 10) : integers
  }

  @Test("the bytes of every encoding stay as they are", arguments: EncodingID.allCases)
  func bytes(id: EncodingID) throws {
    let encoded = try ChunkEncoder.encode(Vector.make(.integer, Self.column(id)), forced: id)
    #expect(encoded.encoding == id)
    // Another version of zstd may compress differently.
    if id != .zstd { #expect(Self.hex(encoded.bytes.bytes) == Self.expected[id]) }
  }

  @Test("bytes written by this version are read by every later one", arguments: EncodingID.allCases)
  func reading(id: EncodingID) throws {
    let bytes = Self.bytes(try #require(Self.expected[id]))
    let chunk = try ColumnChunk.open(
      bytes: bytes.bytes, owner: bytes, type: .integer, rowCount: 10)
    #expect(chunk.encoding == id)
    #expect(
      try chunk.decode(rows: 0..<10).allValues == Self.column(id).map { .integer(Int128($0)) })
  }

  /// The bytes of a text that `hex` made.
  static func bytes(_ text: String) -> Buffer {
    var bytes: [UInt8] = []
    var rest = text.utf8.map { $0 }[...]
    func digit(_ character: UInt8) -> UInt8 { character < 97 ? character - 48 : character - 87 }
    while let first = rest.popFirst() {
      if first == UInt8(ascii: "(") {
        var count = 0
        while let next = rest.popFirst(), next != UInt8(ascii: ")") {
          count = count * 10 + Int(next - 48)
        }
        bytes.append(contentsOf: repeatElement(0, count: count))
      } else if let second = rest.popFirst() {
        bytes.append(digit(first) << 4 | digit(second))
      }
    }
    return bytes.withUnsafeBytes { Buffer(copying: $0) }
  }
}
