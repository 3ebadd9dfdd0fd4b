import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// C's printf: `%[-+ #0,][width][.precision]` and d i u x X o b c s e E f F g G or %; width and precision may be `*`.
/// A comma separates thousands of integers.
enum Printf {
  private struct Part {
    var isLeft = false
    var hasPlus = false
    var hasBlank = false
    var isAlternate = false
    var hasZeros = false
    var hasCommas = false
    var width = 0
    var precision: Int?
  }

  static func append(
    _ pattern: UnsafeRawBufferPointer, _ arguments: [Vector], _ row: Int, to bytes: inout [UInt8]
  ) throws(StoaError) {
    var index = 0
    var next = 1
    while index < pattern.count {
      let byte = pattern[index]
      index += 1
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      if index < pattern.count, pattern[index] == byte {
        bytes.append(byte)
        index += 1
        continue
      }
      let part = try parse(pattern, &index, arguments, &next, row)
      guard index < pattern.count else {
        throw StoaError(.evaluation, "a pattern of printf must not end within %…")
      }
      let letter = pattern[index]
      index += 1
      let argument = try take(arguments, &next)
      try append(letter, part, argument.value(at: row), argument.type, to: &bytes)
    }
  }

  private static func take(_ arguments: [Vector], _ next: inout Int) throws(StoaError) -> Vector {
    guard next < arguments.count else {
      throw StoaError(
        .evaluation, "printf has \(arguments.count - 1) arguments, but the pattern wants \(next)")
    }
    next += 1
    return arguments[next - 1]
  }

  private static func parse(
    _ pattern: UnsafeRawBufferPointer, _ index: inout Int, _ arguments: [Vector],
    _ next: inout Int, _ row: Int
  ) throws(StoaError) -> Part {
    var part = Part()
    flags: while index < pattern.count {
      switch pattern[index] {
      case UInt8(ascii: "-"): part.isLeft = true
      case UInt8(ascii: "+"): part.hasPlus = true
      case UInt8(ascii: " "): part.hasBlank = true
      case UInt8(ascii: "#"): part.isAlternate = true
      case UInt8(ascii: "0"): part.hasZeros = true
      case UInt8(ascii: ","), UInt8(ascii: "'"): part.hasCommas = true
      default: break flags
      }
      index += 1
    }
    func number() throws(StoaError) -> Int? {
      if index < pattern.count, pattern[index] == UInt8(ascii: "*") {
        index += 1
        let argument = try take(arguments, &next)
        guard argument.type.isInteger, let value = argument.value(at: row).integer else {
          throw StoaError(.evaluation, "a width of printf (*) must be an integer")
        }
        return Int(clamping: max(-100_000_000, min(100_000_000, value)))
      }
      return Format.digits(pattern, &index)
    }
    part.width = try number() ?? 0
    if part.width < 0 {
      part.isLeft = true
      part.width = -part.width
    }
    if index < pattern.count, pattern[index] == UInt8(ascii: ".") {
      index += 1
      part.precision = max(0, try number() ?? 0)
    }
    // Lengths of C's types mean nothing here.
    while index < pattern.count, "hlLqjzt".utf8.contains(pattern[index]) { index += 1 }
    return part
  }

  private static func append(
    _ letter: UInt8, _ part: Part, _ value: Value, _ type: LogicalType, to bytes: inout [UInt8]
  ) throws(StoaError) {
    switch Unicode.Scalar(letter) {
    case "d", "i", "u": try appendInteger(part, try integer(value, type, letter), 10, to: &bytes)
    case "x": try appendInteger(part, try integer(value, type, letter), 16, to: &bytes)
    case "X":
      try appendInteger(part, try integer(value, type, letter), 16, isUpper: true, to: &bytes)
    case "o": try appendInteger(part, try integer(value, type, letter), 8, to: &bytes)
    case "b": try appendInteger(part, try integer(value, type, letter), 2, to: &bytes)
    case "c":
      let code = try integer(value, type, letter)
      guard let number = UInt32(exactly: code), let scalar = Unicode.Scalar(number) else {
        throw StoaError(.evaluation, "\(code) is not the code point of a character")
      }
      try Format.append(
        Array(String(scalar).utf8), width: part.width, isLeft: part.isLeft, to: &bytes)
    case "s":
      var text = Array(TextFormatter.string(value, type).utf8)
      if let precision = part.precision {
        text = text.withUnsafeBytes {
          Array($0[..<UTF8Text.offset(after: precision, from: 0, in: $0)])
        }
      }
      try Format.append(text, width: part.width, isLeft: part.isLeft, to: &bytes)
    case "e", "E", "f", "F", "g", "G":
      try appendReal(part, letter, try real(value, type, letter), to: &bytes)
    default:
      let shown = letter < 0x80 ? String(Unicode.Scalar(letter)) : "…"
      throw StoaError(
        .evaluation, "printf does not know %\(shown)",
        hint: "There are %d %i %u %x %X %o %b %c %s %e %f %g and %%")
    }
  }

