import Catalog
import Synchronization
import Testing
import Vectors

@testable import Storage

/// Tables with a sort key and small row groups, so that few rows make many segments.
enum UpkeepFixture {
  static func options(memtable: Int = 4096, clock: Fixture.Clock? = nil) -> StoreOptions {
    var options = Fixture.storeOptions()
    if let clock { options.clock = { clock.now } }
    options.memtableByteLimit = memtable
    options.upkeep.segments.rowGroupCapacity = 16
    options.upkeep.segments.rowGroupLimit = 4
    options.upkeep.smallestRunByteCount = 2048
    options.upkeep.smallestRowCount = 4
    options.upkeep.closingLogByteLimit = 2048
    options.upkeep.fanIn = 4
    options.upkeep.overlapLimit = 8
    options.upkeep.totalMemtableByteLimit = memtable * 3
    options.upkeep.logByteLimit = UInt64(memtable * 3)
    return options
  }

  static func open(
    _ system: any FileSystem, _ mode: AccessMode = .readWrite, memtable: Int = 4096,
    clock: Fixture.Clock? = nil
  ) throws -> TableStore {
    try TableStore.open(
      path: "w", fileSystem: system, mode: mode, budget: MemoryBudget(limit: 64 << 20),
      options: options(memtable: memtable, clock: clock))
  }

  /// Steps until nothing is left to do.
  @discardableResult
  static func settle(_ store: TableStore) throws -> Int {
    for count in 0..<100_000 {
      switch try store.step() {
      case .idle: return count
      case .blocked: throw StoaError(.busy, "blocked")
      case .worked: continue
      }
    }
    throw StoaError(.inconsistency, "never idle")
  }

  /// Flushes what is in memory by itself, as one run.
  static func flush(_ store: TableStore, table: TableID = 1) throws {
    let state = try store.snapshot().state
    let planner = UpkeepPlanner(options: store.options.upkeep, memtableByteLimit: 1 << 30)
    let plan = try #require(planner.flush(table, state))
    try store.perform(plan)
  }

  /// Keys of each segment, in their order.
  static func keys(_ store: TableStore, _ name: String = "t") throws -> [[Int]] {
    let snapshot = try store.snapshot()
    let table = try #require(snapshot.catalog.table(named: name))
    return try snapshot.readers(of: table.id).map { reader in
      try Fixture.rows(table, [reader]).map { integer($0[0]) }
    }
  }

  static func integer(_ value: Value) -> Int {
    if case .integer(let number) = value { Int(number) } else { .min }
  }

  /// Rows `numbers` of `Fixture`'s endless table, inserted in this order.
  static func insert(_ numbers: [Int], into name: String = "t", _ transaction: WriteTransaction)
    throws
  {
    guard !numbers.isEmpty else { return }
    let table = try #require(transaction.catalog.table(named: name))
    let rows = Batch(
      columns: Fixture.types.indices.map { column in
        Vector.make(
          Fixture.types[column],
          numbers.map { Fixture.batch($0..<($0 + 1)).columns[column].value(at: 0) })
      }, rowCount: numbers.count)
    try transaction.insert(
      RowBlock(columns: table.columns.map(\.id), batch: rows), into: table.id)
  }

  static func insert(_ numbers: [Int], into name: String = "t", _ store: TableStore) throws {
    let transaction = try store.beginWrite()
    try insert(numbers, into: name, transaction)
    try transaction.commit()
  }

  /// Deletes the rows whose number is in `numbers`; returns those that the transaction sees.
  @discardableResult
  static func delete(
    _ numbers: Set<Int>, of name: String = "t", _ transaction: WriteTransaction
  ) throws -> Set<Int> {
    let table = try #require(transaction.catalog.table(named: name))
    let contents = transaction.view.contents(of: table.id)
    let (keys, _, _) = try places(table, contents)
    var deleted: Set<Int> = []
    var found: [SegmentID: [Int]] = [:]
    for (id, rows) in keys {
      let chosen = rows.filter { numbers.contains($0.key) }
      deleted.formUnion(chosen.map(\.key))
      let positions = chosen.map(\.position)
      if !positions.isEmpty { found[id] = positions }
    }
    guard !found.isEmpty else { return [] }
    try transaction.delete(found.mapValues { DeleteVector(positions: $0.sorted()) }, from: table.id)
    return deleted
  }

