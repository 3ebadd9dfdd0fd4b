import Catalog
import Vectors

// Bodies of the edits 14 to 18. A file that has none of them can be read by versions that do not know them.
//
//   create, alter   as kinds 1 and 9, then schema u32, flags u8 (1 comment), [comment string],
//   extended table    u32 count of columns with more: position u32, flags u8 (1 comment), [comment string]
//   create, alter   tag u8 (1 schema, 2 view), flags u8 (1 comment), id u32, schema u32, name string, [comment],
//   object            then of a view: text string, lists of strings searchPath, sources, columns, list dependencies
//   drop object     id u32
//
// A list of strings is a u32 count and strings.

extension TableDefinition {
  /// Whether the definition needs more than the first form of it has.
  var isExtended: Bool {
    schema != CatalogState.mainSchema || comment != nil || columns.contains { $0.isExtended }
  }

  /// Writes what follows the first form.
  func encodeExtension(to writer: inout ByteWriter) {
    writer.u32(schema)
    writer.u8(comment != nil ? 1 : 0)
    if let comment { writer.string(comment) }
    let more = columns.indices.filter { columns[$0].isExtended }
    writer.u32(UInt32(clamping: more.count))
    for index in more {
      writer.u32(UInt32(clamping: index))
      writer.u8(columns[index].comment != nil ? 1 : 0)
      if let comment = columns[index].comment { writer.string(comment) }
    }
  }

  init(extendedFrom reader: inout ByteReader) throws(StoaError) {
    try self.init(from: &reader)
    schema = try reader.u32()
    if try reader.optionalFlags(upTo: 1) == 1 { comment = try reader.string() }
    for _ in 0..<(try reader.count(ofWidth: 5)) {
      let index = Int(try reader.u32())
      guard columns.indices.contains(index) else {
        throw reader.damage("table \"\(name)\" has no column at \(index)")
      }
      if try reader.optionalFlags(upTo: 1) == 1 { columns[index].comment = try reader.string() }
    }
  }
}

extension ColumnDefinition {
  fileprivate var isExtended: Bool { comment != nil }
}

extension CatalogObject {
  private var tag: UInt8 {
    switch self {
    case .schema: 1
    case .view: 2
    }
  }

  private var comment: String? {
    switch self {
    case .schema(let schema): schema.comment
    case .view(let view): view.comment
    }
  }

  func encode(to writer: inout ByteWriter) {
    writer.u8(tag)
    writer.u8(comment != nil ? 1 : 0)
    writer.u32(id)
    writer.u32(schema)
    writer.string(name)
    if let comment { writer.string(comment) }
    switch self {
    case .schema: break
    case .view(let view):
      writer.string(view.text)
      writer.strings(view.searchPath)
      writer.strings(view.sources)
      writer.strings(view.columns)
      writer.list(view.dependencies)
    }
  }

  init(from reader: inout ByteReader) throws(StoaError) {
    let tag = try reader.u8()
    let flags = try reader.optionalFlags(upTo: 1)
    let id = try reader.u32()
    let schema = try reader.u32()
    let name = try reader.string()
    let comment = flags & 1 != 0 ? try reader.string() : nil
    switch tag {
    case 1:
      guard schema == CatalogState.mainSchema else {
        throw reader.damage("schema \"\(name)\" is in a schema")
      }
      self = .schema(SchemaDefinition(id: id, name: name, comment: comment))
    case 2:
      let view = ViewDefinition(
        id: id, schema: schema, name: name, text: try reader.string(),
        searchPath: try reader.strings(), sources: try reader.strings(),
        columns: try reader.strings(), dependencies: try reader.list(), comment: comment)
      guard view.sources.count == view.columns.count, !view.columns.isEmpty else {
        throw reader.damage("the columns of view \"\(name)\" do not fit")
      }
      self = .view(view)
    default:
      throw StoaError(
        .unsupported, "the object kind \(tag) is unknown to this version", hint: newerVersionHint,
        path: reader.path, offset: reader.baseOffset &+ UInt64(reader.offset))
    }
  }
}

extension ByteWriter {
  fileprivate mutating func strings(_ values: [String]) {
    u32(UInt32(clamping: values.count))
    for value in values { string(value) }
  }
}

extension ByteReader {
  fileprivate mutating func strings() throws(StoaError) -> [String] {
    var values: [String] = []
    for _ in 0..<(try count(ofWidth: 4)) { values.append(try string()) }
    return values
  }

  fileprivate mutating func optionalFlags(upTo largest: UInt8) throws(StoaError) -> UInt8 {
    let byte = try u8()
    guard byte <= largest else { throw damage("flags are \(byte)") }
    return byte
  }
}
