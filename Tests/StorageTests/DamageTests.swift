import Catalog
import Testing
import Vectors

@testable import Storage

/// Bytes flipped and files cut: the right answer, or an error or a warning that names the file. Never a trap,
/// never another answer.
@Suite("Damage")
struct DamageTests {
  private typealias Contents = [String: [[Value]]]

  /// A closed warehouse with two checkpoints, a log and segments of two tables.
  private func makeWarehouse() throws -> (files: SimulatedFileSystem, states: [Contents]) {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    var states = [try Fixture.contents(store)]
    let steps: [(TableStore) throws -> Void] = [
      { try Fixture.create("t", in: $0) },
      { try Fixture.load(0..<70, into: "t", in: $0) },
      { try $0.checkpoint() },
      { try Fixture.create("u", in: $0) },
      { try Fixture.load(3..<9, into: "u", in: $0) },
      { try Fixture.load(70..<80, into: "t", in: $0) },
    ]
    for step in steps {
      try step(store)
      states.append(try Fixture.contents(store))
    }
    try store.close()
    return (system, states)
  }

  /// Opens and reads everything after `path` was changed.
  private func check(
    _ system: SimulatedFileSystem, _ path: String, _ states: [Contents], _ place: String
  ) throws {
    try? Inspector.inspect(path, fileSystem: system) { _ in }
    let store: TableStore
    do { store = try Fixture.open(system) } catch let error as StoaError {
      #expect(error.path == path, "\(place): the error names another file: \(error)")
      return
    }
    let isReported = store.warnings.contains { $0.contains(path) }
    do {
      let found = try Fixture.contents(store)
      if found == states.last { return }
      #expect(isReported && states.contains(found), "\(place): \(store.warnings)")
      #expect(store.refusal != nil, "\(place): writing is allowed on damage")
      let before = system.files.map(\.contents)
      #expect(throws: StoaError.self) { try store.beginWrite() }
      #expect(system.files.map(\.contents) == before, "\(place): something was written")
    } catch let error as StoaError {
      #expect(error.path == path || isReported, "\(place): the error names another file: \(error)")
      #expect(error.kind == .corruption || error.kind == .io, "\(place): \(error)")
    }
  }

  @Test("2,000 flipped bytes")
  func flips() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("flip seed \(seed)")
    var random = SplitMix64(seed: seed)
    let (system, states) = try makeWarehouse()
    let files = system.files.filter { !$0.contents.isEmpty }
    for _ in 0..<2000 {
      let file = files[Int.random(in: 0..<files.count, using: &random)]
      let offset = Int.random(in: 0..<file.contents.count, using: &random)
      let bit = UInt8(1) << UInt8.random(in: 0..<8, using: &random)
      var broken = file.contents
      broken[offset] ^= bit
      system.overwrite(file.path, with: broken)
      try check(
        system.afterKill(), file.path, states,
        "seed \(seed): \(file.path) offset \(offset) bit \(bit)")
      system.overwrite(file.path, with: file.contents)
    }
  }

  @Test("Every file cut near its ends and at 200 places between, and every file missing")
  func truncations() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("truncation seed \(seed)")
    var random = SplitMix64(seed: seed)
    let (system, states) = try makeWarehouse()
    let files = system.files.filter { !$0.contents.isEmpty }
    for _ in 0..<200 {
      let file = files[Int.random(in: 0..<files.count, using: &random)]
      let length = Int.random(in: 0..<file.contents.count, using: &random)
      system.overwrite(file.path, with: Array(file.contents.prefix(length)))
      try check(
        system.afterKill(), file.path, states, "seed \(seed): \(file.path) cut to \(length)")
      system.overwrite(file.path, with: file.contents)
    }
    for file in files {
      let count = file.contents.count
      for length in Set((0..<min(count, 120)).map { $0 } + (max(0, count - 60)..<count).map { $0 })
      {
        system.overwrite(file.path, with: Array(file.contents.prefix(length)))
        try check(system.afterKill(), file.path, states, "\(file.path) cut to \(length)")
      }
      system.overwrite(file.path, with: file.contents)
    }
    for file in files where !file.path.hasSuffix("WAREHOUSE") {
      let copy = system.afterKill()
      try copy.unlink(file.path)
      try check(copy, file.path, states, "\(file.path) missing")
    }
  }

  @Test("A segment in the place of another one is damage")
  func swapped() throws {
    let (system, _) = try makeWarehouse()
    let segments = system.files.filter { $0.path.contains("segments/1/") }
    #expect(segments.count == 2)
    system.overwrite(segments[1].path, with: segments[0].contents)
    let store = try Fixture.open(system)
    #expect {
      try Fixture.contents(store)
    } throws: { ($0 as? StoaError)?.path == segments[1].path }
  }

  @Test("Without WAREHOUSE a directory with segments is refused, not begun anew")
  func lostIdentity() throws {
    let (system, _) = try makeWarehouse()
    try system.unlink("w/WAREHOUSE")
    let before = system.files.map(\.contents)
    #expect(throws: StoaError.self) { try Fixture.open(system) }
    #expect(system.files.map(\.contents) == before)
  }
}

