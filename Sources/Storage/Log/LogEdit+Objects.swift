import Catalog
import Vectors

// Bodies of the edits 14 to 18. A file that has none of them can be read by versions that do not know them.
//
//   create, alter   as kinds 1 and 9, then schema u32, flags u8 (1 comment), [comment string],
//   extended table    u32 count of columns with more: position u32, flags u8 (1 comment, 2 generated, 4 sequences),
//                     [comment string], [SQL string], [list of u32]
//   create, alter   tag u8 (1 schema, 2 view, 3 sequence, 4 type), flags u8 (1 comment), id u32, schema u32, name string, [comment],
//   object            then of a view: text string, lists of strings searchPath, sources, columns, list dependencies
//                   of a sequence: bits of the type u8, flags u8 (1 cycles, 2 continues), cache u32, generation u32, owner u32,
//                     ownerColumn u32, start, increment, minimum, maximum i64, origin as a position
//                   of a type: as ENUM is encoded in columns
//   drop object     id u32
//   numbers of a    id u32, generation u32, position: last i64, isCalled u8
//   sequence
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
      let column = columns[index]
      writer.u8(
        (column.comment != nil ? 1 : 0) | (column.generatedText != nil ? 2 : 0)
          | (column.sequences.isEmpty ? 0 : 4))
      if let comment = column.comment { writer.string(comment) }
      if let text = column.generatedText { writer.string(text) }
      if !column.sequences.isEmpty { writer.list(column.sequences) }
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
      let flags = try reader.optionalFlags(of: 7)
      if flags & 1 != 0 { columns[index].comment = try reader.string() }
      if flags & 2 != 0 { columns[index].generatedText = try reader.string() }
      if flags & 4 != 0 { columns[index].sequences = try reader.list() }
    }
  }
}

extension ColumnDefinition {
  fileprivate var isExtended: Bool {
    comment != nil || generatedText != nil || !sequences.isEmpty
  }
}

extension CatalogObject {
  private var tag: UInt8 {
    switch self {
    case .schema: 1
    case .view: 2
    case .sequence: 3
    case .type: 4
    }
  }

  private var comment: String? {
    switch self {
    case .schema(let schema): schema.comment
    case .view(let view): view.comment
    case .sequence(let sequence): sequence.comment
    case .type: nil
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
    case .sequence(let sequence): sequence.encode(to: &writer)
    case .type(let type): type.type.encode(to: &writer)
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
    case 3:
      var sequence = SequenceDefinition(id: id, schema: schema, name: name)
      sequence.comment = comment
      try sequence.decode(from: &reader)
      self = .sequence(sequence)
    case 4:
      self = .type(
        TypeDefinition(id: id, schema: schema, name: name, type: try EnumType(from: &reader)))
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

  fileprivate mutating func optionalFlags(of mask: UInt8) throws(StoaError) -> UInt8 {
    let byte = try u8()
    guard byte & ~mask == 0 else { throw damage("flags are \(byte)") }
    return byte
  }
}

extension SequencePosition {
  func encode(to writer: inout ByteWriter) {
    writer.u64(UInt64(bitPattern: last))
    writer.u8(isCalled ? 1 : 0)
  }

  init(from reader: inout ByteReader) throws(StoaError) {
    let last = Int64(bitPattern: try reader.u64())
    self.init(last: last, isCalled: try reader.optionalFlags(upTo: 1) == 1)
  }
}

extension SequenceDefinition {
  fileprivate func encode(to writer: inout ByteWriter) {
    writer.u8(type == .smallint ? 16 : type == .integer ? 32 : 64)
    writer.u8((cycles ? 1 : 0) | (continues ? 2 : 0))
    for field in [cache, generation, owner, ownerColumn] { writer.u32(field) }
    for field in [start, increment, minimum, maximum] { writer.u64(UInt64(bitPattern: field)) }
    origin.encode(to: &writer)
  }

  /// Reads all but name and place.
  fileprivate mutating func decode(from reader: inout ByteReader) throws(StoaError) {
    let bits = try reader.u8()
    guard [16, 32, 64].contains(bits) else {
      throw reader.damage("the type of sequence \"\(name)\" has \(bits) bits")
    }
    type = bits == 16 ? .smallint : bits == 32 ? .integer : .bigint
    let flags = try reader.optionalFlags(of: 3)
    (cycles, continues) = (flags & 1 != 0, flags & 2 != 0)
    cache = try reader.u32()
    generation = try reader.u32()
    owner = try reader.u32()
    ownerColumn = try reader.u32()
    start = Int64(bitPattern: try reader.u64())
    increment = Int64(bitPattern: try reader.u64())
    minimum = Int64(bitPattern: try reader.u64())
    maximum = Int64(bitPattern: try reader.u64())
    origin = try SequencePosition(from: &reader)
    guard increment != 0, minimum <= maximum, (minimum...maximum).contains(start) else {
      throw reader.damage("the numbers of sequence \"\(name)\" do not fit")
    }
  }
}
