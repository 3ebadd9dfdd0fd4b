import BenchmarkSupport
import TPCHGenerator
import Testing

/// Rows of TPC-H at scale 0.01: known ones, counts, and that threads and ranges do not matter.
@Suite("TPC-H generator")
struct TPCHGeneratorTests {
  static let scale = try! TPCHScale(factor: 0.01)
  static let published = TPCHGenerator(scale: scale)
  static let duckDB = TPCHGenerator(scale: scale, pool: TextPool(.duckDB))

  static func rows(
    _ table: TPCHTable, _ range: Range<Int>, _ generator: TPCHGenerator = published
  ) -> [String] {
    let buffer = TextBuffer(capacity: 16)
    let count = generator.append(table, range, to: buffer)
    let rows = String(decoding: buffer.bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    #expect(rows.count == count)
    return rows
  }

  @Test("Rows are those of the published generator")
  func published() {
    #expect(
      Self.rows(.supplier, 0..<1) == [
        "1|Supplier#000000001| N kD4on9OM Ipw3,gf0JBoQDd7tgrzrddZ|17|27-918-335-1736|5755.94"
          + "|each slyly above the careful"
      ])
    #expect(
      Self.rows(.region, 0..<1) == [
        "0|AFRICA|lar deposits. blithely final packages cajole. regular waters are final requests. "
          + "regular accounts are according to "
      ])
    #expect(
      Self.rows(.lineitem, 0..<1).first
        == "1|1552|93|1|17.00|24710.35|0.04|0.02|N|O|1996-03-13|1996-02-12|1996-03-22"
        + "|DELIVER IN PERSON|TRUCK|egular courts above the")
  }

  @Test("Rows of the other variant differ in comments and addresses only")
  func variants() {
    let row = Self.rows(.supplier, 0..<1, Self.duckDB)[0]
    #expect(
      row == "1|Supplier#000000001|sdrGnXCDRcfriBvY0KL,ipCanOTyK t NN1|17|27-918-335-1736|5755.94"
        + "| instructions. slyly unusual")
    let lines = Self.rows(.lineitem, 0..<100)
    let others = Self.rows(.lineitem, 0..<100, Self.duckDB)
    #expect(lines != others)
    func withoutComment(_ row: String) -> Substring { row[..<row.lastIndex(of: "|")!] }
    #expect(lines.map(withoutComment) == others.map(withoutComment))
  }

  @Test("Tables have the specification's row counts")
  func counts() throws {
    let counts: [TPCHTable: Int] = [
      .region: 5, .nation: 25, .supplier: 100, .customer: 1500, .part: 2000, .partsupp: 8000,
      .orders: 15_000, .lineitem: 60_175,
    ]
    for table in TPCHTable.allCases {
      let rows = Self.rows(table, 0..<Self.scale.unitCount(table))
      #expect(rows.count == counts[table], "\(table)")
    }
    let one = try TPCHScale(factor: 1)
    #expect(one.unitCount(.orders) == 1_500_000 && one.supplierCount == 10_000)
    #expect(throws: BenchmarkError.self) { try TPCHScale(factor: 0.001) }
  }

  @Test("Any range of units gives the rows it gives within the whole")
  func ranges() {
    for table in TPCHTable.allCases {
      let count = Self.scale.unitCount(table)
      let whole = Self.rows(table, 0..<count)
      let cut = count * 2 / 3
      #expect(
        Self.rows(table, 0..<cut) + Self.rows(table, cut..<count) == whole, "\(table)")
    }
  }

  @Test("Q11's threshold falls with the scale factor")
  func fraction() {
    let tenth = TPCHQueries.all(scale: 0.1)[10].sql
    #expect(tenth.contains("* 0.0010000000 "))
    #expect(TPCHQueries.all(scale: 1).count == 22)
    #expect(TPCHQueries.all(scale: 10)[10].sql.contains("* 0.0000100000 "))
  }
}
