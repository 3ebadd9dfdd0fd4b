import Vectors

/// Texts made for reading: bars, sizes, parts of paths.
enum ReadableText {
  /// Blocks of eighths, from one to eight.
  private static let blocks = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"]

  /// A bar whose length says where `value` lies between two bounds.
  static func bar(
    _ value: Double, _ low: Double, _ high: Double, width: Double
  ) throws(StoaError) -> String {
    guard value.isFinite || value.isInfinite, low.isFinite, high.isFinite, low < high else {
      throw StoaError(.evaluation, "bar takes numbers, the least less than the greatest")
    }
    guard width >= 1, width <= 1000 else {
      throw StoaError(.evaluation, "bar takes a width from 1 to 1000, not \(width)")
    }
    let share = min(1, max(0, (value - low) / (high - low)))
    let length = share * width
    let whole = Int(length)
    var text = String(repeating: blocks[8], count: whole)
    var used = whole
    if Double(used) < width, share < 1 {
      let rest = Int((length - Double(whole)) * 8)
      text += blocks[rest]
      used += 1
    }
    return text + String(repeating: " ", count: max(0, Int(width) - used))
  }

  /// `123.4 MiB`; bytes below the first unit are whole.
  static func size(_ value: Int64, unit: UInt64, _ names: [String]) -> String {
    let sign = value < 0 ? "-" : ""
    let magnitude = value.magnitude
    guard magnitude >= unit else {
      return "\(sign)\(magnitude) \(magnitude == 1 ? "byte" : "bytes")"
    }
    var divisor = unit
    var step = 0
    while step + 1 < names.count, magnitude / divisor >= unit {
      divisor *= unit
      step += 1
    }
    let tenths = UInt64(UInt128(magnitude) * 10 / UInt128(divisor))
    return "\(sign)\(tenths / 10).\(tenths % 10) \(names[step])"
  }

  static func sizeFunction(
    _ name: String, aliases: [String], unit: UInt64, _ names: [String], help: String,
    gives result: String
  ) -> ScalarFunction {
    ScalarFunction(
      name, aliases: aliases, .text, help: help,
      example: .init(.integer(123_456_789), gives: result),
      .overloads([
        .text([.bigint]) { (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) in
          bytes += size(reader.integer(0, row), unit: unit, names).utf8
        }
      ]))
  }
}

/// Parts of a path whose steps are separated by slashes.
enum PathText {
  /// Bytes behind the last slash; `isTrimmed` without the extension.
  static func fileName(_ path: UnsafeRawBufferPointer, isTrimmed: Bool) -> Range<Int> {
    let start = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
    guard isTrimmed, let point = path[start...].lastIndex(of: UInt8(ascii: ".")), point >= start
    else {
      return start..<path.count
    }
    return start..<point
  }

  /// The first step: a leading slash, or what stands before the first.
  static func top(_ path: UnsafeRawBufferPointer) -> Range<Int> {
    guard let slash = path.firstIndex(of: UInt8(ascii: "/")) else { return 0..<0 }
    return 0..<max(1, slash)
  }

  /// Everything before the last slash.
  static func directory(_ path: UnsafeRawBufferPointer) -> Range<Int> {
    guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return 0..<0 }
    return 0..<slash
  }

  static func overload(
    _ body: @escaping @Sendable (UnsafeRawBufferPointer) -> Range<Int>
  ) -> ScalarFunction.Overload {
    .init([.varchar], .varchar) { (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      try TextKernels.slice(arguments, count) { (_: Int, path: UnsafeRawBufferPointer) in
        body(path)
      }
    }
  }
}

extension ScalarFunction {
  static let bar = ScalarFunction(
    "bar", .text, help: "A bar for a number between two bounds, so many characters (80) wide",
    example: .init(.integer(5), .integer(0), .integer(10), .integer(4), gives: "██  "),
    .overloads(
      [3, 4].map { count in
        .text([LogicalType](repeating: .double, count: count)) {
          (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) throws(StoaError) in
          bytes += try ReadableText.bar(
            reader.real(0, row), reader.real(1, row), reader.real(2, row),
            width: count == 4 ? reader.real(3, row) : 80
          ).utf8
        }
      }))

  static let formatBytes = ReadableText.sizeFunction(
    "format_bytes", aliases: ["formatreadablesize"], unit: 1024,
    ["KiB", "MiB", "GiB", "TiB", "PiB"], help: "A number of bytes in units of 1024",
    gives: "117.7 MiB")

  static let formatDecimalBytes = ReadableText.sizeFunction(
    "formatreadabledecimalsize", aliases: [], unit: 1000, ["kB", "MB", "GB", "TB", "PB"],
    help: "A number of bytes in units of 1000", gives: "123.4 MB")

  static let parseFileName = ScalarFunction(
    "parse_filename", .text,
    help: "Last step of a path, without its extension if the second is true",
    example: .init(.text("/data/2024/sales.csv"), .boolean(true), gives: "sales"),
    .overloads([
      PathText.overload { PathText.fileName($0, isTrimmed: false) },
      .init([.varchar, .boolean], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let reader = ArgumentReader(arguments)
        return try TextKernels.slice(arguments, count) { (row: Int, path: UnsafeRawBufferPointer) in
          PathText.fileName(path, isTrimmed: reader.boolean(1, row))
        }
      },
    ]))

  static let parseDirectoryName = ScalarFunction(
    "parse_dirname", .text, help: "First step of a path",
    example: .init(.text("data/2024/sales.csv"), gives: "data"),
    .overloads([PathText.overload(PathText.top)]))

  static let parseDirectoryPath = ScalarFunction(
    "parse_dirpath", .text, help: "A path without its last step",
    example: .init(.text("/data/2024/sales.csv"), gives: "/data/2024"),
    .overloads([PathText.overload(PathText.directory)]))

  static let overlay = ScalarFunction(
    "overlay", .text,
    help: "Text with the second put in place of characters from a position on, as many or as given",
    example: .init(.text("Txxxxas"), .text("hom"), .integer(2), .integer(4), gives: "Thomas"),
    .overloads(
      [3, 4].map { count in
        .text([.varchar, .varchar] + [LogicalType](repeating: .bigint, count: count - 2)) {
          (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) throws(StoaError) in
          let start = reader.integer(2, row)
          guard start > 0 else {
            throw StoaError(.evaluation, "overlay counts characters from 1, not from \(start)")
          }
          try reader.withTwoTexts(row) {
            (text: UnsafeRawBufferPointer, new: UnsafeRawBufferPointer) throws(StoaError) in
            let length = count == 4 ? reader.integer(3, row) : Int64(UTF8Text.codePointCount(new))
            let lower = UTF8Text.offset(after: Int(clamping: start - 1), from: 0, in: text)
            let (end, overflow) = (start - 1).addingReportingOverflow(length)
            let kept = overflow ? Int.max : Int(clamping: max(0, end))
            let upper = UTF8Text.offset(after: kept, from: 0, in: text)
            bytes.append(contentsOf: text[..<lower])
            bytes.append(contentsOf: new)
            bytes.append(contentsOf: text[upper...])
          }
        }
      }))
}
