import Testing
import Vectors

@testable import Encodings

@Suite struct DictionaryTests {
  @Test("a segment dictionary serves several chunks, and vectors share it")
  func segmentDictionary() throws {
    for type in Samples.types {
      var random = Random(seed: 21)
      let groups = (0..<3).map { _ in
        (0..<3000).map { _ in
          random.below(9) == 0 ? Value.null : Samples.value(type, random.below(400))
        }
      }
      var table = EntryTable(type.physical)
      var provisional: [[UInt32]] = []
      for values in groups {
        var codes: [UInt32] = []
        #expect(table.add(Vector.make(type, values), limit: 1000, codes: &codes))
        provisional.append(codes)
      }
      let (dictionary, remap) = table.sorted(type)
      #expect(dictionary.allValues == dictionary.allValues.sorted())
      for (values, codes) in zip(groups, provisional) {
        let final = codes.map { remap[Int($0)] }
        let validity = Validity.make(count: values.count) { !values[$0].isNull }
        let encoded = try ChunkEncoder.encode(
          codes: final, count: final.count, validity: validity, dictionary: dictionary)
        let chunk = try open(encoded, type, values.count, dictionary: dictionary)
        let decoded = try chunk.decode(rows: 0..<values.count)
        #expect(decoded.allValues == values)
        #expect(decoded.form == .dictionary && decoded.child === dictionary)
        #expect(chunk.dictionary === dictionary)
        let filter = ColumnFilter(.less, Samples.value(type, 50))
        let selection = SelectionVector()
        try chunk.select(filter, rows: 0..<values.count, into: selection)
        let limit = Samples.value(type, 50)
        #expect(
          selection.array == values.indices.filter { !values[$0].isNull && values[$0] < limit })
        #expect(encoded.zone.min == values.filter { !$0.isNull }.min())
        #expect(throws: StoaError.self) { try open(encoded, type, values.count) }
        let other = Vector.make(type, [Samples.value(type, 1)])
        #expect(throws: StoaError.self) {
          try open(encoded, type, values.count, dictionary: other)
        }
      }
    }
  }

  @Test("a table of entries gives up above its limit")
  func limit() {
    var table = EntryTable(.string)
    var codes: [UInt32] = []
    let ten = Vector.make(.varchar, (0..<10).map { Samples.value(.varchar, $0) })
    #expect(table.add(ten, limit: 10, codes: &codes))
    codes = []
    #expect(table.add(ten.slice(5..<6), limit: 10, codes: &codes))
    #expect(codes == [5])
    let another = Vector.make(.varchar, [Samples.value(.varchar, 11)])
    #expect(!table.add(another, limit: 10, codes: &codes))
  }

  @Test("0 and -0, and their order, survive a dictionary; grouping by them is refused")
  func signedZero() throws {
    let values: [Double] = (0..<2000).map { [0.0, -0.0, .nan, 1.5][$0 % 4] }
    let vector = Vector.make(.double, values)
    let chunk = try open(try ChunkEncoder.encode(vector, forced: .dictionary), .double, 2000)
    let decoded = try chunk.decode(rows: 0..<2000).flattened()
    decoded.withValues(as: Double.self) { found in
      #expect((0..<2000).allSatisfy { found[$0].bitPattern == values[$0].bitPattern })
    }
    #expect(try chunk.groupDomain(limit: 100) == nil)
    let selection = SelectionVector()
    try chunk.select(ColumnFilter(.equal, .double(0)), rows: 0..<2000, into: selection)
    #expect(selection.count == 1000)
  }
}
