import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A pattern of PostgreSQL's to_char and to_number for numbers: `9` a digit, `0` a digit with zeros, `.` `D` the point, `,`
/// `G` a comma, `S` `SG` sign, `MI` `PL` minus or plus, `PR` angle brackets, `L` $, `RN` Roman numerals, `TH` ordinal,
/// `V` times ten per digit behind it, `EEEE` exponent, `FM` without blanks. Text in double quotes and everything else
/// stands for itself.
struct NumberPattern {
  private enum Item {
    case digit(isZero: Bool)
    case point, comma, sign, minus, plus, exactSign, currency
    case ordinal(isUpper: Bool)
    case literal([UInt8])
  }

  /// A number as decimal digits.
  struct Digits {
    var isNegative: Bool
    /// Without zeros at the start.
    var integer: [UInt8]
    var fraction: [UInt8]
    /// For the exponent form.
    var real: Double

    init(unscaled: Int128, scale: Int) {
      isNegative = unscaled < 0
      let unit = UInt128(PowersOfTen.integer(scale))
      let whole = unscaled.magnitude / unit
      integer = whole == 0 ? [] : Array(String(whole).utf8)
      let rest = Array(String(unscaled.magnitude % unit).utf8)
      fraction = scale == 0 ? [] : [UInt8](repeating: 48, count: scale - rest.count) + rest
      real = Double(unscaled) / PowersOfTen.double(scale)
    }

    init(_ value: Double) {
      isNegative = value < 0
      real = value
      // All digits: a double has at most 309 before the point, and 40 behind it are more than any pattern's.
      var buffer = [CChar](repeating: 0, count: 400)
      let length = withVaList([value.isFinite ? value.magnitude : 0]) {
        vsnprintf(&buffer, buffer.count, "%.40f", $0)
      }
      let text = buffer.prefix(max(0, Int(length))).map { UInt8(bitPattern: $0) }
      let point = text.firstIndex(of: UInt8(ascii: ".")) ?? text.count
      integer = Array(text[..<point].drop { $0 == 48 })
      fraction = Array(text[min(text.count, point + 1)...])
    }

    /// With so many digits behind the point, halves away from zero.
    func rounded(to count: Int) -> Digits {
      var result = self
      if fraction.count <= count {
        result.fraction += [UInt8](repeating: 48, count: count - fraction.count)
        return result
      }
      let isUp = fraction[count] >= UInt8(ascii: "5")
      var digits = integer + fraction.prefix(count)
      if isUp {
        var index = digits.count - 1
        while index >= 0, digits[index] == UInt8(ascii: "9") {
          digits[index] = 48
          index -= 1
        }
        if index >= 0 { digits[index] += 1 } else { digits.insert(UInt8(ascii: "1"), at: 0) }
      }
      result.fraction = Array(digits.suffix(count))
      result.integer = Array(digits.dropLast(count).drop { $0 == 48 })
      return result
    }
  }

  private var items: [Item] = []
  private var isFilled = true
  private var hasBrackets = false
  private var hasExponent = false
  /// Digits behind V.
  private var shift: Int?
  /// Roman numerals, in upper case if true.
  private var roman: Bool?
  /// Digits before and behind the point.
  private var integerCount = 0
  private(set) var fractionCount = 0
  /// Whether an item writes the sign.
  private var hasSignItem = false

  init(_ pattern: UnsafeRawBufferPointer) throws(StoaError) {
    var index = 0
    var isBehindPoint = false
    while index < pattern.count {
      let byte = pattern[index]
      let upper = byte &- UInt8(ascii: "a") < 26 ? byte & 0xDF : byte
      let next = index + 1 < pattern.count ? pattern[index + 1] & 0xDF : 0
      func isPair(_ pair: String) -> Bool {
        upper == pair.utf8.first && next == pair.utf8.last
      }
      if isPair("FM") {
        isFilled = false
        index += 2
      } else if isPair("MI") {
        items.append(.minus)
        hasSignItem = true
        index += 2
      } else if isPair("PL") {
        items.append(.plus)
        hasSignItem = true
        index += 2
      } else if isPair("SG") {
        items.append(.exactSign)
        hasSignItem = true
        index += 2
      } else if isPair("PR") {
        hasBrackets = true
        index += 2
      } else if isPair("TH") {
        items.append(.ordinal(isUpper: byte == upper))
        index += 2
      } else if isPair("RN") {
        roman = byte == upper
        index += 2
      } else if isPair("EE") {
        hasExponent = true
        while index < pattern.count, pattern[index] & 0xDF == UInt8(ascii: "E") { index += 1 }
      } else {
        index += 1
        switch upper {
        case UInt8(ascii: "9"), UInt8(ascii: "0"):
          items.append(.digit(isZero: byte == UInt8(ascii: "0")))
          if isBehindPoint { fractionCount += 1 } else { integerCount += 1 }
          if let behind = shift { shift = behind + 1 }
        case UInt8(ascii: "."), UInt8(ascii: "D"):
          guard !isBehindPoint, shift == nil else {
            throw StoaError(.evaluation, "a number pattern has one point, and none with V")
          }
          isBehindPoint = true
          items.append(.point)
        case UInt8(ascii: ","), UInt8(ascii: "G"): items.append(.comma)
        case UInt8(ascii: "S"):
          items.append(.sign)
          hasSignItem = true
        case UInt8(ascii: "L"): items.append(.currency)
        case UInt8(ascii: "V"): shift = 0
        case UInt8(ascii: "\""):
          let end = pattern[index...].firstIndex(of: byte) ?? pattern.count
          items.append(.literal(Array(pattern[index..<end])))
          index = min(pattern.count, end + 1)
        default: items.append(.literal([byte]))
        }
      }
    }
    guard integerCount + fractionCount <= 400 else {
      throw StoaError(.evaluation, "a number pattern has at most 400 digits")
    }
  }

