/// Checks that bytes are UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
enum UTF8Text {
  /// The offset of the first byte that is not part of a well-formed character; `nil` when all are.
  static func firstInvalid(_ text: UnsafePointer<UInt8>, _ count: Int) -> Int? {
    var at = 0
    while at < count {
      if at &+ 8 <= count {
        let word = UnsafeRawPointer(text + at).loadUnaligned(as: UInt64.self)
        if word & 0x8080_8080_8080_8080 == 0 {
          at &+= 8
          continue
        }
      }
      let byte = text[at]
      if byte < 0x80 {
        at &+= 1
        continue
      }
      guard let length = length(text + at, count - at) else { return at }
      at &+= length
    }
    return nil
  }

  /// Bytes of the well-formed character that begins with a byte above 127.
  private static func length(_ text: UnsafePointer<UInt8>, _ available: Int) -> Int? {
    let first = text[0]
    func continues(_ index: Int) -> Bool { index < available && text[index] & 0xC0 == 0x80 }
    switch first {
    case 0xC2...0xDF: return continues(1) ? 2 : nil
    case 0xE0...0xEF:
      guard continues(1), continues(2) else { return nil }
      if first == 0xE0 && text[1] < 0xA0 { return nil }
      if first == 0xED && text[1] > 0x9F { return nil }
      return 3
    case 0xF0...0xF4:
      guard continues(1), continues(2), continues(3) else { return nil }
      if first == 0xF0 && text[1] < 0x90 { return nil }
      if first == 0xF4 && text[1] > 0x8F { return nil }
      return 4
    default: return nil
    }
  }
}
