/// MD5 (RFC 1321), SHA-1 and SHA-2 (FIPS 180-4) over bytes in memory.
enum MessageDigest {
  /// `bytes` in blocks of `size`, the last with the closing bit and the length in bits.
  private static func forEachBlock(
    _ bytes: UnsafeRawBufferPointer, size: Int, isBigEndian: Bool,
    _ body: (UnsafeRawBufferPointer) -> Void
  ) {
    let whole = bytes.count / size * size
    for start in stride(from: 0, to: whole, by: size) {
      body(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + size)]))
    }
    var tail = Array(bytes[whole...])
    tail.append(0x80)
    let lengthSize = size / 8
    while tail.count % size != size - lengthSize { tail.append(0) }
    let bits = UInt64(bytes.count) &* 8
    let length = (0..<lengthSize).map { index in
      index < 8 ? UInt8(truncatingIfNeeded: bits >> UInt64(8 * index)) : 0
    }
    tail += isBigEndian ? length.reversed() : length
    tail.withUnsafeBytes { rest in
      for start in stride(from: 0, to: rest.count, by: size) {
        body(UnsafeRawBufferPointer(rebasing: rest[start..<(start + size)]))
      }
    }
  }

  @inline(__always)
  private static func rotateLeft(_ value: UInt32, _ count: UInt32) -> UInt32 {
    value << count | value >> (32 - count)
  }

  // MARK: MD5

  private static let md5Shifts: [UInt32] = [
    7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21,
  ]
  /// 2^32 · |sin(i + 1)|
  private static let md5Constants: [UInt32] = (0..<64).map {
    UInt32((RealMath.sin(Double($0 + 1)).magnitude * 4_294_967_296).rounded(.down))
  }

  /// 16 bytes.
  static func md5(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476]
    forEachBlock(bytes, size: 64, isBigEndian: false) { block in
      var (a, b, c, d) = (state[0], state[1], state[2], state[3])
      for step in 0..<64 {
        let mixed: UInt32
        let word: Int
        switch step / 16 {
        case 0: (mixed, word) = (b & c | ~b & d, step)
        case 1: (mixed, word) = (d & b | ~d & c, (5 * step + 1) % 16)
        case 2: (mixed, word) = (b ^ c ^ d, (3 * step + 5) % 16)
        default: (mixed, word) = (c ^ (b | ~d), 7 * step % 16)
        }
        let value = UInt32(
          littleEndian: block.loadUnaligned(fromByteOffset: word * 4, as: UInt32.self))
        let sum = a &+ mixed &+ md5Constants[step] &+ value
        (a, d, c) = (d, c, b)
        b = b &+ rotateLeft(sum, md5Shifts[step / 16 * 4 + step % 4])
      }
      state = [state[0] &+ a, state[1] &+ b, state[2] &+ c, state[3] &+ d]
    }
    return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
  }

  // MARK: SHA-1

  /// 20 bytes.
  static func sha1(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
    var words = [UInt32](repeating: 0, count: 80)
    forEachBlock(bytes, size: 64, isBigEndian: true) { block in
      for index in 0..<16 {
        words[index] = UInt32(
          bigEndian: block.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
      }
      for index in 16..<80 {
        words[index] = rotateLeft(
          words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1)
      }
      var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
      for step in 0..<80 {
        let mixed: UInt32
        let constant: UInt32
        switch step / 20 {
        case 0: (mixed, constant) = (b & c | ~b & d, 0x5A82_7999)
        case 1: (mixed, constant) = (b ^ c ^ d, 0x6ED9_EBA1)
        case 2: (mixed, constant) = (b & c | b & d | c & d, 0x8F1B_BCDC)
        default: (mixed, constant) = (b ^ c ^ d, 0xCA62_C1D6)
        }
        let sum = rotateLeft(a, 5) &+ mixed &+ e &+ constant &+ words[step]
        (e, d, c, b, a) = (d, c, rotateLeft(b, 30), a, sum)
      }
      state = [
        state[0] &+ a, state[1] &+ b, state[2] &+ c, state[3] &+ d, state[4] &+ e,
      ]
    }
    return bigEndian(state)
  }

  private static func bigEndian<T: FixedWidthInteger>(_ words: [T]) -> [UInt8] {
    words.flatMap { word in
      stride(from: T.bitWidth - 8, through: 0, by: -8).map {
        UInt8(truncatingIfNeeded: word >> T($0))
      }
    }
  }

  // MARK: SHA-2

  private static let primes: [Int] = {
    var found: [Int] = []
    var candidate = 2
    while found.count < 80 {
      if found.allSatisfy({ candidate % $0 != 0 }) { found.append(candidate) }
      candidate += 1
    }
    return found
  }()

  /// The first 64 bits of the fraction of the `degree`-th root of `number`.
  private static func rootFraction(_ number: Int, degree: Int) -> UInt64 {
    // The root times 2^64 as a whole number, bit by bit: r^degree <= number · 2^(64·degree).
    let target = WideNumber(UInt64(number)).shifted(words: degree)
    var low: UInt128 = 0
    for bit in stride(from: 69, through: 0, by: -1) {
      let candidate = low | UInt128(1) << UInt128(bit)
      var power = WideNumber(candidate)
      for _ in 1..<degree { power = power.multiplied(by: WideNumber(candidate)) }
      if !target.isLess(than: power) { low = candidate }
    }
    return UInt64(truncatingIfNeeded: low)
  }

  private static let sha512Constants = primes.map { rootFraction($0, degree: 3) }
  private static let sha256Constants = sha512Constants.prefix(64).map {
    UInt32(truncatingIfNeeded: $0 >> 32)
  }
  private static let sha512Start = primes.prefix(8).map { rootFraction($0, degree: 2) }
  private static let sha256Start = sha512Start.map { UInt32(truncatingIfNeeded: $0 >> 32) }
  /// Fractions of the roots of the 9th to 16th prime.
  private static let sha384Start = primes[8..<16].map { rootFraction($0, degree: 2) }
  /// Their second halves.
  private static let sha224Start = sha384Start.map { UInt32(truncatingIfNeeded: $0) }

  private struct Rotations<T: Sendable>: Sendable {
    let schedule0: (T, T, T)
    let schedule1: (T, T, T)
    let sum0: (T, T, T)
    let sum1: (T, T, T)
  }

  private static let rotations32 = Rotations<UInt32>(
    schedule0: (7, 18, 3), schedule1: (17, 19, 10), sum0: (2, 13, 22), sum1: (6, 11, 25))
  private static let rotations64 = Rotations<UInt64>(
    schedule0: (1, 8, 7), schedule1: (19, 61, 6), sum0: (28, 34, 39), sum1: (14, 18, 41))

  private static func sha2<T: FixedWidthInteger & UnsignedInteger & Sendable>(
    _ bytes: UnsafeRawBufferPointer, _ start: [T], _ constants: [T], _ rotations: Rotations<T>
  ) -> [UInt8] {
    let width = T.bitWidth / 8
    @inline(__always) func rotate(_ value: T, _ count: T) -> T {
      value >> count | value << (T(T.bitWidth) - count)
    }
    @inline(__always) func sigma(_ value: T, _ counts: (T, T, T), shifts: Bool) -> T {
      rotate(value, counts.0) ^ rotate(value, counts.1)
        ^ (shifts ? value >> counts.2 : rotate(value, counts.2))
    }
    var state = start
    var words = [T](repeating: 0, count: constants.count)
    forEachBlock(bytes, size: 16 * width, isBigEndian: true) { block in
      for index in 0..<16 {
        words[index] = T(
          bigEndian: block.loadUnaligned(fromByteOffset: index * width, as: T.self))
      }
      for index in 16..<constants.count {
        words[index] =
          words[index - 16] &+ sigma(words[index - 15], rotations.schedule0, shifts: true)
          &+ words[index - 7] &+ sigma(words[index - 2], rotations.schedule1, shifts: true)
      }
      var (a, b, c, d) = (state[0], state[1], state[2], state[3])
      var (e, f, g, h) = (state[4], state[5], state[6], state[7])
      for step in 0..<constants.count {
        let choice = e & f ^ ~e & g
        let first =
          h &+ sigma(e, rotations.sum1, shifts: false) &+ choice &+ constants[step] &+ words[step]
        let majority = a & b ^ a & c ^ b & c
        let second = sigma(a, rotations.sum0, shifts: false) &+ majority
        (h, g, f, e) = (g, f, e, d &+ first)
        (d, c, b, a) = (c, b, a, first &+ second)
      }
      for (index, value) in [a, b, c, d, e, f, g, h].enumerated() {
        state[index] = state[index] &+ value
      }
    }
    return bigEndian(state)
  }

  static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    sha2(bytes, sha256Start, sha256Constants, rotations32)
  }
  static func sha224(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    Array(sha2(bytes, sha224Start, sha256Constants, rotations32).prefix(28))
  }
  static func sha512(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    sha2(bytes, sha512Start, sha512Constants, rotations64)
  }
  static func sha384(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    Array(sha2(bytes, sha384Start, sha512Constants, rotations64).prefix(48))
  }

  // MARK: CRC

  private static func table(_ polynomial: UInt32) -> [UInt32] {
    (0..<256).map { byte in
      (0..<8).reduce(UInt32(byte)) { value, _ in
        value & 1 == 1 ? value >> 1 ^ polynomial : value >> 1
      }
    }
  }
  private static let crc32Table = table(0xEDB8_8320)
  private static let crc32cTable = table(0x82F6_3B78)

  private static func crc(_ bytes: UnsafeRawBufferPointer, _ table: [UInt32]) -> UInt32 {
    ~bytes.reduce(UInt32.max) { value, byte in
      value >> 8 ^ table[Int((value ^ UInt32(byte)) & 0xFF)]
    }
  }

  /// The checksum of zip and Ethernet.
  static func crc32(_ bytes: UnsafeRawBufferPointer) -> UInt32 { crc(bytes, crc32Table) }
  /// Castagnoli's.
  static func crc32c(_ bytes: UnsafeRawBufferPointer) -> UInt32 { crc(bytes, crc32cTable) }
}

