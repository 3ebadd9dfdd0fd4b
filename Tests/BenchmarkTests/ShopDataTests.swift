import ShopData
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The bundled shop: committed files equal generated ones, references hold, NULLs and skew are there.
@Suite("Shop data set")
struct ShopDataTests {
  static let generator = ShopGenerator()
  static let sales: [[Substring]] = {
    var text = ""
    generator.sales { text += $0 }
    return text.split(separator: "\n").dropFirst().map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
  }()

  @Test(
    "Committed dimension files are what the generator makes", arguments: ShopGenerator.dimensions)
  func committed(name: String) throws {
    let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
    let file = try #require(fopen("\(root)/datasets/shop/\(name).csv", "r"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    let text = try #require(Self.generator.dimension(name))
    #expect(String(decoding: bytes[..<count], as: UTF8.self) == text)
  }

  private func keys(_ name: String) throws -> Set<Substring> {
    let text = try #require(Self.generator.dimension(name))
    return Set(text.split(separator: "\n").dropFirst().map { $0.prefix { $0 != "," } })
  }

  @Test("200,000 sales in date order whose references exist")
  func references() throws {
    #expect(Self.sales.count == ShopGenerator.saleCount)
    #expect(Self.sales.allSatisfy { $0.count == 10 })
    for (field, table) in [(1, "calendar"), (2, "store"), (3, "product")] {
      #expect(Set(Self.sales.map { $0[field] }).isSubset(of: try keys(table)))
    }
    #expect(Set(Self.sales.map { $0[4] }.filter { !$0.isEmpty }) == (try keys("promotion")))
    #expect(zip(Self.sales, Self.sales.dropFirst()).allSatisfy { $0[1] <= $1[1] })
  }

  @Test("NULLs, returns and skew")
  func shape() {
    func share(_ condition: ([Substring]) -> Bool) -> Int {
      Self.sales.filter(condition).count * 1000 / Self.sales.count
    }
    #expect((800...950).contains(share { $0[4].isEmpty }))
    #expect((680...760).contains(share { $0[9].isEmpty }))
    #expect((5...15).contains(share { $0[5].hasPrefix("-") }))
    var byProduct: [Substring: Int] = [:]
    for sale in Self.sales { byProduct[sale[3], default: 0] += 1 }
    let counts = byProduct.values.sorted(by: >)
    #expect(counts.prefix(60).reduce(0, +) * 2 > Self.sales.count)
    #expect(counts.count > 500)
    let december = share { $0[1].dropFirst(5).hasPrefix("12") }
    let february = share { $0[1].dropFirst(5).hasPrefix("02") }
    #expect(december > 2 * february)
  }
}
