import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Rows of plain literals after VALUES, which loads by statements are made of: read straight from the bytes, 16 bytes a
/// literal, without a token and a tree for each.
///
/// Read here are `NULL`, `TRUE`, `FALSE`, `DEFAULT`, texts in single quotes, and decimal numbers of up to 19 digits or
/// with an exponent, a minus right before them allowed; between them blanks. The first row with anything else, or of another
/// length, ends what is read; it and the rows after it are left to the parser, which also has the errors. So
/// everything taken here is what the parser would take, and `syntax` lets it do so.
public struct LiteralRows: Sendable {
  /// One literal. `payload` by `kind`.
  struct Item: BitwiseCopyable {
    /// 0 or 1 · the number times 10^`scale` · the bits of a double · the offset of a text behind its first quote
    var payload: Int64
    /// Bytes of a text between its quotes.
    var byteCount: UInt32
    var kind: Kind
    var scale: UInt8
  }

  enum Kind: UInt8 {
    case null, boolean, integer, decimal, double, string
    /// A text with `''` in it.
    case escapedString
    case defaultValue
  }

  /// The statement's text.
  let bytes: [UInt8]
  /// From the first parenthesis to the last.
  let range: Range<Int>
  /// Literals in a row.
  let width: Int
  let rowCount: Int
  /// Row by row.
  private let storage: Buffer

  /// The rows that begin at `offset` or behind blanks there; `nil` when the first is not made of literals.
  init?(_ bytes: [UInt8], from offset: Int) {
    let scan = bytes.withUnsafeBufferPointer { text -> LiteralScanner? in
      guard let base = text.baseAddress else { return nil }
      var scanner = LiteralScanner(base, count: text.count, offset: offset)
      scanner.scanRows()
      return scanner.rowCount > 0 ? scanner : nil
    }
    guard let scan else { return nil }
    self.bytes = bytes
    range = scan.start..<scan.end
    width = scan.width
    rowCount = scan.rowCount
    storage = scan.storage
  }

  /// Calls `body` with the literals, row by row, and the text that offsets count from; both last for the call.
  func withItems<Result>(
    _ body: (UnsafePointer<Item>, UnsafePointer<UInt8>) -> Result
  ) -> Result? {
    bytes.withUnsafeBufferPointer { text in
      guard let base = text.baseAddress else { return nil }
      defer { withExtendedLifetime(storage) {} }
      return body(UnsafePointer(storage.typed(Item.self)), base)
    }
  }

  /// The rows as trees.
  func syntax() throws(StoaError) -> [[ExpressionSyntax]] { try Parser.parseRows(bytes, range) }
}

extension LiteralRows: Equatable {
  /// The same bytes at the same place.
  public static func == (left: LiteralRows, right: LiteralRows) -> Bool {
    left.range == right.range && left.bytes == right.bytes
  }
}

/// Reads rows from bytes that outlive it.
private struct LiteralScanner {
  private let base: UnsafePointer<UInt8>
  private let count: Int
  private var at: Int
  private(set) var start: Int
  private(set) var end: Int
  private(set) var width = 0
  private(set) var rowCount = 0
  private(set) var storage = Buffer(byteCount: 0)
  private var items: UnsafeMutablePointer<LiteralRows.Item>
  private var itemCount = 0
  private var capacity = 0

  init(_ base: UnsafePointer<UInt8>, count: Int, offset: Int) {
    self.base = base
    self.count = count
    at = offset
    start = offset
    end = offset
    items = storage.typed(LiteralRows.Item.self)
  }

  mutating func scanRows() {
    skipBlanks()
    start = at
    while scanRow() {
      if rowCount == 0 { width = itemCount }
      rowCount += 1
      end = at
      skipBlanks()
      guard at < count, base[at] == 0x2C else { break }
      at += 1
      skipBlanks()
    }
    itemCount = rowCount * width
  }

  /// `(literal, …)`; false for anything else.
  private mutating func scanRow() -> Bool {
    guard at < count, base[at] == 0x28 else { return false }
    let first = itemCount
    reserve(max(width, 1))
    repeat {
      at += 1
      skipBlanks()
      if rowCount == 0 { reserve(1) } else if itemCount - first == width { return false }
      guard at < count, scanLiteral() else { return false }
      itemCount += 1
      skipBlanks()
      guard at < count else { return false }
    } while base[at] == 0x2C
    guard base[at] == 0x29, rowCount == 0 || itemCount - first == width else { return false }
    at += 1
    return true
  }

  @inline(__always)
  private mutating func skipBlanks() {
    while at < count, Lexer.isBlank(base[at]) { at += 1 }
  }