  // MARK: writing

  func append(_ value: Digits, to bytes: inout [UInt8]) throws(StoaError) {
    if let roman { return appendRoman(value, isUpper: roman, to: &bytes) }
    if hasExponent { return appendExponent(value, to: &bytes) }
    var digits = value.rounded(to: shift ?? fractionCount)
    if shift != nil {
      digits.integer = Array((digits.integer + digits.fraction).drop { $0 == 48 })
      digits.fraction = []
    }
    let isZero = digits.integer.isEmpty && digits.fraction.allSatisfy { $0 == 48 }
    let isNegative = value.isNegative && !isZero
    let overflows =
      digits.integer.count > integerCount || value.real.isNaN || value.real.isInfinite
    if overflows {
      digits.integer = [UInt8](repeating: UInt8(ascii: "#"), count: integerCount)
      digits.fraction = [UInt8](repeating: UInt8(ascii: "#"), count: fractionCount)
    } else if digits.integer.isEmpty, fractionCount == 0, integerCount > 0 {
      digits.integer = [48]
    }
    appendItems(digits, isNegative: isNegative, overflows: overflows, to: &bytes)
  }

  /// The item at which digits begin: the first `0`, or that of the first digit.
  private func firstShown(_ digits: Digits) -> Int {
    var seen = 0
    for (number, item) in items.enumerated() {
      if case .point = item { return number }
      guard case .digit(let isZero) = item else { continue }
      if isZero || integerCount - seen <= digits.integer.count { return number }
      seen += 1
    }
    return items.count
  }

  private func appendItems(
    _ digits: Digits, isNegative: Bool, overflows: Bool, to bytes: inout [UInt8]
  ) {
    let first = firstShown(digits)
    let blank: [UInt8] = isFilled ? [32] : []
    var place = 0
    var behind = 0
    var isBehindPoint = false
    // The digits behind the point that FM keeps.
    let kept = keptFraction(digits)
    var hasSign = false
    func sign(_ bytes: inout [UInt8]) {
      if hasSign { return }
      hasSign = true
      if hasBrackets {
        bytes += isNegative ? [UInt8(ascii: "<")] : blank
      } else if leadingSign {
        bytes.append(UInt8(ascii: isNegative ? "-" : "+"))
      } else if !hasSignItem {
        bytes += isNegative ? [UInt8(ascii: "-")] : blank
      }
    }
    for (number, item) in items.enumerated() {
      if number == first { sign(&bytes) }
      switch item {
      case .digit where isBehindPoint:
        if behind < kept { bytes.append(digits.fraction[behind]) }
        behind += 1
      case .digit:
        let index = place - (integerCount - digits.integer.count)
        if number < first {
          bytes += blank
        } else {
          bytes.append(index >= 0 ? digits.integer[index] : 48)
        }
        place += 1
      case .comma: bytes += number < first ? blank : [UInt8(ascii: ",")]
      case .point:
        isBehindPoint = true
        bytes.append(UInt8(ascii: "."))
      case .sign:
        if !leadingSign { bytes.append(UInt8(ascii: isNegative ? "-" : "+")) }
      case .exactSign: bytes.append(UInt8(ascii: isNegative ? "-" : "+"))
      case .minus: bytes += isNegative ? [UInt8(ascii: "-")] : blank
      case .plus: bytes.append(UInt8(ascii: isNegative ? "-" : "+"))
      case .currency: bytes.append(UInt8(ascii: "$"))
      case .ordinal(let isUpper):
        if !isNegative, fractionCount == 0, !overflows {
          let last = digits.integer.suffix(2).reduce(0) { $0 * 10 + Int($1 - 48) }
          bytes += ToCharFields.ordinal(last, isUpper: isUpper).utf8
        }
      case .literal(let literal): bytes += literal
      }
    }
    if first == items.count { sign(&bytes) }
    if hasBrackets { bytes += isNegative ? [UInt8(ascii: ">")] : blank }
  }

