import Testing
import Vectors

@testable import Storage

#if canImport(Glibc)
  import Glibc
#endif

/// Calls `body` with a new directory of the real file system and removes it afterwards.
func withTemporaryDirectory(_ body: (String) throws -> Void) throws {
  var template = Array("/tmp/stoa-storage-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { throw systemError("make directory", "/tmp") }
  let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  defer { removeTree(path) }
  try body(path)
}

private func removeTree(_ path: String) {
  let system = RealFileSystem.shared
  if let names = try? system.list(path) {
    for name in names { removeTree("\(path)/\(name)") }
    try? system.removeDirectory(path)
  } else {
    try? system.unlink(path)
  }
}

@Suite("File systems")
struct FileSystemTests {
  /// The same script must give the same results on both systems.
  private func exercise(_ system: any FileSystem, _ root: String) throws {
    let path = "\(root)/a"
    #expect(try system.fileSize(path) == nil)
    #expect(throws: StoaError.self) { try system.open(path, .read) }
    let file = try system.open(path, .create)
    try file.write([1, 2, 3, 4], at: 0)
    try file.write([9], at: 6)
    #expect(try system.readAll(path) == [1, 2, 3, 4, 0, 0, 9])
    try file.truncate(to: 3)
    try file.sync()
    try file.syncContents()
    #expect(try file.size() == 3)
    #expect(throws: StoaError.self) { try file.readBuffer(at: 2, byteCount: 2) }
    try system.link(path, to: "\(root)/b")
    try system.rename(path, to: "\(root)/c")
    try system.makeDirectory("\(root)/d")
    try system.makeDirectory("\(root)/d")
    #expect(try system.list(root) == ["b", "c", "d"])
    #expect(try system.list("\(root)/absent") == nil)
    try system.unlink("\(root)/b")
    try system.unlink("\(root)/b")
    try system.removeDirectory("\(root)/d")
    try system.syncDirectory(root)
    #expect(try system.list(root) == ["c"])
    #expect(throws: StoaError.self) { try system.open("\(root)/x/y", .create) }
  }

  private func exerciseLocks(_ system: any FileSystem, _ root: String) throws {
    let path = "\(root)/lock"
    let first = try system.open(path, .updateOrCreate)
    var second: (any File)? = try system.open(path, .updateOrCreate)
    #expect(try first.tryLock(0..<1, .exclusive))
    #expect(try second!.tryLock(0..<1, .exclusive) == false)
    #expect(try second!.tryLock(5..<6, .shared))
    #expect(try first.tryLock(5..<6, .shared))
    #expect(try first.isLockedElsewhere(0..<5) == false)
    #expect(try first.isLockedElsewhere(0..<100))
    second = nil
    #expect(try first.isLockedElsewhere(0..<100) == false)
    try first.unlock(0..<1)
    let third = try system.open(path, .read)
    #expect(try third.tryLock(0..<1, .shared))
  }

  @Test("Real and simulated files behave alike")
  func sameScript() throws {
    try withTemporaryDirectory { try exercise(RealFileSystem.shared, $0) }
    try exercise(SimulatedFileSystem(), "")
  }

  @Test("Locks of two opens conflict within one process and end with the open file")
  func locks() throws {
    try withTemporaryDirectory { try exerciseLocks(RealFileSystem.shared, $0) }
    try exerciseLocks(SimulatedFileSystem(), "")
  }

  @Test("A power loss keeps what was synced and any part of the rest")
  func powerLoss() throws {
    let system = SimulatedFileSystem()
    let file = try system.open("a", .create)
    try file.write([UInt8](repeating: 1, count: 2048), at: 0)
    try file.sync()
    try system.syncDirectory("")
    try file.write([UInt8](repeating: 2, count: 2048), at: 0)
    _ = try system.open("b", .create)
    var seen: Set<[UInt8]> = []
    var names: Set<[String]> = []
    for seed in 0..<60 as Range<UInt64> {
      let after = system.afterPowerLoss(seed: seed)
      let bytes = try after.readAll("a")
      #expect(bytes.count == 2048)
      seen.insert(stride(from: 0, to: 2048, by: 512).map { bytes[$0] })
      names.insert(try after.list("") ?? [])
    }
    #expect(seen.contains([1, 1, 1, 1]) && seen.contains([2, 2, 2, 2]) && seen.count > 6)
    #expect(names == [["a"], ["a", "b"]])
    #expect(try system.afterKill().readAll("a").allSatisfy { $0 == 2 })
  }

  @Test("A stop ends every later call, and a torn write ends at a sector")
  func stop() throws {
    let system = SimulatedFileSystem()
    let file = try system.open("a", .create)
    system.inject(.stopTorn, atCall: system.callCount + 1)
    #expect(throws: StoaError.self) { try file.write([UInt8](repeating: 7, count: 3000), at: 0) }
    #expect(throws: StoaError.self) { try system.list("") }
    let count = try system.afterKill().readAll("a").count
    #expect(count % 512 == 0 && (512...2560).contains(count))
  }

  @Test("A full disk fails writes and leaves what was there")
  func full() throws {
    let system = SimulatedFileSystem()
    let file = try system.open("a", .create)
    system.inject(.diskFull, atCall: system.callCount + 1)
    #expect(throws: StoaError.self) { try file.write([1], at: 0) }
    try file.write([1], at: 0)
    system.inject(.diskFullFromHere, atCall: system.callCount + 1)
    #expect(throws: StoaError.self) { try file.write([1], at: 1) }
    #expect(throws: StoaError.self) { try file.write([1], at: 1) }
    #expect(try system.readAll("a") == [1])
  }
}

@Suite("Checksums")
struct ChecksumTests {
  @Test("XXH64 agrees with its published vectors")
  func vectors() {
    #expect(Checksum.compute([], seed: 0) == 0xEF46_DB37_51D8_E999)
    #expect(Checksum.compute(Array("abc".utf8), seed: 0) == 0x44BC_2CF5_AD77_0999)
    let long = Array("xxhash is an extremely fast non-cryptographic hash algorithm".utf8)
    #expect(Checksum.compute(long, seed: 0) != Checksum.compute(long, seed: 1))
    #expect(
      Checksum.compute(Array("Nobody inspects the spammish repetition".utf8), seed: 0)
        == 0xFBCE_A83C_8A37_8BF1)
  }

  @Test("The identity of a block is part of its checksum")
  func identity() {
    let id = WarehouseID(bytes: [1, 2, 3])
    let base = BlockIdentity(id, .segment, table: 1, file: 2, rowGroup: 3, column: 4)
    let others = [
      BlockIdentity(
        WarehouseID(bytes: [1, 2]), .segment, table: 1, file: 2, rowGroup: 3, column: 4),
      BlockIdentity(id, .log, table: 1, file: 2, rowGroup: 3, column: 4),
      BlockIdentity(id, .segment, table: 2, file: 2, rowGroup: 3, column: 4),
      BlockIdentity(id, .segment, table: 1, file: 3, rowGroup: 3, column: 4),
      BlockIdentity(id, .segment, table: 1, file: 2, rowGroup: 4, column: 4),
      BlockIdentity(id, .segment, table: 1, file: 2, rowGroup: 3, column: 5),
    ]
    #expect(Set(others.map(\.seed) + [base.seed]).count == 7)
  }
}
