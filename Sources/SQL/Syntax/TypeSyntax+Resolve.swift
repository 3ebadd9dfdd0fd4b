import Vectors

extension TypeSyntax {
  /// The logical type of this name: PostgreSQL's and DuckDB's names, in any case. Lengths of text types are
  /// accepted and ignored.
  /// - Throws: `.binding` for unknown names and wrong numbers, `.unsupported` for types of later versions.
  public func resolved() throws(StoaError) -> LogicalType {
    if let type = TypeSyntax.plain[name] {
      let takesLength =
        type == .varchar || type == .timestamp || type == .time || type == .blob
        || type == .timestampTZ
      guard arguments.isEmpty || (takesLength && arguments.count == 1) else {
        throw StoaError(
          .binding, "type \(name) takes no numbers in parentheses", position: position)
      }
      return type
    }
    switch name {
    case "DECIMAL", "NUMERIC", "DEC": return try decimal()
    case "FLOAT": return try float()
    case "ENUM": return .enumeration(try EnumType.checked(labels, at: position))
    default: break
    }
    if TypeSyntax.planned.contains(name) {
      throw StoaError(.unsupported, "type \(name) is not supported yet", position: position)
    }
    let known = Array(TypeSyntax.plain.keys) + ["DECIMAL", "NUMERIC", "FLOAT"]
    throw StoaError(
      .binding, "there is no type \(name)",
      hint: closestSpelling(to: name, among: known).map { "Did you mean \($0)?" },
      position: position)
  }

  /// Whether `name` (upper case) is a type of this or a later version, so that `name '…'` is a typed literal.
  static func isKnown(_ name: String) -> Bool {
    plain[name] != nil || planned.contains(name) || name == "DECIMAL" || name == "NUMERIC"
      || name == "FLOAT"
  }

  /// DECIMAL alone is DECIMAL(18,3), as in DuckDB.
  private func decimal() throws(StoaError) -> LogicalType {
    let precision = arguments.first ?? 18
    let scale = arguments.count > 1 ? arguments[1] : arguments.isEmpty ? 3 : 0
    guard arguments.count <= 2, (1...38).contains(precision), scale <= precision else {
      throw StoaError(
        .binding, "DECIMAL needs a precision from 1 to 38 and a scale from 0 to the precision",
        position: position)
    }
    return .decimal(precision: UInt8(precision), scale: UInt8(scale))
  }

  /// As in PostgreSQL: FLOAT is DOUBLE, and FLOAT(n) is REAL below 25 bits.
  private func float() throws(StoaError) -> LogicalType {
    guard let bits = arguments.first else { return .double }
    guard arguments.count == 1, (1...53).contains(bits) else {
      throw StoaError(.binding, "FLOAT takes 1 to 53 bits", position: position)
    }
    return bits < 25 ? .real : .double
  }

  private static let plain: [String: LogicalType] = [
    "BOOLEAN": .boolean, "BOOL": .boolean, "LOGICAL": .boolean,
    "TINYINT": .tinyint, "INT1": .tinyint,
    "SMALLINT": .smallint, "INT2": .smallint, "SHORT": .smallint,
    "INTEGER": .integer, "INT": .integer, "INT4": .integer, "SIGNED": .integer,
    "INTEGRAL": .integer,
    "BIGINT": .bigint, "INT8": .bigint, "LONG": .bigint,
    "HUGEINT": .hugeint, "INT128": .hugeint,
    "REAL": .real, "FLOAT4": .real,
    "DOUBLE": .double, "DOUBLE PRECISION": .double, "FLOAT8": .double,
    "VARCHAR": .varchar, "TEXT": .varchar, "STRING": .varchar, "CHAR": .varchar,
    "CHARACTER": .varchar, "CHARACTER VARYING": .varchar, "CHAR VARYING": .varchar,
    "NATIONAL CHARACTER": .varchar, "NATIONAL CHARACTER VARYING": .varchar, "NCHAR": .varchar,
    "NVARCHAR": .varchar, "BPCHAR": .varchar, "NAME": .varchar, "CLOB": .varchar,
    "DATE": .date,
    "TIMESTAMP": .timestamp, "DATETIME": .timestamp,
    "INTERVAL": .interval,
    "UTINYINT": .utinyint, "UINT1": .utinyint,
    "USMALLINT": .usmallint, "UINT2": .usmallint,
    "UINTEGER": .uinteger, "UINT4": .uinteger, "UINT": .uinteger,
    "UBIGINT": .ubigint, "UINT8": .ubigint,
    "TIME": .time, "TIME WITHOUT TIME ZONE": .time,
    "TIMESTAMP WITHOUT TIME ZONE": .timestamp,
    "TIMESTAMPTZ": .timestampTZ, "TIMESTAMP WITH TIME ZONE": .timestampTZ,
    "UUID": .uuid, "GUID": .uuid,
    "BLOB": .blob, "BYTEA": .blob, "BINARY": .blob, "VARBINARY": .blob,
    "INT16": .smallint, "INT32": .integer, "INT64": .bigint,
    "UINT16": .usmallint, "UINT32": .uinteger, "UINT64": .ubigint,
  ]

  private static let planned: Set<String> = [
    "UHUGEINT", "TIMETZ", "TIME WITH TIME ZONE",
    "JSON", "JSONB", "STRUCT", "MAP", "LIST", "UNION",
    "BIT",
    "BIT VARYING", "ARRAY", "SERIAL", "BIGSERIAL", "SMALLSERIAL", "GEOMETRY", "VARIANT",
    "DECFLOAT", "BIGNUM", "XML", "INET", "OID", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS",
    "MONEY", "ROW",
  ]
}

extension EnumType {
  /// The type with these labels, if they can be labels.
  static func checked(
    _ labels: [String], name: String? = nil, at position: Range<Int>
  ) throws(StoaError) -> EnumType {
    guard !labels.isEmpty else {
      throw StoaError(.binding, "an ENUM needs labels", position: position)
    }
    guard labels.count <= EnumType.maximumCount else {
      throw StoaError(
        .binding, "an ENUM has at most \(EnumType.maximumCount) labels", position: position)
    }
    var seen: Set<[UInt8]> = []
    for label in labels where !seen.insert(Array(label.utf8)).inserted {
      throw StoaError(.binding, "the label '\(label)' stands twice in an ENUM", position: position)
    }
    return EnumType(name: name, labels: labels)
  }
}