  /// S before all digits stands right before the number, else at its own place.
  private var leadingSign: Bool {
    for item in items {
      switch item {
      case .sign: return true
      case .digit, .point: return false
      default: continue
      }
    }
    return false
  }

  /// FM leaves zeros at the end out where the pattern has a 9.
  private func keptFraction(_ digits: Digits) -> Int {
    guard !isFilled else { return fractionCount }
    var behind = 0
    var isBehindPoint = false
    var kept = 0
    for item in items {
      if case .point = item { isBehindPoint = true }
      guard case .digit(let isZero) = item, isBehindPoint else { continue }
      behind += 1
      if isZero || behind <= digits.fraction.count && digits.fraction[behind - 1] != 48 {
        kept = behind
      }
    }
    return kept
  }

  private func appendExponent(_ value: Digits, to bytes: inout [UInt8]) {
    var buffer = [CChar](repeating: 0, count: 500)
    let length = withVaList([Int32(fractionCount), value.real.magnitude]) {
      vsnprintf(&buffer, buffer.count, "%.*e", $0)
    }
    bytes += value.isNegative ? [UInt8(ascii: "-")] : isFilled ? [32] : []
    bytes += buffer.prefix(max(0, min(499, Int(length)))).map { UInt8(bitPattern: $0) }
  }

  private func appendRoman(_ value: Digits, isUpper: Bool, to bytes: inout [UInt8]) {
    let digits = value.rounded(to: 0).integer
    var rest = digits.count > 4 ? 0 : digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    var text = ""
    if value.isNegative || rest == 0 || rest > 3999 {
      text = String(repeating: "#", count: 15)
    } else {
      let numerals: [(Int, String)] = [
        (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
        (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
      ]
      for (number, numeral) in numerals {
        while rest >= number {
          text += numeral
          rest -= number
        }
      }
    }
    if isFilled { text = String(repeating: " ", count: 15 - text.utf8.count) + text }
    bytes += (isUpper ? text : text.lowercased()).utf8
  }

  // MARK: reading

  /// The number times 10^`fractionCount`; everything but digits, sign and point is passed over. `nil` when there is no
  /// digit or it does not fit.
  func read(_ text: UnsafeRawBufferPointer) -> Int128? {
    var value: Int128 = 0
    var behind: Int?
    var isNegative = false
    var hasDigit = false
    for byte in text {
      switch byte {
      case UInt8(ascii: "-"), UInt8(ascii: "<"): isNegative = true
      case UInt8(ascii: "."): if behind == nil { behind = 0 }
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        hasDigit = true
        if let count = behind {
          guard count < fractionCount else { continue }
          behind = count + 1
        }
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        guard !overflow, product <= PowersOfTen.integer(38) - 10 else { return nil }
        value = product + Int128(byte - 48)
      default: continue
      }
    }
    guard hasDigit else { return nil }
    for _ in (behind ?? 0)..<fractionCount {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      guard !overflow, product < PowersOfTen.integer(38) else { return nil }
      value = product
    }
    return isNegative ? -value : value
  }
}

extension ScalarFunction {
  static let toNumber = ScalarFunction(
    "to_number", .numeric,
    help: "DECIMAL from a text by a constant pattern such as '99G999D9S'",
    example: .init(.text("12,454.8-"), .text("99G999D9S"), gives: "-12454.8"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard arguments.types.count == 2,
        arguments.types[0] == .varchar || arguments.types[0] == .null,
        case .string(let written)? = arguments.literal(1)
      else { return nil }
      let pattern = try Array(written.utf8).withTypedErrors {
        (bytes: UnsafeRawBufferPointer) throws(StoaError) in try NumberPattern(bytes)
      }
      guard pattern.fractionCount <= 37 else { return nil }
      let type = LogicalType.decimal(precision: 38, scale: UInt8(pattern.fractionCount))
      return .make("to_number", [.varchar, .varchar], type) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try RowKernels.unary(arguments, count, type, zero: 0 as Int128) {
          (text: StringView) throws(StoaError) -> Int128 in
          if let value = text.withBytes({ pattern.read($0) }) { return value }
          throw StoaError(
            .evaluation, "'\(text.string)' is not a number by the pattern '\(written)'")
        }
      }
    })
}
