import Vectors

extension TypeSyntax {
  /// The logical type of this name: PostgreSQL's and DuckDB's names, in any case. Lengths of text types are
  /// accepted and ignored.
  /// - Throws: `.binding` for unknown names and wrong numbers, `.unsupported` for types of later versions.
  public func resolved() throws(StoaError) -> LogicalType {
    if let type = TypeSyntax.plain[name] {
      let takesLength = type == .varchar || type == .timestamp
      guard arguments.isEmpty || (takesLength && arguments.count == 1) else {
        throw StoaError(
          .binding, "type \(name) takes no numbers in parentheses", position: position)
      }
      return type
    }
    switch name {
    case "DECIMAL", "NUMERIC", "DEC": return try decimal()
    case "FLOAT": return try float()
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
  ]

  private static let planned: Set<String> = [
    "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "UINT1", "UINT2", "UINT4", "UINT8",
    "TIME", "TIMETZ", "TIME WITH TIME ZONE", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", "UUID",
    "BLOB",
    "BYTEA", "BINARY", "VARBINARY", "ENUM", "JSON", "JSONB", "STRUCT", "MAP", "LIST", "UNION",
    "BIT",
    "BIT VARYING", "ARRAY", "SERIAL", "BIGSERIAL", "SMALLSERIAL", "GEOMETRY", "VARIANT",
    "DECFLOAT", "BIGNUM", "XML", "INET", "OID", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS",
    "MONEY", "ROW",
  ]
}
