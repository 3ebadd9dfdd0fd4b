import Vectors

/// Every access to files goes through this protocol, so that tests can count, fail, tear and stop each
/// call. `RealFileSystem` is the operating system's, `SimulatedFileSystem` lives in memory.
///
/// What callers may rely on, and no more:
/// - bytes written are durable only after `File.sync` or `File.syncContents` returned,
/// - names created, renamed or removed are durable only after `syncDirectory` of their directory returned,
/// - a rename replaces its target in one step; nothing else is atomic,
/// - after a failed sync nothing is known about the bytes it covered; nobody may retry and trust the answer.
public protocol FileSystem: AnyObject, Sendable {
  /// Opens the file at `path`.
  /// - Throws: `.io` when it is absent (mode `.read`) or the system refuses.
  func open(_ path: String, _ mode: FileMode) throws(StoaError) -> any File
  /// Size in bytes of the file at `path`, or `nil` when there is none. Directories have size 0.
  func fileSize(_ path: String) throws(StoaError) -> UInt64?
  /// Names in the directory, sorted, without `.` and `..`; `nil` when there is no such directory.
  func list(_ path: String) throws(StoaError) -> [String]?
  /// Makes one directory; its parent must exist. An existing directory is fine.
  func makeDirectory(_ path: String) throws(StoaError)
  /// Gives `source` the name `target`, replacing what had it.
  func rename(_ source: String, to target: String) throws(StoaError)
  /// Gives the file at `source` a second name.
  func link(_ source: String, to target: String) throws(StoaError)
  /// Removes a name; an absent one is fine.
  func unlink(_ path: String) throws(StoaError)
  /// Removes an empty directory; an absent one is fine.
  func removeDirectory(_ path: String) throws(StoaError)
  /// Makes names created, renamed and removed in this directory durable.
  func syncDirectory(_ path: String) throws(StoaError)
}

/// How a file is opened.
public enum FileMode: Sendable {
  /// For reading; it must exist.
  case read
  /// For reading and writing; it must exist.
  case update
  /// For reading and writing; made when absent, contents kept when not.
  case updateOrCreate
  /// For reading and writing; made when absent, emptied when not.
  case create
}

/// An open file. Closed when the last reference goes. Positions are explicit, so threads may share it.
public protocol File: AnyObject, Sendable {
  var path: String { get }
  func size() throws(StoaError) -> UInt64
  /// Reads until `target` is full or the file ends; returns the bytes read.
  func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StoaError) -> Int
  /// Reads several ranges, each in full.
  /// - Throws: `.corruption` when one of them lies past the end.
  func read(_ ranges: [FileRange]) throws(StoaError)
  /// Writes all of `bytes` at `offset`; on an error some of them may have been written.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoaError)
  /// Cuts or extends the file with zeros.
  func truncate(to size: UInt64) throws(StoaError)
  /// Makes contents and size durable, and whatever else the system keeps about the file (`fsync`).
  func sync() throws(StoaError)
  /// Makes contents and size durable (`fdatasync`).
  func syncContents() throws(StoaError)
  /// Takes a lock on `range` of byte positions (which need not exist) for this open file, waiting for
  /// nothing. Locks die with the open file, also when its process is killed.
  /// - Returns: false when another open file holds a lock that conflicts.
  func tryLock(_ range: Range<UInt64>, _ kind: LockKind) throws(StoaError) -> Bool
  func unlock(_ range: Range<UInt64>) throws(StoaError)
  /// Whether another open file holds a lock that would prevent an exclusive one on `range`.
  func isLockedElsewhere(_ range: Range<UInt64>) throws(StoaError) -> Bool
  /// Whether the file still has a name in some directory.
  func hasName() throws(StoaError) -> Bool
}

/// Kinds of locks: many readers or one writer.
public enum LockKind: Sendable { case shared, exclusive }

/// One piece of a batched read: `target.count` bytes at `offset`.
public struct FileRange: @unchecked Sendable {
  public var offset: UInt64
  public var target: UnsafeMutableRawBufferPointer

  public init(offset: UInt64, target: UnsafeMutableRawBufferPointer) {
    self.offset = offset
    self.target = target
  }
}

extension File {
  /// One call per range; a system with batched reads can do better.
  public func read(_ ranges: [FileRange]) throws(StoaError) {
    for range in ranges { try readExactly(into: range.target, at: range.offset) }
  }

  /// Fills `target`.
  /// - Throws: `.corruption` naming file and offset when the file ends before.
  public func readExactly(
    into target: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StoaError) {
    let count = try read(into: target, at: offset)
    guard count == target.count else {
      throw StoaError(
        .corruption, "the file ends \(target.count - count) bytes too early", path: path,
        offset: offset &+ UInt64(count))
    }
  }

  /// `byteCount` bytes at `offset`, in aligned memory.
  public func readBuffer(at offset: UInt64, byteCount: Int) throws(StoaError) -> Buffer {
    let buffer = Buffer(byteCount: byteCount)
    try readExactly(
      into: UnsafeMutableRawBufferPointer(start: buffer.pointer, count: byteCount), at: offset)
    return buffer
  }

  /// Whether the file has exactly these bytes at `offset`.
  public func holds(_ bytes: [UInt8], at offset: UInt64) throws(StoaError) -> Bool {
    let result = withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) {
      target -> Result<Bool, StoaError> in
      Result { () throws(StoaError) in
        var done = 0
        while done < bytes.count {
          let count = min(64, bytes.count - done)
          let part = UnsafeMutableRawBufferPointer(rebasing: target[0..<count])
          guard try read(into: part, at: offset &+ UInt64(done)) == count,
            part.elementsEqual(bytes[done..<(done + count)])
          else { return false }
          done += count
        }
        return true
      }
    }
    return try result.get()
  }

  /// Writes the whole array at `offset`.
  public func write(_ bytes: [UInt8], at offset: UInt64) throws(StoaError) {
    // The standard library's closure takers rethrow any Error, hence the Result.
    let result = bytes.withUnsafeBytes { raw -> Result<Void, StoaError> in
      Result { () throws(StoaError) in try write(raw, at: offset) }
    }
    try result.get()
  }
}

extension FileSystem {
  /// The whole file, at most `limit` bytes.
  /// - Throws: `.corruption` when it is larger.
  public func readAll(_ path: String, limit: UInt64 = 1 << 32) throws(StoaError) -> [UInt8] {
    let file = try open(path, .read)
    let size = try file.size()
    guard size <= limit else {
      throw StoaError(.corruption, "the file is larger than \(limit) bytes", path: path)
    }
    var failure: StoaError?
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(size)) { target, count in
      do throws(StoaError) {
        count = try file.read(into: UnsafeMutableRawBufferPointer(target), at: 0)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Publishes `bytes` as `directory/name`: written aside, synced, renamed, directory synced.
  public func replace(
    _ name: String, in directory: String, with bytes: [UInt8]
  ) throws(StoaError) {
    let aside = "\(directory)/\(name).tmp"
    let file = try open(aside, .create)
    try file.write(bytes, at: 0)
    try file.sync()
    try rename(aside, to: "\(directory)/\(name)")
    try syncDirectory(directory)
  }
}
