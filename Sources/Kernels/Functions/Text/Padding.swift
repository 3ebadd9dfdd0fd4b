import Vectors

/// Texts made longer: repeated, padded, turned around.
enum Padding {
  /// Appends `text` padded with `fill` to `length` characters, cut to it when longer.
  static func append(
    _ text: UnsafeRawBufferPointer, _ length: Int64, _ fill: UnsafeRawBufferPointer, atStart: Bool,
    to bytes: inout [UInt8]
  ) throws(StoaError) {
    let wanted = Int(clamping: max(0, length))
    let present = UTF8Text.codePointCount(text)
    if present >= wanted || fill.count == 0 {
      bytes.append(contentsOf: text[..<UTF8Text.offset(after: wanted, from: 0, in: text)])
      return
    }
    let missing = wanted - present
    // A character of `fill` has at most `fill.count` bytes, so this bounds the loop below.
    guard missing <= TextKernels.maximalByteCount else { throw TextKernels.tooLong(missing) }
    if !atStart { bytes.append(contentsOf: text) }
    let fillLength = max(1, UTF8Text.codePointCount(fill))
    for _ in 0..<(missing / fillLength) {
      bytes.append(contentsOf: fill)
      if bytes.count > TextKernels.maximalByteCount { throw TextKernels.tooLong(bytes.count) }
    }
    bytes.append(
      contentsOf: fill[..<UTF8Text.offset(after: missing % fillLength, from: 0, in: fill)])
    if atStart { bytes.append(contentsOf: text) }
  }

  static func binding(atStart: Bool) -> ScalarFunction.Binding {
    .overloads([
      .init([.varchar, .bigint, .varchar], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let (texts, lengths) = (RowReader<StringView>(arguments[0]), RowReader<Int64>(arguments[1]))
        let fills = RowReader<StringView>(arguments[2])
        return try TextKernels.build(arguments, count) {
          (row: Int, bytes: inout [UInt8]) throws(StoaError) in
          try texts[row].withBytes { (text: UnsafeRawBufferPointer) throws(StoaError) in
            try fills[row].withBytes { (fill: UnsafeRawBufferPointer) throws(StoaError) in
              try append(text, lengths[row], fill, atStart: atStart, to: &bytes)
            }
          }
        }
      },
      .init([.varchar, .bigint], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let (texts, lengths) = (RowReader<StringView>(arguments[0]), RowReader<Int64>(arguments[1]))
        let space = StringView.space
        return try TextKernels.build(arguments, count) {
          (row: Int, bytes: inout [UInt8]) throws(StoaError) in
          try texts[row].withBytes { (text: UnsafeRawBufferPointer) throws(StoaError) in
            try space.withBytes { (fill: UnsafeRawBufferPointer) throws(StoaError) in
              try append(text, lengths[row], fill, atStart: atStart, to: &bytes)
            }
          }
        }
      },
    ])
  }

  static func appendRepeated(
    _ text: UnsafeRawBufferPointer, _ times: Int64, to bytes: inout [UInt8]
  ) throws(StoaError) {
    guard times > 0, text.count > 0 else { return }
    let (total, overflow) = Int(times).multipliedReportingOverflow(by: text.count)
    guard !overflow, total <= TextKernels.maximalByteCount else { throw TextKernels.tooLong(total) }
    bytes.reserveCapacity(total)
    for _ in 0..<Int(times) { bytes.append(contentsOf: text) }
  }

  static func appendReversed(_ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    var end = text.count
    while end > 0, let start = UTF8Text.offset(before: end, count: 1, in: text) {
      bytes.append(contentsOf: text[start..<end])
      end = start
    }
  }
}

extension ScalarFunction {
  static let lpad = ScalarFunction(
    "lpad", .text, help: "Text filled at its start to a number of characters, or cut to it",
    example: .init(.text("7"), .integer(3), .text("0"), gives: "007"),
    Padding.binding(atStart: true))

  static let rpad = ScalarFunction(
    "rpad", .text, help: "Text filled at its end to a number of characters, or cut to it",
    example: .init(.text("ab"), .integer(4), .text("."), gives: "ab.."),
    Padding.binding(atStart: false))

  static let repeatText = ScalarFunction(
    "repeat", .text, help: "Text several times over",
    example: .init(.text("ab"), .integer(3), gives: "ababab"),
    .overloads([
      Overload([.varchar, .bigint], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let (texts, times) = (RowReader<StringView>(arguments[0]), RowReader<Int64>(arguments[1]))
        return try TextKernels.build(arguments, count) {
          (row: Int, bytes: inout [UInt8]) throws(StoaError) in
          try texts[row].withBytes { (text: UnsafeRawBufferPointer) throws(StoaError) in
            try Padding.appendRepeated(text, times[row], to: &bytes)
          }
        }
      }
    ]))

  static let reverse = ScalarFunction(
    "reverse", .text, help: "Characters of a text in reverse order",
    example: .init(.text("abc"), gives: "cba"),
    .overloads([
      Overload([.varchar], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let texts = RowReader<StringView>(arguments[0])
        return try TextKernels.build(arguments, count) { (row: Int, bytes: inout [UInt8]) in
          texts[row].withBytes { Padding.appendReversed($0, to: &bytes) }
        }
      }
    ]))
}
