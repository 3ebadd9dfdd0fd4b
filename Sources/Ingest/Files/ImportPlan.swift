import Catalog
import Formats
import Storage
import Vectors

/// How files will be read into a table: the dialect, the table (there already or to be made) and which field goes
/// into which column. Print `description` before loading.
public struct ImportPlan {
  /// The files, in order.
  public let inputs: [TextInput]
  /// Dialect and fields of the files. For an existing table the types are those of its columns.
  public internal(set) var detected: DetectedCSV
  /// The table; with id 0 while it does not exist.
  public internal(set) var table: TableDefinition
  /// Whether loading makes the table.
  public let createsTable: Bool
  /// Per field of the files: position of its column in the table; `nil` skips the field.
  public internal(set) var targets: [Int?]

  /// Looks at the files and at the table, if there is one.
  /// - Parameters:
  ///   - patterns: paths, globs, or `-` for standard input.
  ///   - tableName: the table to load into or to make.
  ///   - columns: names of the table's columns for the fields, in order; `nil` for all, or those of the header.
  /// - Throws: `.io`, `.input` about the files; `.binding` when fields and columns do not fit.
  public init(
    files patterns: [String], table tableName: String, columns: [String]? = nil,
    catalog: CatalogState, schema: SchemaID = CatalogState.mainSchema,
    options: CSVOptions = CSVOptions()
  ) throws(StoaError) {
    var inputs: [TextInput] = []
    for pattern in patterns { inputs += try TextInput.resolve(pattern) }
    try self.init(
      inputs, table: tableName, columns: columns, catalog: catalog, schema: schema, options: options
    )
  }

  /// The same for inputs at hand.
  public init(
    _ inputs: [TextInput], table tableName: String, columns: [String]? = nil,
    catalog: CatalogState, schema: SchemaID = CatalogState.mainSchema,
    options: CSVOptions = CSVOptions()
  ) throws(StoaError) {
    guard !inputs.isEmpty else { throw StoaError(.usage, "there is no file to load") }
    self.inputs = inputs
    if let existing = catalog.table(named: tableName, in: schema) {
      createsTable = false
      table = existing
      let positions = try ImportPlan.positions(columns, in: existing)
      if ImportPlan.isJSONLines(inputs, options) {
        (detected, targets) = try ImportPlan.objects(
          positions, of: existing, isGiven: columns != nil, options)
        try requireValues()
        return
      }
      detected = try ImportPlan.detect(inputs, options, for: existing, positions)
      targets = []
      try mapFields(positions, isGiven: columns != nil, options)
    } else {
      createsTable = true
      guard !ImportPlan.isJSONLines(inputs, options) else {
        throw StoaError(
          .unsupported, "there is no table \"\(tableName)\", and none is made from JSON objects",
          hint: "CREATE TABLE it first")
      }
      guard columns == nil else {
        throw StoaError(
          .binding, "there is no table \"\(tableName)\" whose columns could be chosen",
          hint: "NAMES (--names) names the columns of a new table")
      }
      detected = try CSVDialectDetector.detect(inputs, options: options)
      targets = detected.columns.indices.map { $0 }
      table = TableDefinition(
        id: 0, name: tableName,
        columns: detected.columns.enumerated().map {
          ColumnDefinition(
            id: ColumnID($0.offset + 1), name: $0.element.name, type: $0.element.type)
        })
      table.schema = schema
    }
  }

  private static func positions(
    _ names: [String]?, in table: TableDefinition
  ) throws(StoaError) -> [Int] {
    guard let names else {
      return table.columns.indices.filter { table.columns[$0].generatedText == nil }
    }
    var positions: [Int] = []
    for name in names {
      guard let position = table.index(ofColumnNamed: name) else {
        throw StoaError(
          .binding, "table \"\(table.name)\" has no column \"\(name)\"", table: table.name)
      }
      guard table.columns[position].generatedText == nil else {
        throw StoaError(
          .binding, "column \"\(name)\" is generated and cannot be written", table: table.name)
      }
      guard !positions.contains(position) else {
        throw StoaError(.binding, "column \"\(name)\" is named twice", table: table.name)
      }
      positions.append(position)
    }
    return positions
  }

  /// Files without rows are no error when the table says what would be in them.
  private static func detect(
    _ inputs: [TextInput], _ options: CSVOptions, for table: TableDefinition, _ positions: [Int]
  ) throws(StoaError) -> DetectedCSV {
    if inputs.allSatisfy({ $0.byteCount == 0 }) {
      var dialect = options.dialect
      dialect.hasHeader = options.hasHeader ?? false
      return DetectedCSV(
        dialect: dialect,
        columns: positions.map {
          CSVColumn(name: table.columns[$0].name, type: table.columns[$0].type)
        },
        sampledRowCount: 0, isWholeInput: true, oddRowCount: 0, hasCarriageReturns: false)
    }
    return try CSVDialectDetector.detect(inputs, options: options)
  }