  static func delete(_ numbers: Set<Int>, of name: String = "t", _ store: TableStore) throws {
    let transaction = try store.beginWrite()
    try delete(numbers, of: name, transaction)
    try transaction.commit()
  }

  /// Live rows of each segment and memtable through the reader's interface: number and position.
  static func places(
    _ table: TableDefinition, _ contents: TableContents
  ) throws -> (places: [SegmentID: [(key: Int, position: Int)]], rows: [[Value]], isSorted: Bool) {
    var places: [SegmentID: [(key: Int, position: Int)]] = [:]
    var rows: [[Value]] = []
    var isSorted = true
    var last: (source: Int64, key: Int)?
    for group in try contents.rowGroups() {
      let columns = try table.columns.map { column in
        try group.chunk(column).decode(rows: 0..<group.rowCount).allValues
      }
      let source = group.firstRow >> 32
      for row in 0..<group.rowCount where group.deleted?.contains(row) != true {
        let values = columns.map { $0[row] }
        rows.append(values)
        guard case .integer(let number) = values[0] else { continue }
        let key = Int(number)
        if let last, last.source == source, last.key > key, group.segment != nil {
          isSorted = false
        }
        last = (source, key)
        places[contents.id(ofSource: Int(source)), default: []].append(
          (key, Int(group.firstRow & 0xFFFF_FFFF) + row))
      }
    }
    return (places, rows, isSorted)
  }

  private static let firstRows = Fixture.expected([0..<6000])

  private static func expectedRow(_ number: Int) -> [Value] {
    firstRows.indices.contains(number)
      ? firstRows[number] : Fixture.expected([number..<(number + 1)])[0]
  }

  /// Numbers of all rows, ascending, after checking that each row is whole and each segment sorted.
  static func numbers(_ store: TableStore, _ name: String = "t", _ place: String = "") throws
    -> [Int]
  {
    try numbers(try store.snapshot(), name, place)
  }

  /// Numbers of all rows at a snapshot, each of them whole.
  static func numbers(_ snapshot: Snapshot, _ name: String = "t", _ place: String = "") throws
    -> [Int]
  {
    guard let table = snapshot.catalog.table(named: name) else { return [] }
    let (_, rows, isSorted) = try places(table, snapshot.contents(of: table.id))
    #expect(isSorted || table.sortKey.isEmpty, "\(place): a segment is out of order")
    return try rows.map { row in
      guard case .integer(let number) = row[0] else { throw StoaError(.corruption, "no number") }
      #expect(row == expectedRow(Int(number)), "\(place): row \(number)")
      return Int(number)
    }.sorted()
  }
}

/// Jobs that nobody planned.
extension TableStore {
  /// Begins a job.
  func begin(plan: UpkeepPlan) throws(StoaError) {
    try upkeep.gate.withLock { () throws(StoaError) in
      guard try begin(plan) == .worked else { throw StoaError(.busy, "the job cannot begin") }
    }
  }

  /// Steps until the job under way is done.
  func finishJob() throws(StoaError) {
    while upkeep.gate.withLock({ upkeep.flushJob != nil || upkeep.mergeJob != nil }) {
      guard try step() == .worked else { throw StoaError(.busy, "the job cannot be finished") }
    }
  }

  /// Does one job from its beginning to its end.
  func perform(_ plan: UpkeepPlan) throws(StoaError) {
    try begin(plan: plan)
    try finishJob()
  }
}

@Suite("Flush and compaction")
struct UpkeepTests {
  private typealias Up = UpkeepFixture

