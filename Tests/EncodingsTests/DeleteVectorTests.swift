import Testing
import Vectors

@testable import Encodings

/// `CompressedBitmap` as sets of deleted rows, at random, against `Set`.
@Suite struct DeleteVectorTests {
  static let rowCounts = [65_536, 40_000, 65_536, 17]

  /// Positions in one of the shapes that deletes have: single rows, stretches, most of a row group, all of it.
  static func positions(_ random: inout Random) -> [UInt32] {
    var rows: [UInt32] = []
    for (group, count) in rowCounts.enumerated() {
      let base = UInt32(group) << 16
      switch random.below(6) {
      case 0: break
      case 1: for _ in 0..<20 { rows.append(base + UInt32(random.below(count))) }
      case 2:
        let first = random.below(count)
        for row in first..<min(count, first + 9000) { rows.append(base + UInt32(row)) }
      case 3: for row in 0..<count where random.below(3) > 0 { rows.append(base + UInt32(row)) }
      case 4: for row in 0..<count where random.below(40) == 0 { rows.append(base + UInt32(row)) }
      default: for row in 0..<count { rows.append(base + UInt32(row)) }
      }
    }
    return rows
  }

  static func array(_ bitmap: CompressedBitmap) -> [UInt32] {
    var list: [UInt32] = []
    bitmap.forEach { list.append(UInt32($0)) }
    return list
  }

  @Test("positions in any order become the set of them; union, rank and bytes agree with Set")
  func sets() throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    print("delete vectors seed \(seed)")
    var random = Random(seed: seed)
    for _ in 0..<12 {
      let left = Self.positions(&random)
      let right = Self.positions(&random)
      let a = CompressedBitmap(positions: left.shuffled(using: &random) + left.prefix(5))
      let sorted = Set(left).sorted()
      #expect(Self.array(a) == sorted)
      #expect(a == CompressedBitmap(positions: sorted))
      var both = a
      both.formUnion(CompressedBitmap(positions: right))
      let union = Set(left).union(right)
      #expect(Self.array(both) == union.sorted())
      var byGroup = CompressedBitmap()
      for group in both.rowGroups.shuffled(using: &random) {
        byGroup.formUnion(both[rowGroup: group], rowGroup: group)
      }
      #expect(byGroup == both)
      for _ in 0..<50 {
        let row = random.below(4 << 16)
        #expect(both.contains(row) == union.contains(UInt32(row)))
        #expect(a.rank(row) == sorted.prefix { $0 < row }.count)
      }
      let bytes = both.serialized()
      #expect(bytes.byteCount == both.serializedByteCount)
      #expect(try CompressedBitmap.open(bytes.bytes, rowCounts: Self.rowCounts) == both)
    }
  }

  @Test("the rows that a delete vector leaves are selected, and the others taken off a selection")
  func selections() {
    let seed = UInt64.random(in: 0..<1 << 32)
    print("delete vectors seed \(seed)")
    var random = Random(seed: seed)
    let selection = SelectionVector()
    for _ in 0..<8 {
      let deleted = Self.positions(&random)
      let bitmap = CompressedBitmap(positions: deleted)
      let set = Set(deleted)
      var seen: [Int] = []
      bitmap.forEachRowGroup { group, rows in
        seen.append(group)
        rows.select(into: selection)
        #expect(selection.array == (0..<65_536).filter { set.contains(UInt32(group << 16 | $0)) })
      }
      #expect(seen == bitmap.rowGroups)
      for (group, count) in Self.rowCounts.enumerated() {
        let container = bitmap[rowGroup: group]
        let left = (0..<count).filter { !set.contains(UInt32(group << 16 | $0)) }
        container.selectOthers(rowCount: count, into: selection)
        #expect(selection.array == left)
        ConformanceTests.fill(selection, Array(stride(from: 0, to: count, by: 3)))
        container.remove(from: selection)
        #expect(selection.array == left.filter { $0 % 3 == 0 })
      }
    }
  }

  @Test("bytes that name rows or row groups the segment has not, or share containers, are damage")
  func validation() throws {
    let good = CompressedBitmap(positions: [1, 65_536 + 5, 65_536 + 6])
    let bytes = good.serialized()
    #expect(throws: StoaError.self) {
      try CompressedBitmap.open(bytes.bytes, rowCounts: [65_536])
    }
    #expect(throws: StoaError.self) {
      try CompressedBitmap.open(bytes.bytes, rowCounts: [65_536, 6])
    }
    #expect(try CompressedBitmap.open(bytes.bytes, rowCounts: [2, 7]) == good)
    for count in 0..<bytes.byteCount - 2 {
      #expect(throws: StoaError.self, "\(count) bytes") {
        try CompressedBitmap.open(UnsafeRawBufferPointer(rebasing: bytes.bytes[..<count]))
      }
    }
    let shared = Buffer(copying: bytes.bytes)
    shared.typed(UInt32.self)[5] = shared.typed(UInt32.self)[3]
    #expect(throws: StoaError.self) { try CompressedBitmap.open(shared.bytes) }
  }
}