/// A whole number of any size, for the constants of SHA-2.
private struct WideNumber {
  /// Least significant first, without zeros at the end.
  private var words: [UInt64]

  init(_ value: UInt64) { words = value == 0 ? [] : [value] }

  init(_ value: UInt128) {
    words = [UInt64(truncatingIfNeeded: value), UInt64(truncatingIfNeeded: value >> 64)]
    trim()
  }

  private mutating func trim() { while words.last == 0 { words.removeLast() } }

  func shifted(words count: Int) -> WideNumber {
    var result = self
    result.words = [UInt64](repeating: 0, count: count) + words
    return result
  }

  func multiplied(by other: WideNumber) -> WideNumber {
    var result = WideNumber(0 as UInt64)
    result.words = [UInt64](repeating: 0, count: words.count + other.words.count)
    for (i, a) in words.enumerated() {
      var carry: UInt128 = 0
      for (j, b) in other.words.enumerated() {
        let sum = UInt128(a) * UInt128(b) + UInt128(result.words[i + j]) + carry
        result.words[i + j] = UInt64(truncatingIfNeeded: sum)
        carry = sum >> 64
      }
      result.words[i + other.words.count] = UInt64(truncatingIfNeeded: carry)
    }
    result.trim()
    return result
  }

  func isLess(than other: WideNumber) -> Bool {
    if words.count != other.words.count { return words.count < other.words.count }
    for (a, b) in zip(words.reversed(), other.words.reversed()) where a != b { return a < b }
    return false
  }
}
