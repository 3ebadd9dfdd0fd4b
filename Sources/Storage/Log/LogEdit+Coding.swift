import Catalog
import Encodings
import Vectors

// Bodies of edits. Strings are a u32 byte count and UTF-8; lists are a u32 count and u32 elements.
//
//   create table    id u32, name string, nextColumnID u32, sortKey list,
//                   u32 count of columns: id u32, type (below), flags u8 (1 nullable, 2 has default,
//                     4 forced encoding, 8 default text, 16 initial value), name string, [default value],
//                     [encoding string], [default text string], [initial value]
//                   u32 count of keys: flags u8 (1 primary, 2 named), columns list, [name string]
//                   u32 count of foreign keys: flags u8 (1 validated, 2 named), columns list,
//                     referencedTable u32, referencedColumns list, [name string]
//                   u32 count of checks: flags u8 (1 validated, 2 named), text string, [name string]
//   drop table      id u32
//   alter table     as create table: the whole new definition
//   kinds 14 to 18  see `LogEdit+Objects.swift`
//   add segment     table u32, reserved u32, id u64, byteCount u64, footerChecksum u64, rowCount u64,
//                   commit u64 (0 in the log: the record's), load u64
//   remove segment  table u32, reserved u32, id u64
//   delete rows     table u32, byteCount u32 of the set, segment or memtable id u64, a `CompressedBitmap`
//   insert rows     table u32, reserved u32, memtable id u64, a `RowBlock`
//   reserve ids     next u64, above every id given away
//   set property    property u32 (1 retention), reserved u32, value i64 (retention: microseconds, 0 none)
//   keep from       commit u64, its timestamp i64
//   retired segment as add segment, then removedBy commit u64, its timestamp i64
//   type            kind u8, precision u8, scale u8
//   value           tag u8: 0 NULL · 1 boolean u8 · 2 integer i128 · 3 double f64 · 4 string

extension LogEdit {
  /// Appends header and body.
  func encode(to writer: inout ByteWriter) {
    writer.u8(kind.rawValue)
    writer.zeros(3)
    let sizeOffset = writer.count
    writer.u32(0)
    switch self {
    case .catalog(.createTable(let table)), .catalog(.alterTable(let table)):
      table.encode(to: &writer)
      if table.isExtended { table.encodeExtension(to: &writer) }
    case .catalog(.dropTable(let id)), .catalog(.dropObject(let id)): writer.u32(id)
    case .catalog(.createObject(let object)), .catalog(.alterObject(let object)):
      object.encode(to: &writer)
    case .addSegment(let segment): segment.encode(to: &writer)
    case .removeSegment(let table, let id):
      writer.u32(table)
      writer.u32(0)
      writer.u64(id)
    case .deleteRows(let table, let id, let deleted):
      let bytes = deleted.rows.serialized()
      writer.u32(table)
      writer.u32(UInt32(clamping: bytes.byteCount))
      writer.u64(id)
      writer.append(bytes.bytes)
    case .insertRows(let table, let id, let block):
      writer.u32(table)
      writer.u32(0)
      writer.u64(id)
      block.encode(to: &writer)
    case .reserveIDs(let next): writer.u64(next)
    case .setProperty(let property, let value):
      writer.u32(property.rawValue)
      writer.u32(0)
      writer.u64(UInt64(bitPattern: value))
    case .keepFrom(let commit, let timestamp):
      writer.u64(commit)
      writer.u64(UInt64(bitPattern: timestamp))
    case .retire(let retired):
      retired.segment.encode(to: &writer)
      writer.u64(retired.removedBy)
      writer.u64(UInt64(bitPattern: retired.removedAt))
    case .advanceSequence(let id, let generation, let position):
      writer.u32(id)
      writer.u32(generation)
      position.encode(to: &writer)
    }
    writer.setU32(UInt32(clamping: writer.count - sizeOffset - 4), at: sizeOffset)
  }

