import Testing
import Vectors

@testable import Encodings

/// Every operation over every registered encoding, type and shape of column, against the values themselves.
@Suite struct ConformanceTests {
  /// The predicate of a filter on one boxed value: the reference implementation.
  static func passes(_ kind: ColumnFilter.Kind, _ value: Value) -> Bool {
    switch kind {
    case .isNull: return value.isNull
    case .isNotNull: return !value.isNull
    default: break
    }
    if value.isNull { return false }
    switch kind {
    case .comparison(let comparison, let other):
      if other.isNull { return false }
      switch comparison {
      case .equal: return value == other
      case .notEqual: return value != other
      case .less: return value < other
      case .lessOrEqual: return !(other < value)
      case .greater: return other < value
      case .greaterOrEqual: return !(value < other)
      }
    case .range(let lower, let upper):
      if lower?.isNull ?? false || upper?.isNull ?? false { return false }
      return lower.map { !(value < $0) } ?? true && upper.map { !($0 < value) } ?? true
    case .oneOf(let list): return list.contains(value)
    case .keyTable(let table):
      return value.integer.flatMap { Int64(exactly: $0) }.map { table.contains($0) } ?? false
    case .keySet(let set):
      return value.integer.flatMap { Int64(exactly: $0) }.map { set.contains($0) } ?? false
    case .entries: return hashBit(value)
    case .isNull, .isNotNull: return false
    }
  }

  /// An arbitrary deterministic predicate.
  static func hashBit(_ value: Value) -> Bool {
    switch value {
    case .null: false
    case .boolean(let bool): bool
    case .integer(let integer): integer % 3 == 0
    case .double(let double): double.isNaN || double.rounded() == double
    case .string(let text): text.utf8.count % 2 == 0
    case .bytes(let bytes): bytes.count % 2 == 0
    }
  }

  static func kinds(_ sample: Sample) -> [ColumnFilter.Kind] {
    let present = sample.values.filter { !$0.isNull }
    let some = [present.first, present.dropFirst(present.count / 2).first, present.last]
      .compactMap { $0 }
    var kinds: [ColumnFilter.Kind] = [
      .isNull, .isNotNull, .range(lower: nil, upper: nil), .comparison(.equal, .null), .oneOf([]),
      .entries { vector throws(StoaError) in
        (0..<vector.count).map { hashBit(vector.value(at: $0)) }
      },
    ]
    for value in some {
      for comparison in ColumnFilter.Comparison.allCases {
        kinds.append(.comparison(comparison, value))
      }
    }
    if let low = some.min(), let high = some.max() {
      kinds.append(.range(lower: low, upper: high))
      kinds.append(.range(lower: low, upper: nil))
      kinds.append(.range(lower: nil, upper: low))
      kinds.append(.range(lower: high, upper: low))
    }
    kinds.append(.oneOf(some + [Samples.value(sample.type, 3), .null]))
    kinds.append(.oneOf(Samples.extremes(sample.type)))
    if sample.type.physical.isInteger {
      let keys = some.compactMap { $0.integer.flatMap { Int64(exactly: $0) } }
      let middle = keys.sorted().dropFirst(keys.count / 2).first ?? 0
      let table = KeyTable(minimum: middle &- 20, count: 60)
      for key in 0..<60 where key % 3 != 1 { table.insert(middle &- 20 &+ Int64(key)) }
      if middle > Int64.min + 100 && middle < Int64.max - 100 { kinds.append(.keyTable(table)) }
      kinds.append(.keyTable(KeyTable(minimum: 0, count: 0)))
      kinds.append(.keySet(KeySet(keys + [.min, .max, 0])))
      kinds.append(.comparison(.greater, .integer(.max)))
      kinds.append(.comparison(.less, .integer(1 << 100)))
      kinds.append(.comparison(.notEqual, .integer(-1 << 100)))
    }
    return kinds
  }

  /// Picked and forced encodings of one sample.
  static func chunks(_ sample: Sample) throws -> [(ColumnChunk, ZoneMap)] {
    let vector = sample.vector
    return try ([nil] + EncodingRegistry.all.map { Optional($0.id) }).map { forced in
      let encoded = try ChunkEncoder.encode(vector, forced: forced)
      return (try open(encoded, sample.type, sample.values.count), encoded.zone)
    }
  }

  /// Ascending positions: dense, sparse, one, clustered.
  static func positionSets(_ count: Int) -> [[Int]] {
    var random = Random(seed: 11)
    if count == 0 { return [[]] }
    return [
      [], [count - 1], Array(0..<count), (0..<count).filter { _ in random.below(2) == 0 },
      (0..<count).filter { _ in random.below(200) == 0 },
      (0..<count).filter { ($0 / 700) % 2 == 1 },
    ]
  }

  static func selection(_ rows: [Int]) -> SelectionVector {
    let selection = SelectionVector()
    fill(selection, rows)
    return selection
  }

  static func fill(_ selection: SelectionVector, _ rows: [Int]) {
    for (index, row) in rows.enumerated() { selection.positions[index] = UInt16(row) }
    selection.count = rows.count
  }

