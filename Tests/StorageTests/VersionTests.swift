import Catalog
import Testing
import Vectors

@testable import Storage

@Suite("Format versions")
struct VersionTests {
  /// The file with another version under a checksum that fits.
  private func restamped(_ bytes: [UInt8], _ version: UInt32, seed: UInt64) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(Array(bytes.prefix(56)))
    writer.setU32(version, at: 8)
    writer.u64(Checksum.compute(writer.bytes, seed: seed))
    return writer.bytes + bytes.dropFirst(64)
  }

  @Test("Every file of another version is refused by name, and no byte is changed")
  func refused() throws {
    let (system, _) = try RecoverTests.makeWarehouse()
    func seed(_ kind: BlockIdentity.FileKind, _ file: UInt64, table: TableID = 0) -> UInt64 {
      BlockIdentity(fixedID, kind, table: table, file: file).seed
    }
    let files: [(path: String, seed: UInt64)] = [
      ("w/WAREHOUSE", 0), ("w/CURRENT", 0), ("w/TIP", seed(.tip, 0)),
      ("w/checkpoint/000002", seed(.checkpoint, 2)), ("w/log/000002.log", seed(.log, 2)),
      ("w/segments/1/000001.seg", seed(.segment, 1, table: 1)),
    ]
    for file in files {
      for version in [0, formatVersion + 1, 77] as [UInt32] {
        let copy = system.afterKill()
        var bytes = restamped(try copy.readAll(file.path), version, seed: file.seed)
        if file.path.hasSuffix(".seg") { bytes[bytes.count - 16] = UInt8(version) }
        copy.overwrite(file.path, with: bytes)
        let before = copy.files.map(\.contents)
        for mode in [AccessMode.readOnly, .readWrite] {
          #expect("\(file.path), version \(version)") {
            let store = try Fixture.open(copy, mode)
            defer { try? store.close() }
            _ = try Fixture.contents(store)
          } throws: { error in
            let error = error as? StoaError
            return error?.kind == .unsupported && error?.path == file.path
              && error?.message.contains("version \(version), this program knows version 1") == true
          }
        }
        #expect(throws: StoaError.self, "\(file.path)") {
          try RecoverTests.recover(copy, salvage: true)
        }
        #expect(copy.files.map(\.contents) == before, "\(file.path), version \(version)")
      }
    }
  }

  @Test("A backup of another version is refused")
  func backup() throws {
    let (system, _) = try RecoverTests.makeWarehouse()
    let store = try Fixture.open(system, .readOnly)
    _ = try Backup.run(store, to: "b")
    let text = String(decoding: try system.readAll("b/MANIFEST"), as: UTF8.self)
    #expect(text.hasPrefix("stoa backup 1\n"))
    let other = "stoa backup 2\n" + text.split(separator: "\n").dropFirst().joined(separator: "\n")
    system.overwrite("b/MANIFEST", with: Array(other.utf8))
    #expect { try Backup.verify("b", fileSystem: system) } throws: {
      ($0 as? StoaError)?.kind == .unsupported
    }
    #expect { try Backup.restore("b", to: "r", fileSystem: system) } throws: {
      ($0 as? StoaError)?.kind == .unsupported
    }
    #expect(try system.list("r") == nil)
  }
}
