import Stoa
import Vectors

/// The rows of the benchmark, `t(id BIGINT PRIMARY KEY, k INTEGER, v INTEGER, s VARCHAR, x DOUBLE)`: ids count up, the
/// rest is random but depends on the id alone.
struct IngestRows {
  static let createTable =
    "CREATE TABLE t (id BIGINT PRIMARY KEY, k INTEGER, v INTEGER, s VARCHAR, x DOUBLE)"

  /// The same for SQLite with its own way of saying that the key is the row's number, which spares it an index.
  static let createTableByRowNumber =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER, s VARCHAR, x DOUBLE)"

  /// SplitMix64 of the id and a field.
  @inline(__always)
  private static func random(_ id: Int, _ field: UInt64, _ limit: UInt64) -> Int {
    var z = (UInt64(id) &* 8 &+ field) &* 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return Int((z ^ (z >> 31)) % limit)
  }

  static func k(_ id: Int) -> Int { random(id, 0, 1000) }
  static func v(_ id: Int) -> Int { random(id, 1, 1_000_000) }
  static func s(_ id: Int) -> String { "customer \(random(id, 2, 200_000))" }
  /// In hundredths.
  static func x(_ id: Int) -> Int { random(id, 3, 100_000) }

  /// `INSERT INTO t VALUES …` of the rows.
  static func text(_ ids: Range<Int>) -> String {
    var text = "INSERT INTO t VALUES "
    for id in ids {
      if id > ids.lowerBound { text += ", " }
      let x = x(id)
      text +=
        "(\(id), \(k(id)), \(v(id)), '\(s(id))', \(x / 100).\(x % 100 < 10 ? "0" : "")\(x % 100))"
    }
    return text
  }

  /// The same rows, boxed.
  static func values(_ id: Int) -> [Value] {
    [
      .integer(Int128(id)), .integer(Int128(k(id))), .integer(Int128(v(id))), .string(s(id)),
      .double(Double(x(id)) / 100),
    ]
  }

  /// The same rows as columns.
  static func batch(_ ids: Range<Int>) -> Batch {
    var texts = VectorBuilder(type: .varchar, capacity: ids.count)
    for id in ids {
      var text = s(id)
      text.withUTF8 { texts.append(bytes: UnsafeRawBufferPointer($0)) }
    }
    return Batch(
      columns: [
        Vector.make(.bigint, ids.map { Int64($0) }),
        Vector.make(.integer, ids.map { Int32(k($0)) }),
        Vector.make(.integer, ids.map { Int32(v($0)) }), texts.finish(),
        Vector.make(.double, ids.map { Double(x($0)) / 100 }),
      ], rowCount: ids.count)
  }

  /// `ids` cut into commits.
  static func commits(_ ids: Range<Int>, of size: Int) -> [Range<Int>] {
    stride(from: ids.lowerBound, to: ids.upperBound, by: size).map {
      $0..<min($0 + size, ids.upperBound)
    }
  }
}