  /// Room for more items, for as many rows as the text may have left once the length of one is known.
  @inline(__always)
  private mutating func reserve(_ added: Int) {
    if itemCount + added > capacity { grow(added) }
  }

  private mutating func grow(_ added: Int) {
    var next = max(capacity * 2, itemCount + added, 16)
    if rowCount == 1 { next = max(next, (count - start) / max(1, end - start) * width + width) }
    let larger = Buffer(of: LiteralRows.Item.self, count: next)
    larger.typed(LiteralRows.Item.self).update(from: items, count: itemCount)
    storage = larger
    items = larger.typed(LiteralRows.Item.self)
    capacity = next
  }

  @inline(__always)
  private mutating func put(
    _ kind: LiteralRows.Kind, _ payload: Int64, byteCount: UInt32 = 0, scale: UInt8 = 0
  ) {
    items[itemCount] = LiteralRows.Item(
      payload: payload, byteCount: byteCount, kind: kind, scale: scale)
  }

  /// Reads one literal and writes its item; what stands behind it is the caller's to look at.
  @inline(__always)
  private mutating func scanLiteral() -> Bool {
    let byte = base[at]
    if byte == 0x27 { return scanText() }
    if byte == 0x2D {
      at += 1
      return scanNumber(isNegative: true)
    }
    if Lexer.isDigit(byte) || byte == 0x2E { return scanNumber(isNegative: false) }
    return scanWord()
  }

  private mutating func scanNumber(isNegative: Bool) -> Bool {
    let first = at
    var magnitude: UInt64 = 0
    scanDigits(&magnitude)
    var digitCount = at - first
    var scale = 0
    var hasPoint = false
    if at < count, base[at] == 0x2E {
      hasPoint = true
      at += 1
      let behind = at
      scanDigits(&magnitude)
      scale = at - behind
      digitCount += scale
    }
    guard digitCount > 0 else { return false }
    if at < count, base[at] | 32 == 0x65 { return scanExponent(from: first, isNegative) }
    // 19 digits stay below 2^64.
    guard digitCount <= 19, magnitude <= Int64.max.magnitude &+ (isNegative ? 1 : 0) else {
      return false
    }
    let value = Int64(bitPattern: magnitude)
    put(
      hasPoint ? .decimal : .integer, isNegative ? 0 &- value : value,
      scale: UInt8(truncatingIfNeeded: scale))
    return true
  }

  @inline(__always)
  private mutating func scanDigits(_ value: inout UInt64) {
    while at < count {
      let digit = base[at] &- 0x30
      guard digit <= 9 else { return }
      value = value &* 10 &+ UInt64(digit)
      at += 1
    }
  }

  private mutating func scanExponent(from first: Int, _ isNegative: Bool) -> Bool {
    at += 1
    if at < count, base[at] == 0x2B || base[at] == 0x2D { at += 1 }
    let digits = at
    while at < count, Lexer.isDigit(base[at]) { at += 1 }
    guard at > digits else { return false }
    let text = String(
      decoding: UnsafeBufferPointer(start: base + first, count: at - first), as: UTF8.self)
    guard let value = Double(text), value.isFinite else { return false }
    put(.double, Int64(bitPattern: (isNegative ? -value : value).bitPattern))
    return true
  }

  /// The text as a whole is valid UTF-8, and quotes cannot be within a character.
  private mutating func scanText() -> Bool {
    let first = at + 1
    var kind = LiteralRows.Kind.string
    at = first
    while true {
      guard let quote = memchr(base + at, 0x27, count - at) else { return false }
      at = UnsafePointer(quote.assumingMemoryBound(to: UInt8.self)) - base + 1
      guard at < count, base[at] == 0x27 else { break }
      kind = .escapedString
      at += 1
    }
    guard let byteCount = UInt32(exactly: at - 1 - first) else { return false }
    put(kind, Int64(first), byteCount: byteCount)
    return true
  }

  private mutating func scanWord() -> Bool {
    let first = at
    while at < count, Lexer.continuesWord(base[at]) { at += 1 }
    switch at - first {
    case 4 where matches("null", first): put(.null, 0)
    case 4 where matches("true", first): put(.boolean, 1)
    case 5 where matches("false", first): put(.boolean, 0)
    case 7 where matches("default", first): put(.defaultValue, 0)
    default: return false
    }
    return true
  }

  private func matches(_ word: StaticString, _ offset: Int) -> Bool {
    for index in 0..<word.utf8CodeUnitCount
    where base[offset + index] | 32 != word.utf8Start[index] { return false }
    return true
  }
}