  /// By the names of the header when they all are columns of the table, else by order.
  private mutating func mapFields(
    _ positions: [Int], isGiven: Bool, _ options: CSVOptions
  ) throws(StoaError) {
    let named = detected.columns.map { table.index(ofColumnNamed: $0.name) }
    let distinct = Set(named.compactMap { $0 })
    if options.hasHeader == nil && detected.dialect.hasHeader { try judgeHeader(named, positions) }
    if options.columnNames != nil { try requireNames(named, isGiven: isGiven) }
    let isByName =
      !isGiven && (detected.dialect.hasHeader || options.columnNames != nil)
      && distinct.count == detected.columns.count
    if options.headerMustMatch { try requireMatch(named, positions) }
    if isByName {
      // What a file has for generated columns is left out.
      targets = named.map { target in
        target.flatMap { table.columns[$0].generatedText == nil ? $0 : nil }
      }
    } else {
      if !isGiven && detected.dialect.hasHeader { try refuseShuffled(named, positions) }
      // A delimiter at the end of each line looks like one more field, which has no name.
      let hasNames = detected.headerNames != nil
      guard
        positions.count == detected.columns.count
          || (positions.count + 1 == detected.columns.count && !hasNames)
      else {
        throw StoaError(
          .binding,
          "the file has \(detected.columns.count) field\(detected.columns.count == 1 ? "" : "s"), \"\(table.name)\" has \(positions.count) column\(positions.count == 1 ? "" : "s") to load",
          hint:
            "The delimiter is taken to be '\(detected.dialect.delimiterText)'; set it with DELIMITER, or name the columns",
          path: inputs.first?.name, table: table.name)
      }
      detected.columns.removeLast(detected.columns.count - positions.count)
      // Without the table's names there is nothing to match the headers of several files by.
      detected.headerNames = nil
      targets = positions
    }
    try requireTypes(options)
    for (index, target) in targets.enumerated() {
      if let target {
        detected.columns[index].type = table.columns[target].type
        detected.columns[index].name = table.columns[target].name
      }
    }
    try requireValues()
  }

  /// HEADER MATCH: the names of the table in its order, and nothing else.
  private func requireMatch(_ named: [Int?], _ positions: [Int]) throws(StoaError) {
    for (index, position) in positions.enumerated()
    where index >= named.count || named[index] != position {
      let found = index < detected.columns.count ? "\"\(detected.columns[index].name)\"" : "nothing"
      throw StoaError(
        .binding,
        "field \(index + 1) of the header is \(found), not \"\(table.columns[position].name)\"",
        path: inputs.first?.name, table: table.name)
    }
  }

  /// NAMES of fields that go into a table are names of its columns; beside a list of columns there would be two.
  private func requireNames(_ named: [Int?], isGiven: Bool) throws(StoaError) {
    guard !isGiven else {
      throw StoaError(
        .usage, "NAMES and a list of columns both say where the fields go",
        hint: "Leave out NAMES", path: inputs.first?.name, table: table.name)
    }
    for (index, position) in named.enumerated() {
      let name = detected.columns[index].name
      guard let position else {
        throw StoaError(
          .binding, "NAMES has \"\(name)\", and table \"\(table.name)\" has no such column",
          path: inputs.first?.name, table: table.name)
      }
      guard named.firstIndex(of: position) == index else {
        throw StoaError(.binding, "NAMES has column \"\(name)\" twice", table: table.name)
      }
    }
  }

  /// TYPES of fields that go into a table are those of its columns: values are never converted twice.
  private func requireTypes(_ options: CSVOptions) throws(StoaError) {
    for (key, type) in options.types.sorted(by: { $0.key < $1.key }) {
      let index =
        detected.columns.firstIndex { $0.name.lowercased() == key } ?? Int(key).map { $0 - 1 }
      guard let index, targets.indices.contains(index), let target = targets[index] else {
        throw StoaError(
          .usage, "there is no column '\(key)' to give a type", path: inputs.first?.name,
          table: table.name)
      }
      let column = table.columns[target]
      guard column.type == type else {
        throw StoaError(
          .binding, "TYPES says \(type), but the column is \(column.type)",
          hint: "Fields are read as what the column is; leave out TYPES",
          path: inputs.first?.name, column: column.name, table: table.name)
      }
    }
  }

  /// Going by order is wrong where the header says that a field belongs to another column.
  private func refuseShuffled(_ named: [Int?], _ positions: [Int]) throws(StoaError) {
    guard named.count == positions.count else { return }
    for (index, position) in positions.enumerated() {
      guard let other = named[index], other != position else { continue }
      let unknown = named.indices.filter { named[$0] == nil }.map {
        "\"\(detected.columns[$0].name)\""
      }
      throw StoaError(
        .binding,
        "the header has other columns than \"\(table.name)\", in another order: \(unknown.joined(separator: ", "))",
        hint: "Name the columns in the order of the file: COPY t (a, b, …) or --columns a,b,…",
        path: inputs.first?.name, column: table.columns[other].name, table: table.name)
    }
  }

  /// A first row of nothing but text may be a header or not; the table's names tell.
  private mutating func judgeHeader(_ named: [Int?], _ positions: [Int]) throws(StoaError) {
    let isText = positions.allSatisfy { table.columns[$0].type == .varchar }
    guard isText, detected.columns.allSatisfy({ $0.type == .varchar }) else { return }
    let matches = named.count { $0 != nil }
    if matches * 2 < named.count { detected.dialect.hasHeader = false }
  }

  /// Columns that get no field must be able to do without.
  private func requireValues() throws(StoaError) {
    let filled = Set(targets.compactMap { $0 })
    for (position, column) in table.columns.enumerated()
    where !filled.contains(position) && !column.isNullable && !column.hasDefault {
      throw StoaError(
        .constraint, "no field of the file goes into a NOT NULL column", path: inputs.first?.name,
        column: column.name, table: table.name)
    }
  }

  /// Makes the table if it is absent, reads the files and writes their rows. The caller commits.
  /// - Throws: the first row that does not fit, duplicates, orphans; the caller then rolls back.
  public func load(
    in transaction: WriteTransaction, options: LoadOptions = LoadOptions()
  ) throws(StoaError) -> LoadSummary {
    var id = table.id
    if createsTable {
      id = transaction.catalog.nextTableID
      var definition = table
      definition.id = id
      try transaction.apply(.createTable(definition))
    }
    return try FileLoader(self, into: id, transaction: transaction, options: options).run()
  }
}

extension ImportPlan: CustomStringConvertible {
  /// What was detected, in lines.
  public var description: String { detected.description }
}