  /// Reads one edit and nothing more than its `byteCount`.
  /// - Throws: `.corruption` for bytes no version wrote, `.unsupported` for kinds of a newer one.
  static func decode(from reader: inout ByteReader) throws(StoaError) -> LogEdit {
    let kindByte = try reader.u8()
    try reader.skip(3)
    let byteCount = Int(try reader.u32())
    guard let kind = Kind(rawValue: kindByte) else {
      throw StoaError(
        .unsupported, "the edit kind \(kindByte) is unknown to this version",
        hint: newerVersionHint,
        path: reader.path, offset: reader.baseOffset &+ UInt64(reader.offset))
    }
    guard byteCount <= reader.remaining else {
      throw reader.damage("an edit is longer than its record")
    }
    let start = reader.offset
    let edit = try decodeBody(kind, from: &reader)
    guard reader.offset - start == byteCount else {
      throw reader.damage("an edit has \(reader.offset - start) bytes instead of \(byteCount)")
    }
    return edit
  }

  private static func decodeBody(
    _ kind: Kind, from reader: inout ByteReader
  ) throws(StoaError) -> LogEdit {
    switch kind {
    case .createTable: return .catalog(.createTable(try TableDefinition(from: &reader)))
    case .dropTable: return .catalog(.dropTable(try reader.u32()))
    case .alterTable: return .catalog(.alterTable(try TableDefinition(from: &reader)))
    case .createExtendedTable:
      return .catalog(.createTable(try TableDefinition(extendedFrom: &reader)))
    case .alterExtendedTable:
      return .catalog(.alterTable(try TableDefinition(extendedFrom: &reader)))
    case .createObject: return .catalog(.createObject(try CatalogObject(from: &reader)))
    case .alterObject: return .catalog(.alterObject(try CatalogObject(from: &reader)))
    case .dropObject: return .catalog(.dropObject(try reader.u32()))
    case .addSegment: return .addSegment(try SegmentDescription(from: &reader))
    case .removeSegment:
      let table = try reader.u32()
      try reader.skip(4)
      return .removeSegment(table, try reader.number())
    case .deleteRows:
      let table = try reader.u32()
      let byteCount = Int(try reader.u32())
      let id = try reader.number()
      return .deleteRows(table, id, try DeleteVector(from: &reader, byteCount: byteCount))
    case .insertRows:
      let table = try reader.u32()
      try reader.skip(4)
      return .insertRows(table, memtable: try reader.number(), try RowBlock(from: &reader))
    case .reserveIDs: return .reserveIDs(try reader.number())
    case .setProperty: return try decodeProperty(from: &reader)
    case .keepFrom:
      let commit = try reader.number()
      return .keepFrom(commit, timestamp: Int64(bitPattern: try reader.u64()))
    case .retire:
      let segment = try SegmentDescription(from: &reader)
      let commit = try reader.number()
      return .retire(
        RetiredSegment(
          segment: segment, removedBy: commit, removedAt: Int64(bitPattern: try reader.u64())))
    case .advanceSequence:
      let id = try reader.u32()
      return .advanceSequence(
        id, generation: try reader.u32(), try SequencePosition(from: &reader))
    }
  }

  private static func decodeProperty(from reader: inout ByteReader) throws(StoaError) -> LogEdit {
    let number = try reader.u32()
    try reader.skip(4)
    let value = Int64(bitPattern: try reader.u64())
    guard let property = StoreProperty(rawValue: number) else {
      throw StoaError(
        .unsupported, "the property \(number) is unknown to this version", hint: newerVersionHint,
        path: reader.path, offset: reader.baseOffset &+ UInt64(reader.offset))
    }
    return .setProperty(property, value)
  }
}

/// What to do about a file of a newer version.
let newerVersionHint = "Use the version of stoa that wrote it"

extension SegmentDescription {
  fileprivate func encode(to writer: inout ByteWriter) {
    writer.u32(table)
    writer.u32(0)
    for field in [id, byteCount, footerChecksum, rowCount, commit, load] { writer.u64(field) }
  }

