import BenchmarkSupport
import SSBGenerator
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Counts, domains, distributions and relations of the Star Schema Benchmark at scale 0.01.
@Suite("SSB generator")
struct SSBGeneratorTests {
  static let scale = try! SSBScale(factor: 0.01)
  static let tables: [SSBTable: [[String]]] = {
    let generator = SSBGenerator(scale: scale)
    var tables: [SSBTable: [[String]]] = [:]
    for table in SSBTable.allCases {
      let buffer = TextBuffer()
      generator.append(table, 0..<scale.unitCount(table), to: buffer)
      tables[table] = parse(buffer)
    }
    return tables
  }()

  static func parse(_ buffer: TextBuffer) -> [[String]] {
    String(decoding: buffer.bytes, as: UTF8.self).split(separator: "\n").map { line in
      line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
    }
  }

  func rows(_ table: SSBTable) throws -> [[String]] { try #require(Self.tables[table]) }

  func numbers(_ table: SSBTable, _ field: Int) throws -> [Int] {
    try rows(table).map { try #require(Int($0[field])) }
  }

  func histogram(_ table: SSBTable, _ field: Int) throws -> [String: Int] {
    try rows(table).reduce(into: [:]) { $0[$1[field], default: 0] += 1 }
  }

  @Test("Tables have the paper's row counts at every scale")
  func counts() throws {
    let one = try SSBScale(factor: 1)
    #expect([one.customerCount, one.supplierCount, one.partCount] == [30_000, 2_000, 200_000])
    #expect(one.orderCount == 1_500_000)
    #expect(try SSBScale(factor: 10).partCount == 800_000)
    #expect(try SSBScale(factor: 2).partCount == 400_000)
    #expect(try SSBScale(factor: 0.05).partCount == 10_000)
    #expect(throws: BenchmarkError.self) { try SSBScale(factor: 0.001) }
    #expect(try rows(.customer).count == 300)
    #expect(try rows(.supplier).count == 20)
    #expect(try rows(.part).count == 2_000)
    #expect(try rows(.date).count == 2_556)
    // 15,000 orders of 1…7 lines, 4 on average.
    #expect((59_000...61_000).contains(try rows(.lineorder).count))
    let widths: [SSBTable: Int] = [
      .customer: 8, .supplier: 7, .part: 9, .date: 17, .lineorder: 17,
    ]
    for table in SSBTable.allCases {
      #expect(try rows(table).allSatisfy { $0.count == widths[table] })
    }
  }

  @Test("Keys: dense dimensions, sparse orders, references that exist")
  func keys() throws {
    #expect(try numbers(.customer, 0) == Array(1...300))
    #expect(try numbers(.supplier, 0) == Array(1...20))
    #expect(try numbers(.part, 0) == Array(1...2000))
    let dates = Set(try numbers(.date, 0))
    #expect(dates.count == 2556 && dates.min() == 19_920_101 && dates.max() == 19_981_230)
    #expect(Set(try numbers(.lineorder, 5)).isSubset(of: dates))
    #expect(try numbers(.lineorder, 5).allSatisfy { $0 <= 19_980_802 })
    #expect(Set(try numbers(.lineorder, 15)).isSubset(of: dates))
    #expect(try numbers(.lineorder, 2).allSatisfy { (1...300).contains($0) && $0 % 3 != 0 })
    #expect(Set(try numbers(.lineorder, 2)).count == 200)
    #expect(try numbers(.lineorder, 3).allSatisfy { (1...2000).contains($0) })
    #expect(try numbers(.lineorder, 4).allSatisfy { (1...20).contains($0) })
    let orders = Set(try numbers(.lineorder, 0))
    #expect(orders.count == 15_000)
    #expect(orders.allSatisfy { $0 & 31 < 8 })
    #expect(orders.min() == 1 && orders.max() == (15_000 >> 3) << 5)
  }

  @Test("Columns of a line order compute from each other")
  func relations() throws {
    var totals: [String: Int] = [:]
    var expected: [String: Int] = [:]
    var lines: [String: Int] = [:]
    for row in try rows(.lineorder) {
      let field = try row.map { text in text.contains { !$0.isNumber } ? 0 : try #require(Int(text))
      }
      let price = 90_000 + (field[3] / 10) % 20_001 + (field[3] % 1000) * 100
      #expect(field[9] == field[8] * price)
      #expect(field[12] == field[9] * (100 - field[11]) / 100)
      #expect(field[13] == 6 * price / 10)
      totals[row[0], default: 0] += field[12] * (100 + field[14]) / 100
      expected[row[0]] = field[10]
      lines[row[0], default: 0] += 1
      #expect(field[1] == lines[row[0]])
    }
    #expect(totals == expected)
    #expect(Set(lines.values) == Set(1...7))
  }

  @Test("Small domains are uniform, and every value occurs")
  func distributions() throws {
    for (field, domain) in [(6, 5), (8, 50), (11, 11), (14, 9), (16, 7)] {
      let counts = try histogram(.lineorder, field)
      let mean = try rows(.lineorder).count / domain
      #expect(counts.count == domain)
      #expect(counts.values.allSatisfy { abs($0 - mean) < mean / 5 + 20 })
    }
    #expect(try histogram(.lineorder, 7) == ["0": rows(.lineorder).count])
    #expect(Set(try numbers(.lineorder, 5)).count > 2380)
    for (field, domain) in [(2, 5), (3, 25), (6, 150), (7, 50), (8, 40)] {
      #expect(try histogram(.part, field).count == domain)
    }
    #expect(try histogram(.part, 4).count > 800)
    #expect(try histogram(.part, 5).count == 92)
    #expect(try histogram(.customer, 5).count == 5)
    #expect(try histogram(.customer, 7).count == 5)
    let expected = try histogram(.lineorder, 6)["4-NOT SPECI"]
    #expect(expected != nil)
  }

  @Test("Hierarchies hold: city in nation in region, brand in category in maker")
  func hierarchies() throws {
    for row in try rows(.customer) {
      #expect(row[3].count == 10)
      let padded = (row[4] + "         ").prefix(9)
      #expect(row[3].hasPrefix(padded) && row[3].last?.isNumber == true)
      #expect((6...24).contains(row[2].count))
      #expect(row[6].split(separator: "-").map(\.count) == [2, 3, 3, 4])
    }
    var regions: [String: Set<String>] = [:]
    for row in try rows(.customer) { regions[row[4], default: []].insert(row[5]) }
    #expect(regions.values.allSatisfy { $0.count == 1 })
    for row in try rows(.part) {
      #expect(row[3].dropLast() == row[2])
      let number = try #require(Int(row[4].dropFirst(row[3].count)))
      #expect(row[4].hasPrefix(row[3]) && (1...40).contains(number))
      let words = row[1].split(separator: " ")
      #expect(words.count == 2 && words[0] != words[1] && !words.contains { $0 == row[5] })
    }
  }

  @Test("The calendar is right")
  func calendar() throws {
    let rows = try rows(.date)
    #expect(
      rows[0].joined(separator: "|")
        == "19920101|January 1, 1992|Wednesday|January|1992|199201|Jan1992|4|1|1|1|1|Winter|0|0|1|1"
    )
    let leap = try #require(rows.first { $0[0] == "19960229" })
    #expect(leap[2] == "Thursday" && leap[9] == "60" && leap[14] == "1" && leap[11] == "9")
    let week6 = rows.filter { $0[4] == "1994" && $0[11] == "6" }
    #expect(week6.count == 7)
    #expect(Set(rows.map { $0[12] }).count == 5)
    let months = Set(rows.map { $0[6] })
    #expect(months.count == 84)
  }

  @Test("Any range is generated alike, alone or with others, by any number of threads")
  func determinism() throws {
    let generator = SSBGenerator(scale: Self.scale)
    let whole = TextBuffer()
    generator.append(.lineorder, 0..<15_000, to: whole)
    let parts = TextBuffer(capacity: 100)
    for range in [0..<1, 1..<4000, 4000..<15_000] { generator.append(.lineorder, range, to: parts) }
    #expect(whole.bytes.elementsEqual(parts.bytes))
    let other = TextBuffer()
    SSBGenerator(scale: Self.scale, seed: 5).append(.lineorder, 0..<10, to: other)
    #expect(!whole.bytes.starts(with: other.bytes))

    var template = Array("/tmp/stoa-ssb-XXXXXX".utf8CString)
    let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer {
      for table in SSBTable.allCases { unlink(directory + "/" + table.fileName) }
      rmdir(directory)
    }
    let files = try generator.write(to: directory, threadCount: 3)
    let lineorder = try #require(files.last)
    #expect(lineorder.rowCount == Self.tables[.lineorder]?.count)
    #expect(lineorder.byteCount == whole.bytes.count)
    let descriptor = open(lineorder.path, O_RDONLY)
    defer { close(descriptor) }
    var content = [UInt8](repeating: 0, count: lineorder.byteCount + 1)
    #expect(read(descriptor, &content, content.count) == lineorder.byteCount)
    #expect(whole.bytes.elementsEqual(content.dropLast()))
    #expect(throws: BenchmarkError.self) {
      try generator.write(to: "/nonexistent", threadCount: 1)
    }
  }
}
