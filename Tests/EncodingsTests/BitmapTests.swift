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

  @Test("an index finds the rows of every code and of NULL")
  func index() throws {
    var random = Random(seed: 9)
    let groups = [65_536, 65_536, 1000].map { count in
      (0..<count).map { row in row % 11 == 0 ? nil : UInt32(random.below(5)) }
    }
    var builder = BitmapIndexBuilder(entryCount: 5)
    for group in groups {
      let codes = group.map { $0 ?? 0 }
      builder.append(
        codes: codes, count: codes.count,
        validity: Validity.make(count: codes.count) { group[$0] != nil })
    }
    let bytes = builder.finish()
    #expect(bytes.byteCount <= builder.byteCount)
    let index = try BitmapIndex(bytes: bytes.bytes, owner: bytes)
    for (number, group) in groups.enumerated() {
      for code in 0...5 {
        let expected = group.indices.filter { group[$0] == (code == 5 ? nil : UInt32(code)) }
        #expect(try index.rows(code: code, rowGroup: number).rows == expected)
      }
      let some = try index.rows(passing: [true, false, false, true, false], rowGroup: number)
      #expect(some.rows == group.indices.filter { group[$0] == 0 || group[$0] == 3 })
    }
    #expect(try index.bitmap(code: 2).cardinality == groups.joined().filter { $0 == 2 }.count)
  }
}