  fileprivate init(from reader: inout ByteReader) throws(StoaError) {
    let table = try reader.u32()
    try reader.skip(4)
    self.init(
      table: table, id: try reader.number(), byteCount: try reader.number(),
      footerChecksum: try reader.u64(), rowCount: try reader.number(),
      commit: try reader.number(), load: try reader.u64())
    guard rowCount <= UInt64(UInt32.max) else {
      throw reader.damage("a segment has \(rowCount) rows")
    }
  }
}

extension TableDefinition {
  func encode(to writer: inout ByteWriter) {
    writer.u32(id)
    writer.string(name)
    writer.u32(nextColumnID)
    writer.list(sortKey)
    writer.u32(UInt32(clamping: columns.count))
    for column in columns { column.encode(to: &writer) }
    writer.u32(UInt32(clamping: keys.count))
    for key in keys {
      writer.flags(key.isPrimary, key.name != nil)
      writer.list(key.columns)
      if let name = key.name { writer.string(name) }
    }
    writer.u32(UInt32(clamping: foreignKeys.count))
    for key in foreignKeys {
      writer.flags(key.isValidated, key.name != nil)
      writer.list(key.columns)
      writer.u32(key.referencedTable)
      writer.list(key.referencedColumns)
      if let name = key.name { writer.string(name) }
    }
    writer.u32(UInt32(clamping: checks.count))
    for check in checks {
      writer.flags(check.isValidated, check.name != nil)
      writer.string(check.text)
      if let name = check.name { writer.string(name) }
    }
  }

  init(from reader: inout ByteReader) throws(StoaError) {
    let id = try reader.u32()
    let name = try reader.string()
    let nextColumnID = try reader.u32()
    let sortKey = try reader.list()
    var columns: [ColumnDefinition] = []
    for _ in 0..<(try reader.count(ofWidth: 12)) {
      columns.append(try ColumnDefinition(from: &reader))
    }
    var keys: [KeyDefinition] = []
    for _ in 0..<(try reader.count(ofWidth: 5)) {
      let (isPrimary, isNamed) = try reader.flags()
      keys.append(
        KeyDefinition(
          columns: try reader.list(), isPrimary: isPrimary,
          name: isNamed ? try reader.string() : nil))
    }
    var foreignKeys: [ForeignKeyDefinition] = []
    for _ in 0..<(try reader.count(ofWidth: 13)) {
      let (isValidated, isNamed) = try reader.flags()
      foreignKeys.append(
        ForeignKeyDefinition(
          columns: try reader.list(), referencedTable: try reader.u32(),
          referencedColumns: try reader.list(), name: isNamed ? try reader.string() : nil,
          isValidated: isValidated))
    }
    var checks: [CheckDefinition] = []
    for _ in 0..<(try reader.count(ofWidth: 5)) {
      let (isValidated, isNamed) = try reader.flags()
      let text = try reader.string()
      checks.append(
        CheckDefinition(
          name: isNamed ? try reader.string() : nil, text: text, isValidated: isValidated))
    }
    self.init(
      id: id, name: name, columns: columns, keys: keys, foreignKeys: foreignKeys, sortKey: sortKey,
      checks: checks)
    self.nextColumnID = nextColumnID
    try validate(reader)
  }

  /// What every other part takes for granted about a definition.
  private func validate(_ reader: ByteReader) throws(StoaError) {
    let ids = Set(columns.map(\.id))
    let names = Set(columns.map { CatalogState.key($0.name) })
    guard ids.count == columns.count, names.count == columns.count else {
      throw reader.damage("table \"\(name)\" names a column twice")
    }
    guard ids.allSatisfy({ $0 < nextColumnID }) else {
      throw reader.damage("table \"\(name)\" has a column id past nextColumnID")
    }
    let mentioned = sortKey + keys.flatMap(\.columns) + foreignKeys.flatMap(\.columns)
    guard mentioned.allSatisfy(ids.contains),
      foreignKeys.allSatisfy({ $0.columns.count == $0.referencedColumns.count })
    else { throw reader.damage("a key of table \"\(name)\" names no column") }
  }
}

