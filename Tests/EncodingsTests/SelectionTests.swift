import Kernels
import Testing
import Vectors

@testable import Encodings

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Filters and look-ups at every density: values one by one, by block, and tables small enough for registers.
@Suite("Selections of packed values")
struct SelectionTests {
  private static func chunk(
    _ values: [Int64], _ encoding: EncodingID
  ) throws -> ColumnChunk {
    let encoded = try ChunkEncoder.encode(Vector.make(.bigint, values), forced: encoding)
    return try ColumnChunk.open(
      bytes: encoded.bytes.bytes, owner: encoded.bytes, type: .bigint, rowCount: values.count)
  }

  /// Every `step`-th row or so, ascending.
  private static func positions(_ count: Int, _ step: Int, _ random: inout Random) -> [Int] {
    var rows: [Int] = []
    var row = random.below(step)
    while row < count {
      rows.append(row)
      row += 1 + random.below(2 * step - 1)
    }
    return rows
  }

  @Test("Tables select, refine and gather like the values themselves", arguments: 1...21)
  func tables(bits: Int) throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    var random = Random(seed: seed)
    let count = 10_000 + random.below(3000)
    let base = Int64(random.below(1000)) - 500
    let values = (0..<count).map { _ in base + Int64(random.below(1 << bits)) }
    // The table may begin before the values or after the first, and end anywhere.
    let table = KeyTable(
      minimum: base - 40 + Int64(random.below(80)), count: 1 + random.below(1 << bits))
    for key in 0..<Int64(table.count) where random.below(3) == 0 {
      table.insert(table.minimum + key)
    }
    let filter = ColumnFilter(.keyTable(table))
    for encoding in [EncodingID.bitPacked, .plain, .patched, .dictionary, .runLength] {
      let chunk = try Self.chunk(values, encoding)
      let selection = SelectionVector()
      try chunk.select(filter, rows: 0..<count, into: selection)
      let expected = (0..<count).filter { table.contains(values[$0]) }
      #expect(selection.array == expected, "\(encoding), seed \(seed)")
      for step in [1, 3, 20, 60, 200, 3000] {
        let rows = Self.positions(count, step, &random)
        let part = SelectionVector()
        for (index, row) in rows.enumerated() { part.positions[index] = UInt16(row) }
        part.count = rows.count
        let gathered = try chunk.gather(part)
        let wanted = rows.map { Value.integer(Int128(values[$0])) }
        #expect(gathered.allValues == wanted, "\(encoding), step \(step), seed \(seed)")
        try chunk.refine(filter, part)
        let left = rows.filter { table.contains(values[$0]) }
        #expect(part.array == left, "\(encoding), step \(step), seed \(seed)")
      }
    }
  }

  @Test("Ranges select and refine like the values themselves")
  func ranges() throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    var random = Random(seed: seed)
    for bits in [3, 8, 11, 16, 24, 40] {
      let values = (0..<9000).map { _ in Int64(random.below(1 << bits)) - 7 }
      let chunk = try Self.chunk(values, .bitPacked)
      let low = Int64(random.below(1 << bits)) - 8
      let high = low + Int64(random.below(1 << bits))
      let filter = ColumnFilter(
        .range(lower: .integer(Int128(low)), upper: .integer(Int128(high))))
      let selection = SelectionVector()
      try chunk.select(filter, rows: 1024..<8999, into: selection)
      let expected = (1024..<8999).filter { values[$0] >= low && values[$0] <= high }
      #expect(selection.array == expected, "\(bits) bits, seed \(seed)")
      for step in [2, 50, 500] {
        let rows = Self.positions(9000, step, &random)
        for (index, row) in rows.enumerated() { selection.positions[index] = UInt16(row) }
        selection.count = rows.count
        try chunk.refine(filter, selection)
        let left = rows.filter { values[$0] >= low && values[$0] <= high }
        #expect(selection.array == left, "\(bits) bits, step \(step), seed \(seed)")
      }
    }
  }

  @Test("A filter that long runs all pass, or all fail, is decided without rows")
  func runs() throws {
    let values = (0..<20_000).map { Int64($0 / 2500) * 10 }
    let chunk = try Self.chunk(values, .runLength)
    func verdict(_ keys: [Int64]) throws -> FilterVerdict {
      let table = KeyTable(minimum: 0, count: 200)
      for key in keys { table.insert(key) }
      return try chunk.compile(ColumnFilter(.keyTable(table))).verdict
    }
    #expect(try verdict([0, 10, 20, 30, 40, 50, 60, 70, 99]) == .all)
    #expect(try verdict([5, 99]) == .none)
    #expect(try verdict([0, 10, 20]) == .some)
  }

  @Test("Flags that end where memory ends are read to their end and no further")
  func flagsAtTheEndOfMemory() throws {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let memory = mmap(
      nil, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    let start = try #require(memory != MAP_FAILED ? memory : nil)
    defer { munmap(start, 2 * page) }
    try #require(mprotect(start + page, page, PROT_NONE) == 0)
    var out = [UInt16](repeating: 0, count: page + 64)
    for count in [1, 2, 63, 64, 65, 127, 2050 % page] {
      let flags = (start + page - count).bindMemory(to: UInt8.self, capacity: count)
      for index in 0..<count { flags[index] = index % 3 == 0 ? 1 : 0 }
      let passed = out.withUnsafeMutableBufferPointer {
        Positions.emit(flags, count, first: 7, into: $0.baseAddress!)
      }
      let expected = stride(from: 0, to: count, by: 3).map { UInt16($0 + 7) }
      #expect(Array(out.prefix(passed)) == expected)
    }
  }
}
