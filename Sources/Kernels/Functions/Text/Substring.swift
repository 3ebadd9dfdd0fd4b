import Vectors

/// Pieces of a text by character positions.
enum SubstringRange {
  /// Bytes of `length` characters from character `start` on (counted from 1); a start before the text uses
  /// up length, as PostgreSQL does.
  static func range(
    _ text: UnsafeRawBufferPointer, start: Int64, length: Int64?
  ) throws(StoaError) -> Range<Int> {
    if let length, length < 0 {
      throw StoaError(.evaluation, "substring with a negative length (\(length))")
    }
    var last = Int64.max
    if let length {
      let (sum, overflow) = start.addingReportingOverflow(length)
      // Without room for the sum the end is past every text, or before it.
      last = overflow ? (start > 0 ? .max : .min) : sum
    }
    let first = max(start, 1)
    guard last > first else { return 0..<0 }
    let skipped = Int(clamping: first - 1)
    guard skipped < text.count else { return 0..<0 }
    let count = last == .max ? Int.max : Int(clamping: last - first)
    let lower = UTF8Text.offset(after: skipped, from: 0, in: text)
    if count >= text.count { return lower..<text.count }
    return lower..<UTF8Text.offset(after: count, from: lower, in: text)
  }

  /// The first `count` characters; with a negative count all but the last.
  static func left(_ text: UnsafeRawBufferPointer, _ count: Int64) -> Range<Int> {
    if count >= 0 { return 0..<UTF8Text.offset(after: Int(clamping: count), from: 0, in: text) }
    let dropped = Int(clamping: count.magnitude)
    guard dropped < text.count else {
      return dropped > text.count
        ? 0..<0 : 0..<(UTF8Text.offset(before: text.count, count: dropped, in: text) ?? 0)
    }
    return 0..<(UTF8Text.offset(before: text.count, count: dropped, in: text) ?? 0)
  }

  /// The last `count` characters; with a negative count all but the first.
  static func right(_ text: UnsafeRawBufferPointer, _ count: Int64) -> Range<Int> {
    if count < 0 {
      return UTF8Text.offset(after: Int(clamping: count.magnitude), from: 0, in: text)..<text.count
    }
    guard count < text.count else { return 0..<text.count }
    return (UTF8Text.offset(before: text.count, count: Int(count), in: text) ?? 0)..<text.count
  }

  static func kernel(
    _ cut: @escaping @Sendable (UnsafeRawBufferPointer, Int64) -> Range<Int>
  ) -> BoundFunction.Kernel {
    { (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let amount = RowReader<Int64>(arguments[1])
      return try TextKernels.slice(arguments, count) { (row: Int, text: UnsafeRawBufferPointer) in
        cut(text, amount[row])
      }
    }
  }
}

extension ScalarFunction {
  static let substring = ScalarFunction(
    "substring", aliases: ["substr"], .text,
    help: "Characters from a position (counted from 1) on, or what a regular expression matches",
    example: .init(.text("warehouse"), .integer(5), .integer(3), gives: "hou"),
    .overloads([
      Overload([.varchar, .bigint, .bigint], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let (start, length) = (RowReader<Int64>(arguments[1]), RowReader<Int64>(arguments[2]))
        return try TextKernels.slice(arguments, count) {
          (row: Int, text: UnsafeRawBufferPointer) throws(StoaError) -> Range<Int> in
          try SubstringRange.range(text, start: start[row], length: length[row])
        }
      },
      Overload([.varchar, .bigint], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let start = RowReader<Int64>(arguments[1])
        return try TextKernels.slice(arguments, count) {
          (row: Int, text: UnsafeRawBufferPointer) throws(StoaError) -> Range<Int> in
          try SubstringRange.range(text, start: start[row], length: nil)
        }
      },
      Overload(
        [.varchar, .varchar], .varchar,
        kernel: RegularExpressionKernels.slice(MatchParts.firstGroup)),
    ]))

  static let left = ScalarFunction(
    "left", .text, help: "The first characters; with a negative number all but the last",
    example: .init(.text("warehouse"), .integer(4), gives: "ware"),
    .overloads([
      Overload([.varchar, .bigint], .varchar, kernel: SubstringRange.kernel(SubstringRange.left))
    ]))

  static let right = ScalarFunction(
    "right", .text, help: "The last characters; with a negative number all but the first",
    example: .init(.text("warehouse"), .integer(5), gives: "house"),
    .overloads([
      Overload([.varchar, .bigint], .varchar, kernel: SubstringRange.kernel(SubstringRange.right))
    ]))
}