extension ColumnDefinition {
  fileprivate func encode(to writer: inout ByteWriter) {
    writer.u32(id)
    type.encode(to: &writer)
    let flags: [(Bool, UInt8)] = [
      (isNullable, 1), (defaultValue != nil, 2), (forcedEncoding != nil, 4),
      (defaultText != nil, 8), (initialValue != nil, 16),
    ]
    writer.u8(flags.reduce(0) { $1.0 ? $0 | $1.1 : $0 })
    writer.string(name)
    if let defaultValue { defaultValue.encode(to: &writer) }
    if let forcedEncoding { writer.string(forcedEncoding) }
    if let defaultText { writer.string(defaultText) }
    if let initialValue { initialValue.encode(to: &writer) }
  }

  fileprivate init(from reader: inout ByteReader) throws(StoaError) {
    let id = try reader.u32()
    let type = try LogicalType(from: &reader)
    let flags = try reader.u8()
    guard flags <= 31 else { throw reader.damage("column flags are \(flags)") }
    let name = try reader.string()
    let defaultValue = flags & 2 != 0 ? try Value(from: &reader, for: type) : nil
    let encoding = flags & 4 != 0 ? try reader.string() : nil
    let defaultText = flags & 8 != 0 ? try reader.string() : nil
    let initialValue = flags & 16 != 0 ? try Value(from: &reader, for: type) : nil
    self.init(
      id: id, name: name, type: type, isNullable: flags & 1 != 0, defaultValue: defaultValue,
      forcedEncoding: encoding, defaultText: defaultText, initialValue: initialValue)
  }
}

extension ByteWriter {
  /// Two facts in one byte: bits 0 and 1.
  fileprivate mutating func flags(_ first: Bool, _ second: Bool) {
    u8((first ? 1 : 0) | (second ? 2 : 0))
  }
}

extension ByteReader {
  fileprivate mutating func flags() throws(StoaError) -> (Bool, Bool) {
    let byte = try u8()
    guard byte <= 3 else { throw damage("flags are \(byte)") }
    return (byte & 1 != 0, byte & 2 != 0)
  }
}

extension LogicalType {
  /// The byte that names the type on disk; DECIMAL adds precision and scale.
  private var kindByte: UInt8 {
    switch self {
    case .boolean: 1
    case .tinyint: 2
    case .smallint: 3
    case .integer: 4
    case .bigint: 5
    case .hugeint: 6
    case .real: 7
    case .double: 8
    case .decimal: 9
    case .varchar: 10
    case .date: 11
    case .timestamp: 12
    case .interval: 13
    case .null: 14
    case .utinyint: 15
    case .usmallint: 16
    case .uinteger: 17
    case .ubigint: 18
    case .time: 19
    case .timestampTZ: 20
    case .uuid: 21
    case .blob: 22
    case .enumeration: 23
    }
  }

  func encode(to writer: inout ByteWriter) {
    writer.u8(kindByte)
    if case .decimal(let precision, let scale) = self {
      writer.u8(precision)
      writer.u8(scale)
    } else {
      writer.u8(0)
      writer.u8(0)
    }
    if case .enumeration(let type) = self { type.encode(to: &writer) }
  }

  init(from reader: inout ByteReader) throws(StoaError) {
    let kind = try reader.u8()
    let precision = try reader.u8()
    let scale = try reader.u8()
    let simple: [LogicalType] = [
      .boolean, .tinyint, .smallint, .integer, .bigint, .hugeint, .real, .double, .null, .varchar,
      .date, .timestamp, .interval,
    ]
    switch kind {
    case 9:
      guard (1...38).contains(precision), scale <= precision else {
        throw reader.damage("DECIMAL(\(precision),\(scale)) cannot be")
      }
      self = .decimal(precision: precision, scale: scale)
    case 1...13: self = simple[Int(kind) - 1]
    case 15...22: self = LogicalType.added[Int(kind) - 15]
    case 23: self = .enumeration(try EnumType(from: &reader))
    default: throw reader.damage("the type \(kind) is unknown")
    }
  }
}

