import Formats
import Testing
import Vectors

/// Parses `text` and returns all rows as boxed values, and the rejects.
func readAll(
  _ text: [UInt8], _ types: [LogicalType], blockByteCount: Int = CSVReader.defaultBlockByteCount,
  _ adjust: (inout CSVDialect) -> Void = { _ in }
) throws -> (rows: [[Value]], lines: [UInt64], rejects: [RejectedRow]) {
  var dialect = CSVDialect()
  dialect.hasHeader = false
  adjust(&dialect)
  let columns = types.enumerated().map { CSVColumn(name: "c\($0.offset)", type: $0.element) }
  let reader = try CSVReader(
    [.memory(text, name: "test.csv")], dialect: dialect, columns: columns,
    blockByteCount: blockByteCount)
  var rows: [[Value]] = []
  var lines: [UInt64] = []
  var rejects: [RejectedRow] = []
  while let block = try reader.nextBlock() {
    let parsed = try reader.parse(block)
    for row in 0..<parsed.batch.rowCount {
      rows.append(parsed.batch.columns.map { $0.value(at: row) })
      lines.append(parsed.line(ofRow: row))
    }
    rejects += parsed.rejects
  }
  return (rows, lines, rejects)
}

@Suite struct CSVReaderTests {
  @Test("plain rows become typed values")
  func plainRows() throws {
    let text = "1,abc,2.50,2024-02-29\n-7,a longer string than twelve,0.25,1969-12-31\n"
    let got = try readAll(
      Array(text.utf8), [.integer, .varchar, .decimal(precision: 9, scale: 2), .date])
    #expect(
      got.rows == [
        [.integer(1), .string("abc"), .integer(250), .integer(19782)],
        [.integer(-7), .string("a longer string than twelve"), .integer(25), .integer(-1)],
      ])
    #expect(got.rejects.isEmpty)
  }
}