@Suite("Inspection")
struct InspectorTests {
  @Test("Every file is printed in the words of its diagram")
  func allFiles() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.load(0..<40, into: "t", in: store)
    try store.checkpoint()
    try Fixture.load(40..<50, into: "t", in: store)
    try store.close()
    var lines: [String] = []
    for file in system.files {
      try Inspector.inspect(file.path, fileSystem: system) { lines.append($0) }
    }
    let text = lines.joined(separator: "\n")
    #expect(!text.contains("damaged"), "\(text)")
    for expected in [
      "warehouse id 01020304-0506-0708-090a-0b0c0d0e0f10", "checkpoint number 2",
      "closed cleanly true",
      "create table id 1 \"t\" sort key [1]", "add segment table 1 id 2",
      "rowGroupCount 3, rows [16, 16, 8]",
      "column id 2 VARCHAR", "dictionaryEntryCount 7", "row group 1: offset ", "encoding ",
    ] {
      #expect(text.contains(expected), "\(expected) is missing")
    }
    var directory: [String] = []
    try Inspector.inspect("w", fileSystem: system) { directory.append($0) }
    #expect(directory.contains { $0.hasPrefix("log file") })
  }

  @Test("A damaged record does not hide the ones behind it")
  func damagedLog() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    for name in ["a", "b", "c"] { try Fixture.create(name, in: store) }
    var bytes = try system.readAll("w/log/000001.log")
    bytes[70] ^= 255
    system.overwrite("w/log/000001.log", with: bytes)
    var lines: [String] = []
    try Inspector.inspect("w/log/000001.log", fileSystem: system) { lines.append($0) }
    #expect(lines.contains { $0.hasPrefix("damaged:") })
    #expect(lines.contains { $0.contains("\"b\"") } && lines.contains { $0.contains("\"c\"") })
    system.overwrite("w/other", with: [1, 2, 3])
    #expect(throws: StoaError.self) {
      try Inspector.inspect("w/other", fileSystem: system) { _ in }
    }
  }

  @Test("A file whose first bytes are damaged is told by its name")
  func damagedMagic() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.load(0..<40, into: "t", in: store)
    try store.checkpoint()
    try store.close()
    for file in system.files where file.contents.count > 24 && !file.path.hasSuffix("LOCK") {
      var bytes = file.contents
      bytes[1] ^= 16
      system.overwrite(file.path, with: bytes)
      var lines: [String] = []
      try Inspector.inspect(file.path, fileSystem: system) { lines.append($0) }
      #expect(lines.contains { $0.hasPrefix("damaged:") }, "\(file.path): \(lines)")
      #expect(lines.count > 4, "\(file.path): \(lines)")
    }
  }
}
