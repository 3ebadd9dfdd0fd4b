import Testing
import Vectors

@testable import Kernels

@Suite("Sorting")
struct SortingTests {
  private func reference(_ columns: [Vector], _ specifications: [SortSpecification]) -> [UInt32] {
    let values = columns.map { $0.allValues }
    return (0..<UInt32(columns[0].count)).sorted { left, right in
      for (column, specification) in zip(values, specifications) {
        let a = column[Int(left)]
        let b = column[Int(right)]
        if a.isNull || b.isNull {
          if a.isNull == b.isNull { continue }
          return a.isNull == specification.nullsFirst
        }
        if a < b { return !specification.isDescending }
        if b < a { return specification.isDescending }
      }
      return left < right
    }
  }

  @Test("Random columns of every type and form sort as boxed values do, stably")
  func randomColumns() {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededRandom(seed)
    for round in 0..<150 {
      let count = [0, 1, 2, 30, 300, 1500][Int(random.next() % 6)]
      var columns: [Vector] = []
      var specifications: [SortSpecification] = []
      for _ in 0..<(1 + Int(random.next() % 4)) {
        let type = RandomVectors.types.randomElement(using: &random)!
        let distinct = [2, 10, 1000, 1 << 30][Int(random.next() % (count > 300 ? 3 : 4)) % 4]
        columns.append(
          RandomVectors.vector(
            type, count: count, distinct: min(distinct, 5000), nullEvery: random.next() % 6,
            &random))
        let nulls: Bool? = [nil, true, false][Int(random.next() % 3)]
        specifications.append(
          SortSpecification(isDescending: random.next() % 2 == 0, nullsFirst: nulls))
      }
      let order = RowOrder.sort(columns: columns, specifications: specifications)
      let expected = reference(columns, specifications)
      #expect(order == expected, "seed \(seed), round \(round)")
      let limit = Int(random.next() % UInt64(count + 2))
      let first = RowOrder.first(limit, columns: columns, specifications: specifications)
      #expect(first == Array(expected.prefix(limit)), "seed \(seed), round \(round)")
      let sorted = columns.map { column in
        order.withUnsafeBufferPointer {
          count == 0 ? column : column.gather($0.baseAddress!, count: count)
        }
      }
      #expect(RowOrder.isSorted(columns: sorted, specifications: specifications))
      let isExpectedSorted = expected == (0..<UInt32(count)).map { $0 }
      #expect(
        RowOrder.isSorted(columns: columns, specifications: specifications) == isExpectedSorted)
      checkKeys(columns, specifications, "seed \(seed), round \(round)")
    }
  }

  /// Memory-comparable keys order rows as the comparator does, up to ties of inexact keys.
  private func checkKeys(
    _ columns: [Vector], _ specifications: [SortSpecification], _ label: Comment
  ) {
    let count = min(columns[0].count, 60)
    let encoder = SortKeyEncoder(types: columns.map { $0.type }, specifications: specifications)
    let keys = Buffer(byteCount: columns[0].count * encoder.byteWidth + 1)
    encoder.encode(columns, into: keys.pointer)
    let comparator = RowComparator(specifications)
    for left in 0..<count {
      for right in 0..<count {
        let key = encoder.compare(
          keys.pointer + left * encoder.byteWidth, keys.pointer + right * encoder.byteWidth)
        let exact = comparator.compare(columns, left, columns, right)
        // Keys that end in a string prefix may tie where rows differ, but never contradict.
        if encoder.isExact || key != 0 { #expect(key.signum() == exact.signum(), label) }
      }
    }
  }

  @Test("Strings with long common prefixes, zero bytes and equal long values")
  func hardStrings() {
    let prefix = String(repeating: "https://example.org/", count: 5)
    var values: [Value] = []
    for index in 0..<200 { values.append(.string(prefix + "\(index * 7919 % 50)")) }
    for text in ["", "a", "a\0", "a\0\0", "a\0b", "abcdefg", "abcdefgh", "abcdefg\0", "é"] {
      values.append(.string(text))
    }
    let vector = Vector.make(.varchar, values)
    for isDescending in [false, true] {
      let specification = [SortSpecification(isDescending: isDescending)]
      #expect(
        RowOrder.sort(columns: [vector], specifications: specification)
          == reference([vector], specification))
    }
  }

  @Test("Wide integers of any range")
  func wideIntegers() {
    var values: [Value] = [.integer(.min), .integer(.max), .integer(0), .null, .integer(-1)]
    for index in 0..<100 { values.append(.integer(Int128(index % 7) << 90 + Int128(index % 5))) }
    let vector = Vector.make(.hugeint, values)
    for specification in [
      SortSpecification(), SortSpecification(isDescending: true),
      SortSpecification(nullsFirst: true),
    ] {
      #expect(
        RowOrder.sort(columns: [vector], specifications: [specification])
          == reference([vector], [specification]))
    }
  }

  @Test("A loser tree merges sorted runs, equal heads by run number")
  func loserTree() {
    var random = SeededRandom(5)
    for runCount in 0...9 {
      var runs: [[Int]] = []
      for _ in 0..<runCount {
        runs.append((0..<Int(random.next() % 20)).map { _ in Int(random.next() % 10) }.sorted())
      }
      var heads = [Int](repeating: 0, count: runCount)
      func precedes(_ left: Int, _ right: Int) -> Bool {
        guard heads[left] < runs[left].count else { return false }
        guard heads[right] < runs[right].count else { return true }
        return runs[left][heads[left]] < runs[right][heads[right]]
      }
      var tree = LoserTree(runCount: runCount, precedes: precedes)
      var merged: [[Int]] = []
      while tree.winner >= 0, heads[tree.winner] < runs[tree.winner].count {
        merged.append([runs[tree.winner][heads[tree.winner]], tree.winner])
        heads[tree.winner] += 1
        tree.replay(precedes: precedes)
      }
      var expected: [[Int]] = []
      for (run, values) in runs.enumerated() { expected += values.map { [$0, run] } }
      expected.sort { (left: [Int], right: [Int]) in
        left[0] != right[0] ? left[0] < right[0] : left[1] < right[1]
      }
      #expect(merged == expected)
    }
  }

  @Test("Keys of at most eight bytes compare as integers")
  func integerKeys() {
    let encoder = SortKeyEncoder(
      types: [.smallint, .integer],
      specifications: [SortSpecification(isDescending: true), SortSpecification()],
      isNullable: [true, true])
    #expect(encoder.byteWidth == 8)
    let columns = [
      Vector.make(.smallint, [.integer(3), .integer(3), .null, .integer(9)]),
      Vector.make(.integer, [.integer(5), .null, .integer(1), .integer(-7)]),
    ]
    var keys = [UInt64](repeating: 0, count: 4)
    encoder.encodeIntegers(columns, into: &keys)
    #expect((0..<4).sorted { keys[$0] < keys[$1] } == [2, 3, 0, 1])
  }
}
