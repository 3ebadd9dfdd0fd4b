import Storage
import Synchronization
import Vectors

/// The operating system's files, with what is written to the log and to everything else counted.
final class CountingFileSystem: FileSystem {
  private let files = RealFileSystem.shared
  let logByteCount = Atomic<Int>(0)
  let otherByteCount = Atomic<Int>(0)

  func open(_ path: String, _ mode: FileMode) throws(StoaError) -> any File {
    CountingFile(try files.open(path, mode), self, isLog: path.contains("/log/"))
  }

  func fileSize(_ path: String) throws(StoaError) -> UInt64? { try files.fileSize(path) }
  func list(_ path: String) throws(StoaError) -> [String]? { try files.list(path) }
  func makeDirectory(_ path: String) throws(StoaError) { try files.makeDirectory(path) }
  func rename(_ source: String, to target: String) throws(StoaError) {
    try files.rename(source, to: target)
  }
  func link(_ source: String, to target: String) throws(StoaError) {
    try files.link(source, to: target)
  }
  func unlink(_ path: String) throws(StoaError) { try files.unlink(path) }
  func removeDirectory(_ path: String) throws(StoaError) { try files.removeDirectory(path) }
  func syncDirectory(_ path: String) throws(StoaError) { try files.syncDirectory(path) }
}

private final class CountingFile: File {
  private let file: any File
  private let owner: CountingFileSystem
  private let isLog: Bool

  init(_ file: any File, _ owner: CountingFileSystem, isLog: Bool) {
    self.file = file
    self.owner = owner
    self.isLog = isLog
  }

  var path: String { file.path }
  func size() throws(StoaError) -> UInt64 { try file.size() }
  func read(
    into target: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StoaError) -> Int { try file.read(into: target, at: offset) }
  func read(_ ranges: [FileRange]) throws(StoaError) { try file.read(ranges) }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoaError) {
    if isLog {
      owner.logByteCount.wrappingAdd(bytes.count, ordering: .relaxed)
    } else {
      owner.otherByteCount.wrappingAdd(bytes.count, ordering: .relaxed)
    }
    try file.write(bytes, at: offset)
  }

  func truncate(to size: UInt64) throws(StoaError) { try file.truncate(to: size) }
  func sync() throws(StoaError) { try file.sync() }
  func syncContents() throws(StoaError) { try file.syncContents() }
  func tryLock(_ range: Range<UInt64>, _ kind: LockKind) throws(StoaError) -> Bool {
    try file.tryLock(range, kind)
  }
  func unlock(_ range: Range<UInt64>) throws(StoaError) { try file.unlock(range) }
  func hasName() throws(StoaError) -> Bool { try file.hasName() }
  func isLockedElsewhere(_ range: Range<UInt64>) throws(StoaError) -> Bool {
    try file.isLockedElsewhere(range)
  }
}
