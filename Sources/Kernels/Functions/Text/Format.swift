import Vectors

/// PostgreSQL's format: `%s` a value as text, `%I` as a name, `%L` as a literal, `%%` a percent sign; between them
/// `n$` (which argument), `-` (to the left) and a width, which may be `*` or `*n$` (an argument).
enum Format {
  /// One row's text.
  struct Writer {
    let reader: ArgumentReader
    let row: Int
    /// Arguments behind the pattern, all as text.
    let argumentCount: Int
    private var next = 1

    init(_ reader: ArgumentReader, row: Int, argumentCount: Int) {
      self.reader = reader
      self.row = row
      self.argumentCount = argumentCount
    }

    mutating func append(
      _ pattern: UnsafeRawBufferPointer, to bytes: inout [UInt8]
    ) throws(StoaError) {
      var index = 0
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
        try appendPart(pattern, &index, to: &bytes)
      }
    }

    /// From behind the percent sign.
    private mutating func appendPart(
      _ pattern: UnsafeRawBufferPointer, _ index: inout Int, to bytes: inout [UInt8]
    ) throws(StoaError) {
      var position = Format.place(pattern, &index)
      var isLeft = false
      while index < pattern.count, pattern[index] == UInt8(ascii: "-") {
        isLeft = true
        index += 1
      }
      var width = 0
      if index < pattern.count, pattern[index] == UInt8(ascii: "*") {
        index += 1
        let number = try argument(Format.place(pattern, &index))
        width = try self.width(number)
      } else if let digits = Format.digits(pattern, &index) {
        width = digits
      }
      if width < 0 {
        isLeft = true
        width = -width
      }
      guard index < pattern.count else {
        throw StoaError(.evaluation, "a pattern of format must not end within %…")
      }
      let kind = pattern[index]
      index += 1
      let number = try argument(position)
      position = nil
      var value: [UInt8] = []
      try append(kind, number, to: &value)
      try Format.append(value, width: width, isLeft: isLeft, to: &bytes)
    }

    private func append(
      _ kind: UInt8, _ number: Int, to value: inout [UInt8]
    ) throws(StoaError) {
      let isNull = !reader.isValid(number, row)
      switch kind {
      case UInt8(ascii: "s"):
        if !isNull { reader.text(number, row).withBytes { value.append(contentsOf: $0) } }
      case UInt8(ascii: "I"):
        if isNull {
          throw StoaError(.evaluation, "format cannot make a name (%I) of NULL")
        }
        reader.text(number, row).withBytes { Quoting.appendIdentifier($0, to: &value) }
      case UInt8(ascii: "L"):
        if isNull {
          value += "NULL".utf8
          return
        }
        reader.text(number, row).withBytes { Quoting.appendLiteral($0, to: &value) }
      default:
        let letter = kind < 0x80 ? String(Unicode.Scalar(kind)) : "…"
        throw StoaError(
          .evaluation, "format knows %s, %I, %L and %%, not %\(letter)",
          hint: "printf knows %d, %f and the others of C")
      }
    }

    /// The number of the argument at a place, or of the next one.
    private mutating func argument(_ place: Int?) throws(StoaError) -> Int {
      if place == 0 { throw StoaError(.evaluation, "format counts arguments from 1, not from 0") }
      let number = place ?? next
      next = number + 1
      guard number <= argumentCount else {
        throw StoaError(
          .evaluation, "format has \(argumentCount) arguments, but the pattern wants \(number)")
      }
      return number
    }

    private func width(_ number: Int) throws(StoaError) -> Int {
      guard reader.isValid(number, row) else { return 0 }
      let text = reader.text(number, row).string
      guard let width = Int(text) else {
        throw StoaError(.evaluation, "'\(text)' is not a width")
      }
      return width == .min ? .max : width
    }
  }

  /// `value` filled with blanks to `width` characters.
  static func append(
    _ value: [UInt8], width: Int, isLeft: Bool, to bytes: inout [UInt8]
  ) throws(StoaError) {
    let count = value.reduce(0) { $0 + (UTF8Text.isStart($1) ? 1 : 0) }
    let missing = max(0, width - count)
    guard missing <= TextKernels.maximalByteCount else { throw TextKernels.tooLong(missing) }
    let blanks = repeatElement(UInt8(ascii: " "), count: missing)
    if !isLeft { bytes.append(contentsOf: blanks) }
    bytes += value
    if isLeft { bytes.append(contentsOf: blanks) }
  }

  /// `n$`; nothing is read when it is not there.
  private static func place(_ pattern: UnsafeRawBufferPointer, _ index: inout Int) -> Int? {
    var end = index
    guard let number = digits(pattern, &end), end < pattern.count,
      pattern[end] == UInt8(ascii: "$")
    else { return nil }
    index = end + 1
    return number
  }

  /// A number of at most eight digits.
  static func digits(_ pattern: UnsafeRawBufferPointer, _ index: inout Int) -> Int? {
    let start = index
    var number = 0
    while index < pattern.count, index - start < 9, pattern[index] &- UInt8(ascii: "0") < 10 {
      number = number * 10 + Int(pattern[index] - UInt8(ascii: "0"))
      index += 1
    }
    return index > start ? number : nil
  }
}

extension ScalarFunction {
  static let format = ScalarFunction(
    "format", .text,
    help: "Arguments put into a text: %s a value, %I a name, %L a literal, %% a percent sign",
    example: .init(
      .text("SELECT %I FROM t WHERE k = %L"), .text("a b"), .integer(7),
      gives: "SELECT \"a b\" FROM t WHERE k = '7'"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      let argumentCount = arguments.types.count - 1
      guard argumentCount >= 0 else { return nil }
      return .make(
        "format", arguments.types.map { _ in .varchar }, .varchar, propagatesNull: false
      ) { (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let reader = ArgumentReader(arguments)
        return try TextKernels.build(
          arguments, count, validity: VectorForms.commonValidity([arguments[0]]),
          propagatesNull: false
        ) { (row: Int, bytes: inout [UInt8]) throws(StoaError) in
          try reader.withBytes(0, row) { (pattern: UnsafeRawBufferPointer) throws(StoaError) in
            var writer = Format.Writer(reader, row: row, argumentCount: argumentCount)
            try writer.append(pattern, to: &bytes)
          }
        }
      }
    })
}
