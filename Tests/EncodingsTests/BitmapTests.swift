import Testing
import Vectors

@testable import Encodings

@Suite struct BitmapTests {
  /// Sets of each container form, and empty ones, over several row groups.
  static func sets() -> [[Int]] {
    var random = Random(seed: 5)
    return [
      [], [0], [65_535, 65_536, 200_000],
      (0..<200_000).filter { _ in random.below(2) == 0 },
      (0..<200_000).filter { _ in random.below(1000) == 0 },
      (0..<200_000).filter { $0 / 3000 % 2 == 0 }, Array(100..<140_000),
    ]
  }

  @Test("AND, OR and AND NOT are those of sets")
  func algebra() {
    for left in Self.sets() {
      for right in Self.sets() {
        let a = CompressedBitmap(rows: left)
        let b = CompressedBitmap(rows: right)
        let other = Set(right)
        let both = left.filter { other.contains($0) }
        func rows(_ bitmap: CompressedBitmap) -> [Int] {
          var list: [Int] = []
          bitmap.forEach { list.append($0) }
          return list
        }
        #expect(rows(a.intersection(b)) == both)
        #expect(a.union(b).cardinality == left.count + right.count - both.count)
        #expect(rows(a.subtracting(b)) == left.filter { !other.contains($0) })
        #expect(a.cardinality == left.count)
      }
    }
  }

  @Test("a bitmap reads back, and takes the smallest container")
  func roundTrip() throws {
    for rows in Self.sets() {
      let bitmap = CompressedBitmap(rows: rows)
      let bytes = bitmap.serialized()
      #expect(try CompressedBitmap.open(bytes.bytes) == bitmap)
      #expect(bytes.byteCount <= 8 + 4 * (8 + 8 + 8192 + 8))
      for row in rows.prefix(50) { #expect(bitmap.contains(row)) }
    }
    let range = CompressedBitmap(rows: 0..<65_536)
    #expect(range.serialized().byteCount <= 32)
  }

  @Test("a selection is refined by a container of any form")
  func refine() {
    for rows in Self.sets() {
      let container = CompressedBitmap(rows: rows)[rowGroup: 0]
      let selection = ConformanceTests.selection(Array(stride(from: 0, to: 65_536, by: 3)))
      container.refine(selection)
      #expect(selection.array == rows.filter { $0 < 65_536 && $0 % 3 == 0 })
      container.select(into: selection)
      #expect(selection.array == rows.filter { $0 < 65_536 })
    }
  }

  @Test("an index finds the rows of every code and of NULL, whatever its entries are")
  func index() throws {
    var random = Random(seed: 9)
    let groups = [65_536, 65_536, 1000].map { count in
      (0..<count).map { row in row % 11 == 0 ? nil : random.below(5) }
    }
    for entries in [nil, Vector.make(.integer, [30, 10, 50, 20, 40].map { .integer($0) })] {
      var builder = BitmapIndexBuilder()
      for group in groups {
        let codes = group.map { UInt16($0 ?? 0) }
        let rows = ValueRows(
          codes: codes, count: codes.count, codeCount: 5,
          validity: Validity.make(count: codes.count) { group[$0] != nil }, byteLimit: 1 << 20)
        builder.append(try #require(rows), numbers: [4, 3, 2, 1, 0])
      }
      let bytes = try builder.finish(codes: [4, 3, 2, 1, 0], entries: entries)
      #expect(entries != nil || bytes.byteCount <= builder.byteCount(entryCount: 5))
      let index = try BitmapIndex(bytes: bytes.bytes, owner: bytes, type: .integer)
      #expect(index.entries?.allValues == entries?.allValues)
      let bits = RowBits()
      let selection = SelectionVector()
      for (number, group) in groups.enumerated() {
        for code in 0...5 {
          let expected = group.indices.filter { group[$0] == (code == 5 ? nil : code) }
          #expect(try index.rows(code: code, rowGroup: number).rows == expected)
        }
        bits.removeAll()
        try index.insert([0, 3, 5], rowGroup: number, into: bits)
        let wanted = group.indices.filter { [0, 3, nil].contains(group[$0]) }
        bits.select(into: selection, rowCount: group.count)
        #expect(selection.array == wanted)
        #expect(bits.count == wanted.count && !bits.hasRows(from: group.count))
        bits.invert(rowCount: group.count)
        bits.select(into: selection, rowCount: group.count)
        #expect(selection.array == group.indices.filter { ![0, 3, nil].contains(group[$0]) })
      }
      #expect(try index.bitmap(code: 2).cardinality == groups.joined().filter { $0 == 2 }.count)
      guard let entries else { continue }
      func passing(_ kind: ColumnFilter.Kind) throws -> [Int] {
        try index.verdict(ColumnFilter(kind), entries: entries).passing
      }
      #expect(try passing(.range(lower: .integer(20), upper: .integer(40))) == [0, 3, 4])
      #expect(try passing(.isNull) == [5])
      #expect(try passing(.isNotNull) == [0, 1, 2, 3, 4])
      #expect(try passing(.keySet(KeySet([50, 51]))) == [2])
    }
  }

  @Test("rows by value are given up when they pass their limit of bytes")
  func limit() {
    let codes = (0..<65_536).map { UInt16($0 % 8) }
    func rows(_ limit: Int) -> ValueRows? {
      ValueRows(codes: codes, count: codes.count, codeCount: 8, validity: nil, byteLimit: limit)
    }
    #expect(rows(8 * 8192) == nil)
    #expect(rows(8 * 8192 + 200) != nil)
  }
}