extension LogicalType {
  /// Types 15 to 22; software from before them refuses the codes.
  private static let added: [LogicalType] = [
    .utinyint, .usmallint, .uinteger, .ubigint, .time, .timestampTZ, .uuid, .blob,
  ]
}

extension EnumType {
  /// Whether it has a name, the name if so, the number of labels (4 bytes), the labels.
  func encode(to writer: inout ByteWriter) {
    writer.u8(name == nil ? 0 : 1)
    if let name { writer.string(name) }
    writer.u32(UInt32(truncatingIfNeeded: count))
    for label in labels { writer.string(label) }
  }

  init(from reader: inout ByteReader) throws(StoaError) {
    let name = try reader.flag() ? try reader.string() : nil
    let count = Int(try reader.u32())
    guard (1...EnumType.maximumCount).contains(count) else {
      throw reader.damage("an ENUM of \(count) labels")
    }
    var labels: [String] = []
    var seen: Set<[UInt8]> = []
    for _ in 0..<count {
      let label = try reader.string()
      guard seen.insert(Array(label.utf8)).inserted else {
        throw reader.damage("an ENUM has the label \(label) twice")
      }
      labels.append(label)
    }
    self.init(name: name, labels: labels)
  }
}

extension Value {
  func encode(to writer: inout ByteWriter) {
    switch self {
    case .null: writer.u8(0)
    case .boolean(let value):
      writer.u8(1)
      writer.u8(value ? 1 : 0)
    case .integer(let value):
      writer.u8(2)
      writer.i128(value)
    case .double(let value):
      writer.u8(3)
      writer.f64(value)
    case .string(let value):
      writer.u8(4)
      writer.string(value)
    case .bytes(let value):
      writer.u8(5)
      writer.u32(UInt32(truncatingIfNeeded: value.count))
      value.withUnsafeBytes { writer.append($0) }
    }
  }

  /// A value that fits `type`, so that it can be stored in a vector of it.
  init(from reader: inout ByteReader, for type: LogicalType) throws(StoaError) {
    switch try reader.u8() {
    case 0: self = .null
    case 1: self = .boolean(try reader.flag())
    case 2: self = .integer(try reader.i128())
    case 3: self = .double(try reader.f64())
    case 4: self = .string(try reader.string())
    case 5:
      let bytes = try reader.buffer(Int(try reader.u32()))
      self = .bytes(Array(bytes.bytes))
    case let tag: throw reader.damage("the value tag \(tag) is unknown")
    }
    guard fits(type) else { throw reader.damage("a value does not fit \(type)") }
  }

  /// Whether a vector of `type` can hold the value.
  func fits(_ type: LogicalType) -> Bool {
    switch (self, type.physical) {
    case (.null, _), (.boolean, .bool), (.double, .float32), (.double, .float64): true
    case (.string, .string): type != .blob
    case (.bytes, .string): type == .blob
    case (.integer(let value), .int8): Int8(exactly: value) != nil
    case (.integer(let value), .int16): Int16(exactly: value) != nil
    case (.integer(let value), .int32): Int32(exactly: value) != nil
    case (.integer(let value), .int64): Int64(exactly: value) != nil
    case (.integer, .int128): true
    default: false
    }
  }
}

extension DeleteVector {
  init(from reader: inout ByteReader, byteCount: Int) throws(StoaError) {
    let bytes = try reader.buffer(byteCount)
    do throws(StoaError) {
      self.init(try CompressedBitmap.open(bytes.bytes))
    } catch {
      throw reader.damage(error.message)
    }
  }
}
