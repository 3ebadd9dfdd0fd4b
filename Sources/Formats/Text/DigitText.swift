/// Decimal digits to integers, eight at a time within one 64-bit register.
///
/// Source of the multiplication scheme: Lemire, "Quickly parsing eight digits", 2018. All functions may read up to 8
/// bytes past the text, so it must lie in a padded buffer.
enum DigitText {
  /// What the digits before the text weigh when `n` more follow.
  static let powersOfTen: [UInt64] = (0...19).map { exponent in
    (0..<exponent).reduce(UInt64(1)) { product, _ in product &* 10 }
  }

  /// The number written by the `count` bytes at `text`, 1…8 of them; `isBad` becomes non-zero when one of them is
  /// no digit.
  @inline(__always)
  static func upToEight(
    _ text: UnsafePointer<UInt8>, _ count: Int, _ isBad: inout UInt64
  ) -> UInt64 {
    let bits = UInt64(truncatingIfNeeded: count &* 8)
    var word = UnsafeRawPointer(text).loadUnaligned(as: UInt64.self).littleEndian
    // The digits move to the high bytes; zeros ('0') fill the low ones, as if written before them.
    word = word &<< (64 &- bits)
    word |= (0x3030_3030_3030_3030 &>> 8) &>> (bits &- 8)
    let high = word & 0xF0F0_F0F0_F0F0_F0F0
    let carried = (word &+ 0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0
    isBad |= (high ^ 0x3030_3030_3030_3030) | (carried ^ 0x3030_3030_3030_3030)
    return combine(word)
  }

  @inline(__always)
  private static func combine(_ text: UInt64) -> UInt64 {
    var word = text &- 0x3030_3030_3030_3030
    word = (word &* 10) &+ (word &>> 8)
    let low = (word & 0x0000_00FF_0000_00FF) &* 0x000F_4240_0000_0064
    let high = ((word &>> 16) & 0x0000_00FF_0000_00FF) &* 0x0000_2710_0000_0001
    return (low &+ high) &>> 32
  }

  /// The same for 1…16 digits.
  @inline(__always)
  static func upToSixteen(
    _ text: UnsafePointer<UInt8>, _ count: Int, _ isBad: inout UInt64
  ) -> UInt64 {
    if count <= 8 { return upToEight(text, count, &isBad) }
    let head = upToEight(text, count &- 8, &isBad)
    return head &* 100_000_000 &+ upToEight(text + (count &- 8), 8, &isBad)
  }
}
