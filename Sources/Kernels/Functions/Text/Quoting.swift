import Vectors

/// Texts as parts of SQL statements.
enum Quoting {
  /// Words that cannot be names without quotes.
  private static let reserved: Set<String> = [
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "both", "case",
    "cast", "check", "collate", "column", "constraint", "create", "cross", "current_date",
    "current_time", "current_timestamp", "default", "deferrable", "desc", "distinct", "do", "else",
    "end", "except", "exists", "false", "fetch", "for", "foreign", "from", "full", "glob", "grant",
    "group", "having", "ilike", "in", "initially", "inner", "intersect", "into", "is", "isnull",
    "join", "lateral", "leading", "left", "like", "limit", "natural", "not", "notnull", "null",
    "offset", "on", "only", "or", "order", "outer", "pivot", "placing", "primary", "qualify",
    "references", "returning", "right", "select", "similar", "some", "symmetric", "table", "then",
    "to", "trailing", "true", "union", "unique", "unpivot", "using", "values", "when", "where",
    "window", "with",
  ]

  static func appendLiteral(_ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    let hasBackslash = text.contains(UInt8(ascii: "\\"))
    if hasBackslash { bytes.append(UInt8(ascii: "E")) }
    bytes.append(UInt8(ascii: "'"))
    for byte in text {
      if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\\") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "'"))
  }

  /// With quotes unless it is a name of lower-case letters, digits and `_` that is no reserved word.
  static func appendIdentifier(_ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    var isPlain = text.count > 0 && !(text[0] &- UInt8(ascii: "0") < 10)
    for byte in text where isPlain {
      isPlain =
        byte &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10
        || byte == UInt8(ascii: "_")
    }
    if isPlain, !reserved.contains(String(decoding: text, as: UTF8.self)) {
      return bytes.append(contentsOf: text)
    }
    bytes.append(UInt8(ascii: "\""))
    for byte in text {
      if byte == UInt8(ascii: "\"") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

extension ScalarFunction {
  static let quoteLiteral = ScalarFunction(
    "quote_literal", .text, help: "A value as an SQL text literal; NULL stays NULL",
    example: .init(.text("it's"), gives: "'it''s'"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard arguments.types.count == 1 else { return nil }
      return .make("quote_literal", [.varchar], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let texts = RowReader<StringView>(arguments[0])
        return try TextKernels.build(arguments, count) { (row: Int, bytes: inout [UInt8]) in
          texts[row].withBytes { Quoting.appendLiteral($0, to: &bytes) }
        }
      }
    })

  static let quoteNullable = ScalarFunction(
    "quote_nullable", .text, help: "A value as an SQL text literal, NULL as the word",
    example: .init(.null, gives: "NULL"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard arguments.types.count == 1 else { return nil }
      return .make("quote_nullable", [.varchar], .varchar, propagatesNull: false) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let reader = ArgumentReader(arguments)
        return try TextKernels.build(arguments, count, propagatesNull: false) {
          (row: Int, bytes: inout [UInt8]) in
          guard reader.isValid(0, row) else {
            bytes += "NULL".utf8
            return
          }
          reader.text(0, row).withBytes { Quoting.appendLiteral($0, to: &bytes) }
        }
      }
    })

  static let quoteIdentifier = ScalarFunction(
    "quote_ident", .text, help: "A name as SQL needs it, in quotes where necessary",
    example: .init(.text("My table"), gives: "\"My table\""),
    .overloads([
      .text([.varchar]) { (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) in
        reader.text(0, row).withBytes { Quoting.appendIdentifier($0, to: &bytes) }
      }
    ]))
}