  private static func integer(
    _ value: Value, _ type: LogicalType, _ letter: UInt8
  ) throws(StoaError) -> Int128 {
    if case .boolean(let flag) = value { return flag ? 1 : 0 }
    guard type.isInteger, let integer = value.integer else { throw mismatch(type, letter) }
    return integer
  }

  private static func real(
    _ value: Value, _ type: LogicalType, _ letter: UInt8
  ) throws(StoaError) -> Double {
    guard type.isNumeric else { throw mismatch(type, letter) }
    guard case .double(let real) = try Cast.apply(value, from: type, to: .double) else { return 0 }
    return real
  }

  private static func mismatch(_ type: LogicalType, _ letter: UInt8) -> StoaError {
    StoaError(
      .evaluation, "printf's %\(Unicode.Scalar(letter)) does not take a \(type)",
      hint: "Every value can be written with %s; a cast makes another number of it")
  }

  private static func appendInteger(
    _ part: Part, _ value: Int128, _ base: UInt128, isUpper: Bool = false, to bytes: inout [UInt8]
  ) throws(StoaError) {
    var digits: [UInt8] = []
    NumberBase.append(value.magnitude, base: base, to: &digits, isUpper: isUpper)
    if let precision = part.precision, precision > digits.count {
      guard precision <= TextKernels.maximalByteCount else { throw TextKernels.tooLong(precision) }
      digits.insert(
        contentsOf: repeatElement(UInt8(ascii: "0"), count: precision - digits.count), at: 0)
    }
    if part.hasCommas {
      for place in stride(from: digits.count - 3, to: 0, by: -3) {
        digits.insert(UInt8(ascii: ","), at: place)
      }
    }
    var sign: [UInt8] =
      value < 0 ? [UInt8(ascii: "-")] : part.hasPlus ? [UInt8(ascii: "+")] : []
    if sign.isEmpty, part.hasBlank { sign = [UInt8(ascii: " ")] }
    if part.isAlternate, value != 0 {
      switch base {
      case 16: sign += (isUpper ? "0X" : "0x").utf8
      case 8: sign += "0".utf8
      case 2: sign += "0b".utf8
      default: break
      }
    }
    try appendPadded(sign, digits, part, allowsZeros: part.precision == nil, to: &bytes)
  }

  /// `sign` and `digits` brought to the width, by zeros between them or by blanks.
  private static func appendPadded(
    _ sign: [UInt8], _ digits: [UInt8], _ part: Part, allowsZeros: Bool, to bytes: inout [UInt8]
  ) throws(StoaError) {
    guard part.width <= TextKernels.maximalByteCount else { throw TextKernels.tooLong(part.width) }
    if part.hasZeros, allowsZeros, !part.isLeft {
      let missing = max(0, part.width - sign.count - digits.count)
      bytes += sign
      bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: missing))
      bytes += digits
    } else {
      try Format.append(sign + digits, width: part.width, isLeft: part.isLeft, to: &bytes)
    }
  }

  private static func appendReal(
    _ part: Part, _ letter: UInt8, _ value: Double, to bytes: inout [UInt8]
  ) throws(StoaError) {
    let precision = min(part.precision ?? 6, 1000)
    let pattern = "%\(part.isAlternate ? "#" : "").*\(Unicode.Scalar(letter))"
    var buffer = [CChar](repeating: 0, count: 1500)
    let length = withVaList([Int32(precision), value.magnitude]) { list in
      vsnprintf(&buffer, buffer.count, pattern, list)
    }
    let digits = buffer.prefix(max(0, min(Int(length), buffer.count - 1))).map {
      UInt8(bitPattern: $0)
    }
    var sign: [UInt8] =
      value.sign == .minus && !value.isNaN
      ? [UInt8(ascii: "-")] : part.hasPlus ? [UInt8(ascii: "+")] : []
    if sign.isEmpty, part.hasBlank { sign = [UInt8(ascii: " ")] }
    var shown = digits
    if part.hasCommas {
      let whole = shown.firstIndex { !($0 &- UInt8(ascii: "0") < 10) } ?? shown.count
      for place in stride(from: whole - 3, to: 0, by: -3) {
        shown.insert(UInt8(ascii: ","), at: place)
      }
    }
    try appendPadded(sign, shown, part, allowsZeros: value.isFinite, to: &bytes)
  }
}

extension ScalarFunction {
  static let printf = ScalarFunction(
    "printf", .text, help: "Arguments put into a text as C's printf does: %d %5.2f %s %x %%",
    example: .init(
      .text("%03d: %.1f %s"), .integer(7), .decimal("2.25"), .text("km"), gives: "007: 2.2 km"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard !arguments.types.isEmpty else { return nil }
      let types = [.varchar] + arguments.types.dropFirst()
      return .make("printf", types, .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let patterns = RowReader<StringView>(arguments[0])
        return try TextKernels.build(arguments, count) {
          (row: Int, bytes: inout [UInt8]) throws(StoaError) in
          try patterns[row].withBytes { (pattern: UnsafeRawBufferPointer) throws(StoaError) in
            try Printf.append(pattern, arguments, row, to: &bytes)
          }
        }
      }
    })
}