  private func opened(memtable: Int = 4096) throws -> (SimulatedFileSystem, TableStore) {
    let system = SimulatedFileSystem()
    let store = try Up.open(system, memtable: memtable)
    try Fixture.create("t", in: store)
    return (system, store)
  }

  @Test("A full memtable becomes sorted segments without its deleted rows")
  func flush() throws {
    let (system, store) = try opened()
    let numbers = (0..<100).map { ($0 * 37) % 100 }
    for start in stride(from: 0, to: 100, by: 10) {
      try Up.insert(Array(numbers[start..<(start + 10)]), store)
    }
    try Up.delete([3, 50, 99], store)
    try Up.flush(store)
    let expected = (0..<100).filter { ![3, 50, 99].contains($0) }
    #expect(try Up.keys(store).flatMap { $0 } == expected)
    #expect(try store.snapshot().state.deletes.isEmpty)
    #expect(try store.snapshot().state.memtables[1]?.map(\.rowCount) == [0])
    #expect(try Up.numbers(store) == expected)
    #expect(try Up.numbers(try Up.open(system.afterPowerLoss(seed: 3))) == expected)
    // Rows of the next commit go to the new memtable, also in a process that opens after a checkpoint.
    try store.checkpoint()
    let id = try #require(try store.snapshot().state.memtables[1]?.first?.id)
    try store.close()
    let again = try Up.open(system)
    try Up.insert([200], again)
    #expect(try again.snapshot().state.memtables[1]?.map(\.id) == [id])
    try again.close()
  }

