import Vectors

/// Digests of texts, as hexadecimal digits.
enum Digests {
  static func hexadecimal(
    _ name: String, help: String, gives result: String,
    _ digest: @escaping @Sendable (UnsafeRawBufferPointer) -> [UInt8]
  ) -> ScalarFunction {
    ScalarFunction(
      name, .text, help: help, example: .init(.text("abc"), gives: result),
      .overloads([
        .text([.varchar]) { (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) in
          reader.text(0, row).withBytes { text in
            for byte in digest(text) { Hexadecimal.append(byte, to: &bytes, Hexadecimal.lower) }
          }
        }
      ]))
  }

  static func checksum(
    _ name: String, help: String, gives result: String,
    _ checksum: @escaping @Sendable (UnsafeRawBufferPointer) -> UInt32
  ) -> ScalarFunction {
    ScalarFunction(
      name, .text, help: help, example: .init(.text("abc"), gives: result),
      .overloads([
        .value([.varchar], .bigint, zero: 0 as Int64) { (reader: ArgumentReader, row: Int) in
          reader.text(0, row).withBytes { Int64(checksum($0)) }
        }
      ]))
  }
}

extension ScalarFunction {
  static let md5 = Digests.hexadecimal(
    "md5", help: "MD5 digest as 32 hexadecimal digits", gives: "900150983cd24fb0d6963f7d28e17f72"
  ) { MessageDigest.md5($0) }

  static let sha1 = Digests.hexadecimal(
    "sha1", help: "SHA-1 digest as 40 hexadecimal digits",
    gives: "a9993e364706816aba3e25717850c26c9cd0d89d"
  ) { MessageDigest.sha1($0) }

  static let sha224 = Digests.hexadecimal(
    "sha224", help: "SHA-224 digest as 56 hexadecimal digits",
    gives: "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"
  ) { MessageDigest.sha224($0) }

  static let sha256 = Digests.hexadecimal(
    "sha256", help: "SHA-256 digest as 64 hexadecimal digits",
    gives: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
  ) { MessageDigest.sha256($0) }

  static let sha384 = Digests.hexadecimal(
    "sha384", help: "SHA-384 digest as 96 hexadecimal digits",
    gives: "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
      + "8086072ba1e7cc2358baeca134c825a7"
  ) { MessageDigest.sha384($0) }

  static let sha512 = Digests.hexadecimal(
    "sha512", help: "SHA-512 digest as 128 hexadecimal digits",
    gives: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
      + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
  ) { MessageDigest.sha512($0) }

  static let crc32 = Digests.checksum(
    "crc32", help: "Checksum of zip and Ethernet", gives: "891568578"
  ) { MessageDigest.crc32($0) }

  static let crc32c = Digests.checksum(
    "crc32c", help: "Castagnoli's checksum", gives: "910901175"
  ) { MessageDigest.crc32c($0) }
}