  @Test("select and refine agree with testing row by row", arguments: Samples.types)
  func filters(type: LogicalType) throws {
    for sample in Samples.all(type, rows: 2300) {
      let count = sample.values.count
      let positions = Self.positionSets(count)
      let kinds = Self.kinds(sample).map { ColumnFilter($0) }
      let expected = kinds.map { filter in sample.values.map { Self.passes(filter.kind, $0) } }
      for (chunk, zone) in try Self.chunks(sample) {
        for (index, filter) in kinds.enumerated() {
          let what: Comment = "\(type) \(sample.name) \(chunk.summary) \(filter.kind)"
          let selection = SelectionVector()
          let compiled = try chunk.compile(filter, zone: index % 2 == 0 ? zone : nil)
          let ranges = [0..<count, min(1024, count)..<min(1101, count), min(2048, count)..<count]
          for range in ranges {
            try chunk.select(compiled, rows: range, into: selection)
            #expect(selection.array == range.filter { expected[index][$0] }, what)
          }
          let rows = positions[index % positions.count]
          Self.fill(selection, rows)
          try chunk.refine(compiled, selection)
          #expect(selection.array == rows.filter { expected[index][$0] }, what)
          let passing = expected[index].filter { $0 }.count
          switch filter.verdict(zone) {
          case .none: #expect(passing == 0, what)
          case .all: #expect(passing == count, what)
          case .some: break
          }
        }
      }
    }
  }

  @Test("decode of every block range and gather agree with the values", arguments: Samples.types)
  func reads(type: LogicalType) throws {
    for sample in Samples.all(type, rows: 3100) {
      let count = sample.values.count
      for (chunk, _) in try Self.chunks(sample) {
        let what: Comment = "\(type) \(sample.name) \(chunk.summary)"
        for start in stride(from: 0, through: count, by: 1024) {
          for end in [start, min(start + 1, count), min(start + 1024, count), count] {
            let decoded = try chunk.decode(rows: start..<end)
            #expect(decoded.allValues == Array(sample.values[start..<end]), what)
          }
        }
        for rows in Self.positionSets(count) {
          let gathered = try chunk.gather(Self.selection(rows))
          #expect(gathered.allValues == rows.map { sample.values[$0] }, what)
        }
      }
    }
  }

  @Test("count, sum, min and max agree with the values", arguments: Samples.types)
  func aggregates(type: LogicalType) throws {
    for sample in Samples.all(type, rows: 3100) {
      for (chunk, zone) in try Self.chunks(sample) {
        for rows in [nil] + Self.positionSets(sample.values.count).map(Optional.some) {
          let what: Comment = "\(type) \(sample.name) \(chunk.summary) \(rows?.count ?? -1) rows"
          let values = (rows.map { $0.map { sample.values[$0] } } ?? sample.values).filter {
            !$0.isNull
          }
          let selection = rows.map { Self.selection($0) }
          #expect(chunk.count(selection) == values.count, what)
          let bounds = try chunk.minMax(selection)
          #expect(bounds?.min == values.min() && bounds?.max == values.max(), what)
          if type.physical.isInteger {
            var total: Int128? = 0
            for value in values {
              let (sum, overflow) = (total ?? 0).addingReportingOverflow(value.integer!)
              total = overflow || total == nil ? nil : sum
            }
            let sum = try chunk.sum(selection)
            // Sums that overflow on the way may still come out when added in another order.
            #expect(total == nil || sum == total || sum == nil && type == .hugeint, what)
            if type != .hugeint { #expect(sum == total, what) }
          }
        }
        let values = sample.values.filter { !$0.isNull }
        #expect(zone.nullCount == sample.values.count - values.count)
        if zone.minIsExact { #expect(zone.min == values.min() ?? .null) }
        if zone.maxIsExact { #expect(zone.max == values.max() ?? .null) }
        let ascends = zip(values, values.dropFirst()).allSatisfy { !($1 < $0) }
        #expect(zone.isSorted == (ascends && zone.nullCount == 0), "\(type) \(sample.name)")
        let distinct = Set(values).count
        if distinct <= 1 { #expect(zone.distinctEstimate == distinct) }
      }
    }
  }

  @Test("group codes stand for the values", arguments: Samples.types)
  func groupCodes(type: LogicalType) throws {
    var found = 0
    for sample in Samples.all(type, rows: 3100) {
      let count = sample.values.count
      for (chunk, _) in try Self.chunks(sample) {
        guard let domain = try chunk.groupDomain(limit: 4096) else { continue }
        found += 1
        let target = Buffer(byteCount: (count + 1024) * 4)
        func value(_ code: UInt32) -> Value {
          code == domain.nullCode ? .null : domain.keys.value(at: Int(code))
        }
        let out = target.typed(UInt32.self)
        try chunk.groupCodes(domain, rows: 0..<count, into: out)
        let what: Comment = "\(type) \(sample.name) \(chunk.summary)"
        #expect((0..<count).map { value(out[$0]) } == sample.values, what)
        for rows in Self.positionSets(count) {
          let selection = Self.selection(rows)
          try chunk.groupCodes(
            domain, at: UnsafePointer(selection.positions), count: rows.count, into: out)
          #expect((0..<rows.count).map { value(out[$0]) } == rows.map { sample.values[$0] }, what)
        }
        withExtendedLifetime(target) {}
      }
    }
    #expect(found > 0)
  }

  @Test("a full row group survives every encoding")
  func fullRowGroup() throws {
    var random = Random(seed: 3)
    let values = (0..<65_536).map { row -> Int64 in Int64(row / 4 * 17) + Int64(random.below(8)) }
    let vector = Vector.make(.bigint, values)
    for forced in [nil] + EncodingID.allCases.map(Optional.some) {
      let chunk = try open(try ChunkEncoder.encode(vector, forced: forced), .bigint, 65_536)
      let decoded = try chunk.decode(rows: 0..<65_536).flattened()
      decoded.withValues(as: Int64.self) { found in
        #expect((0..<65_536).allSatisfy { found[$0] == values[$0] }, "\(chunk.summary)")
      }
      let selection = SelectionVector()
      try chunk.select(ColumnFilter(.less, .integer(100_000)), rows: 0..<65_536, into: selection)
      #expect(selection.count == values.filter { $0 < 100_000 }.count)
      #expect(try chunk.sum() == values.reduce(Int128(0)) { $0 + Int128($1) })
    }
  }
}