  @Test("Rows inserted and deleted during a flush are kept and gone")
  func carriedOver() throws {
    let (system, store) = try opened()
    try Up.insert((0..<60).reversed(), store)
    let plan = try #require(
      UpkeepPlanner(options: store.options.upkeep, memtableByteLimit: 1 << 20)
        .flush(1, try store.snapshot().state))
    try store.begin(plan: plan)
    try Up.delete([0, 7, 59], store)
    try Up.insert([100, 101], store)
    _ = try store.step()
    try Up.delete([8, 100], store)
    try store.finishJob()
    let expected = (1..<59).filter { $0 != 7 && $0 != 8 } + [101]
    #expect(try Up.numbers(store) == expected)
    #expect(try Up.numbers(try Up.open(system.afterKill())) == expected)
    #expect(try store.snapshot().contents(of: 1).memtables.map(\.rowCount) == [2])
  }

  @Test("Deletes during a merge are carried over from every run")
  func carriedOverMerge() throws {
    let (_, store) = try opened()
    for run in 0..<4 {
      try Up.insert((0..<50).map { $0 * 4 + run }, store)
      try Up.flush(store)
    }
    try Up.delete([5, 6, 7], store)
    #expect(try Up.keys(store).count == 4)
    #expect(try store.step() == .worked)
    var generator = SplitMix64(seed: 5)
    var gone: Set<Int> = [5, 6, 7]
    for _ in 0..<6 {
      let some = Set((0..<9).map { _ in Int.random(in: 0..<200, using: &generator) })
      try Up.delete(some, store)
      gone.formUnion(some)
      _ = try store.step()
    }
    try Up.settle(store)
    let segments = try Up.keys(store).sorted { $0[0] < $1[0] }
    #expect(segments.count == 4 && segments.flatMap { $0 }.count > 150)
    #expect(zip(segments, segments.dropFirst()).allSatisfy { $0[$0.count - 1] < $1[0] })
    #expect(try Up.numbers(store) == (0..<200).filter { !gone.contains($0) })
  }

  @Test("Equal keys keep the order in which they came")
  func ties() throws {
    let system = SimulatedFileSystem()
    let store = try Up.open(system)
    let create = try store.beginWrite()
    try create.apply(
      .createTable(
        TableDefinition(
          id: 1, name: "t",
          columns: [
            ColumnDefinition(id: 1, name: "k", type: .varchar),
            ColumnDefinition(id: 2, name: "v", type: .integer),
          ], sortKey: [1])))
    try create.commit()
    let keys: [Value] = [.null, .string("a long common prefix of all 1"), .string("b"), .null]
    for run in 0..<5 {
      for row in 0..<8 {
        let transaction = try store.beginWrite()
        try transaction.insert(
          RowBlock(
            columns: [1, 2],
            batch: Batch(
              columns: [
                Vector.make(.varchar, [keys[(row + run) % 4]]),
                Vector.make(.integer, [.integer(Int128(run * 8 + row))]),
              ], rowCount: 1)), into: 1)
        try transaction.commit()
      }
      try Up.flush(store)
    }
    try Up.settle(store)
    try store.compact()
    let rows = try #require(try Fixture.contents(store)["t"])
    #expect(rows.count == 40)
    let order = (0..<40).sorted { left, right in
      func key(_ row: Int) -> Int { [2, 0, 1, 2][(row % 8 + row / 8) % 4] }
      return (key(left), left) < (key(right), right)
    }
    #expect(rows.map { Up.integer($0[1]) } == order)
    #expect(try Up.keys(store).count == 1)
  }

  @Test("Runs of one size are merged, disjoint ones stay as they are")
  func tiers() throws {
    let (_, store) = try opened()
    for run in 0..<3 {
      try Up.insert((0..<40).map { $0 * 10 + run }, store)
      try Up.flush(store)
    }
    #expect(try Up.settle(store) == 0)
    try Up.insert((1000..<1040).map { $0 }, store)
    try Up.flush(store)
    let before = try store.snapshot().state.segments[1]
    #expect(try Up.settle(store) == 0)
    #expect(try store.snapshot().state.segments[1] == before)
    try Up.insert((0..<40).map { $0 * 10 + 3 }, store)
    try Up.flush(store)
    #expect(try Up.settle(store) > 0)
    let ids = try store.snapshot().state.segments[1]?.map(\.id)
    #expect(ids?.contains(try #require(before?.last?.id)) == true)
    #expect(try store.snapshot().state.segments[1]?.count == 4)
    #expect(
      try Up.numbers(store)
        == ((0..<40).flatMap { row in (0..<4).map { row * 10 + $0 } } + (1000..<1040)))
  }

  @Test("Small neighbours become one, in a table without sort key in the order of their rows")
  func concatenation() throws {
    let (_, store) = try opened()
    let create = try store.beginWrite()
    var table = Fixture.table("u", id: 2)
    table.sortKey = []
    try create.apply(.createTable(table))
    try create.commit()
    for part in 0..<9 {
      try Up.insert([part * 3 + 2, part * 3, part * 3 + 1], into: "u", store)
      try Up.flush(store, table: 2)
      try Up.insert([part * 3 + 2, part * 3, part * 3 + 1], store)
      try Up.flush(store)
    }
    let order = try Fixture.contents(store)["u"]
    try Up.settle(store)
    #expect(try Fixture.contents(store)["u"] == order)
    #expect(try store.snapshot().state.segments[2]?.count == 3)
    #expect(try store.snapshot().state.segments[1]?.count == 3)
    try store.compact(table: 2)
    #expect(try Fixture.contents(store)["u"] == order)
    #expect(try store.snapshot().state.segments[2]?.count == 1)
    #expect(try store.snapshot().state.segments[1]?.count == 3)
    try store.compact()
    #expect(try store.snapshot().state.segments[1]?.count == 1)
    #expect(try Up.numbers(store) == Array(0..<27))
  }

  @Test("A segment that lost a quarter of its rows is written anew, one that lost all goes")
  func deleted() throws {
    let (system, store) = try opened()
    for part in 0..<3 {
      try Up.insert((0..<40).map { part * 40 + $0 }, store)
      try Up.flush(store)
    }
    try Up.delete(Set(0..<40), store)
    try Up.delete(Set(40..<49), store)
    try Up.delete(Set(80..<91), store)
    try Up.settle(store)
    let state = try store.snapshot().state
    #expect(state.segments[1]?.map(\.rowCount) == [40, 29])
    #expect(state.deletes[1]?.values.map(\.count) == [9])
    #expect(try Up.numbers(store) == Array(49..<80) + Array(91..<120))
    let files = system.files.filter { $0.path.hasSuffix(".seg") }
    #expect(files.count == 2)
    try store.compact()
    #expect(try store.snapshot().state.deletes.isEmpty)
    #expect(try Up.numbers(store) == Array(49..<80) + Array(91..<120))
  }

  @Test("A dropped or emptied table ends its job")
  func dropped() throws {
    let (system, store) = try opened()
    try Up.insert(Array(0..<40), store)
    let plan = try #require(
      UpkeepPlanner(options: store.options.upkeep, memtableByteLimit: 1 << 20)
        .flush(1, try store.snapshot().state))
    try store.begin(plan: plan)
    #expect(try store.step() == .worked)
    try Fixture.drop("t", in: store)
    try Up.settle(store)
    #expect(try Fixture.contents(store).isEmpty)
    #expect(!system.files.contains { $0.path.hasSuffix(".seg") })
    try store.close()
  }

  @Test("Commits pay debt themselves when nobody else does, and closing flushes a long log")
  func debt() throws {
    let (system, store) = try opened()
    var generator = SplitMix64(seed: 11)
    var numbers = Array(0..<3000)
    numbers.shuffle(using: &generator)
    for start in stride(from: 0, to: 3000, by: 10) {
      try Up.insert(Array(numbers[start..<(start + 10)]), store)
      let inMemory = try store.snapshot().state.memtableByteCount
      #expect(inMemory < 4096 * 5)
    }
    #expect(try store.snapshot().state.segments[1]?.isEmpty == false)
    try store.close()
    let again = try Up.open(system)
    #expect(try again.snapshot().state.memtableByteCount < 4096)
    #expect(try Up.numbers(again) == Array(0..<3000))
    try again.compact()
    #expect(try Up.keys(again).sorted { $0[0] < $1[0] }.flatMap { $0 } == Array(0..<3000))
    try again.close()
  }

  @Test("Two processes: one works at a time, the other's rows are kept")
  func twoProcesses() throws {
    let (system, first) = try opened()
    let second = try Up.open(system)
    try Up.insert(Array(0..<40), first)
    let plan = try #require(
      UpkeepPlanner(options: first.options.upkeep, memtableByteLimit: 1 << 20)
        .flush(1, try first.snapshot().state))
    try first.begin(plan: plan)
    try Up.insert(Array(40..<200), second)
    try Up.delete([0, 41], second)
    #expect(try second.step() == .blocked)
    // The files being written belong to nobody yet and stay.
    let third = try Up.open(system)
    try Up.insert([500], third)
    try first.finishJob()
    let expected = (1..<200).filter { $0 != 41 } + [500]
    #expect(try Up.numbers(first) == expected)
    #expect(try Up.numbers(second) == expected)
    try Up.settle(second)
    #expect(try Up.numbers(third) == expected)
  }

  @Test("Every type and NULL come out of flush and merge as they went in")
  func types() throws {
    let types: [LogicalType] = [
      .boolean, .tinyint, .smallint, .integer, .bigint, .hugeint, .real, .double,
      .decimal(precision: 30, scale: 4), .varchar, .date, .timestamp,
    ]
    for sortColumn in types.indices {
      let store = try Up.open(SimulatedFileSystem())
      let table = TableDefinition(
        id: 1, name: "t",
        columns: types.enumerated().map {
          ColumnDefinition(id: ColumnID($0 + 1), name: "c\($0)", type: $1)
        } + [ColumnDefinition(id: 20, name: "n", type: .integer)],
        sortKey: [ColumnID(sortColumn + 1), 20])
      let create = try store.beginWrite()
      try create.apply(.createTable(table))
      try create.commit()
      var all: [[Value]] = []
      var generator = SplitMix64(seed: UInt64(sortColumn))
      for run in 0..<4 {
        let rows = (0..<20).map { row in
          types.map { randomValue($0, &generator) } + [.integer(Int128(run * 20 + row))]
        }
        all += rows
        let transaction = try store.beginWrite()
        try transaction.insert(
          RowBlock(
            columns: table.columns.map(\.id),
            batch: Batch(
              columns: table.columns.indices.map { column in
                Vector.make(table.columns[column].type, rows.map { $0[column] })
              }, rowCount: rows.count)), into: 1)
        try transaction.commit()
        try Up.flush(store)
      }
      try Up.settle(store)
      let found = try #require(try Fixture.contents(store)["t"])
      let expected = all.sorted { left, right in
        let (a, b) = (left[sortColumn], right[sortColumn])
        if a.isNull || b.isNull {
          return a.isNull == b.isNull ? left[12] < right[12] : b.isNull
        }
        return a == b ? left[12] < right[12] : a < b
      }
      #expect(found.description == expected.description, "\(types[sortColumn])")
      for segment in try store.snapshot().readers(of: 1) { try segment.verify(table) }
    }
  }

  @Test("Merges give added columns their initial value, cast widened ones, leave dropped ones out")
  func altered() throws {
    let store = try Up.open(SimulatedFileSystem())
    var table = TableDefinition(
      id: 1, name: "t",
      columns: [
        ColumnDefinition(id: 1, name: "k", type: .integer),
        ColumnDefinition(id: 2, name: "gone", type: .varchar),
        ColumnDefinition(id: 3, name: "v", type: .integer),
      ], sortKey: [1])
    let create = try store.beginWrite()
    try create.apply(.createTable(table))
    try create.commit()
    func insert(_ numbers: [Int]) throws {
      let transaction = try store.beginWrite()
      let columns = table.columns.map { column in
        Vector.make(
          column.type,
          numbers.map { column.type == .varchar ? .string("x") : .integer(Int128($0 * 10)) })
      }
      try transaction.insert(
        RowBlock(
          columns: table.columns.map(\.id), batch: Batch(columns: columns, rowCount: numbers.count)),
        into: 1)
      try transaction.commit()
    }
    try insert((0..<20).map { $0 * 4 })
    try Up.flush(store)
    // In memory when the table is altered.
    try insert((0..<20).map { $0 * 4 + 1 })
    let plan = try #require(
      UpkeepPlanner(options: store.options.upkeep, memtableByteLimit: 1 << 20)
        .flush(1, try store.snapshot().state))
    try store.begin(plan: plan)
    table.columns.remove(at: 1)
    table.columns[1].type = .bigint
    table.columns.append(
      ColumnDefinition(id: 4, name: "n", type: .integer, initialValue: .integer(7)))
    table.nextColumnID = 5
    let alter = try store.beginWrite()
    try alter.apply(.alterTable(table))
    try alter.commit()
    try store.finishJob()
    for run in 2..<4 {
      try insert((0..<20).map { $0 * 4 + run })
      try Up.flush(store)
    }
    #expect(try Up.settle(store) > 0)
    let snapshot = try store.snapshot()
    let readers = try snapshot.readers(of: 1)
    #expect(readers.allSatisfy { $0.footer.columns.map(\.id) == [1, 3, 4] })
    #expect(readers.allSatisfy { $0.column(3)?.type == .bigint })
    let rows = try #require(try Fixture.contents(store)["t"])
    let expected = (0..<80).map { row -> [Value] in
      let number = Value.integer(Int128(row * 10))
      return [number, number, row % 4 < 2 ? .integer(7) : number]
    }
    #expect(rows == expected)
  }

  private func randomValue(_ type: LogicalType, _ generator: inout SplitMix64) -> Value {
    let number = Int.random(in: -3...3, using: &generator)
    if number == 3 { return .null }
    switch type.physical {
    case .bool: return .boolean(number > 0)
    case .float32, .float64: return .double(Double(number) / 2)
    case .string: return .string(String(repeating: "ab", count: (number + 3) * 3) + "\(number)")
    default: return .integer(Int128(number))
    }
  }
}
