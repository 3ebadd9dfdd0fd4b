import CKernels
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The operating system's files, through libc. Interrupted calls are repeated, short reads and writes
/// continued; a failed sync is reported once and never repeated.
public final class RealFileSystem: FileSystem {
  public static let shared = RealFileSystem()

  public init() {}

  public func open(_ path: String, _ mode: FileMode) throws(StoaError) -> any File {
    let flags: Int32 =
      switch mode {
      case .read: O_RDONLY
      case .update: O_RDWR
      case .updateOrCreate: O_RDWR | O_CREAT
      case .create: O_RDWR | O_CREAT | O_TRUNC
      }
    let descriptor = repeating { systemOpen(path, flags | O_CLOEXEC, 0o644) }
    guard descriptor >= 0 else { throw systemError("open", path) }
    return RealFile(descriptor: descriptor, path: path)
  }

  public func fileSize(_ path: String) throws(StoaError) -> UInt64? {
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw systemError("look up", path)
    }
    return status.st_mode & S_IFMT == S_IFDIR ? 0 : UInt64(max(0, status.st_size))
  }

  public func list(_ path: String) throws(StoaError) -> [String]? {
    guard let directory = opendir(path) else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw systemError("list", path)
    }
    defer { closedir(directory) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { throw systemError("list", path) }
    return names.sorted()
  }

  public func makeDirectory(_ path: String) throws(StoaError) {
    guard mkdir(path, 0o755) == 0 else {
      let code = errno
      var status = stat()
      if code == EEXIST, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return }
      throw systemError("make directory", path, code)
    }
  }

  public func rename(_ source: String, to target: String) throws(StoaError) {
    guard systemRename(source, target) == 0 else { throw systemError("rename", source) }
  }

  public func link(_ source: String, to target: String) throws(StoaError) {
    guard systemLink(source, target) == 0 else { throw systemError("link", source) }
  }

  public func unlink(_ path: String) throws(StoaError) {
    guard systemUnlink(path) == 0 || errno == ENOENT else { throw systemError("remove", path) }
  }

  public func removeDirectory(_ path: String) throws(StoaError) {
    guard rmdir(path) == 0 || errno == ENOENT else { throw systemError("remove directory", path) }
  }

  public func syncDirectory(_ path: String) throws(StoaError) {
    let descriptor = repeating { systemOpen(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw systemError("open directory", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw systemError("sync directory", path) }
  }
}

/// Calls again while the call is interrupted by a signal.
private func repeating<T: SignedInteger>(_ call: () -> T) -> T {
  while true {
    let result = call()
    if result >= 0 || errno != EINTR { return result }
  }
}

/// The error for `errno`; a full disk is a matter of resources, everything else of input and output.
func systemError(_ verb: String, _ path: String, _ code: Int32 = errno) -> StoaError {
  let reason = strerror(code).map { String(cString: $0) } ?? "error \(code)"
  let isFull = code == ENOSPC || code == EDQUOT || code == EFBIG
  return StoaError(isFull ? .resource : .io, "cannot \(verb): \(reason)", path: path)
}

private final class RealFile: File {
  let descriptor: Int32
  let path: String

  init(descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  deinit { close(descriptor) }

  func size() throws(StoaError) -> UInt64 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw systemError("look up", path) }
    return UInt64(max(0, status.st_size))
  }

  func hasName() throws(StoaError) -> Bool {
    let count = stoa_link_count(descriptor)
    guard count >= 0 else { throw systemError("look up", path) }
    return count > 0
  }

  func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StoaError) -> Int
  {
    guard let base = target.baseAddress else { return 0 }
    var done = 0
    while done < target.count {
      guard let position = off_t(exactly: offset &+ UInt64(done)) else { return done }
      let count = repeating { pread(descriptor, base + done, target.count - done, position) }
      if count < 0 { throw systemError("read", path) }
      if count == 0 { break }
      done += count
    }
    return done
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoaError) {
    guard let base = bytes.baseAddress else { return }
    var done = 0
    while done < bytes.count {
      guard let position = off_t(exactly: offset &+ UInt64(done)) else {
        throw systemError("write", path, EFBIG)
      }
      let count = repeating { pwrite(descriptor, base + done, bytes.count - done, position) }
      if count < 0 { throw systemError("write", path) }
      if count == 0 { throw systemError("write", path, ENOSPC) }
      done += count
    }
  }

  func truncate(to size: UInt64) throws(StoaError) {
    let length = off_t(clamping: size)
    guard repeating({ ftruncate(descriptor, length) }) == 0 else {
      throw systemError("truncate", path)
    }
  }

  func sync() throws(StoaError) {
    guard fsync(descriptor) == 0 else { throw systemError("sync", path) }
  }

  func syncContents() throws(StoaError) {
    guard fdatasync(descriptor) == 0 else { throw systemError("sync", path) }
  }

  // Open-file-description locks (Linux 3.15, macOS lacks them): they belong to the open file instead of
  // the process, so two opens in one process conflict as two processes do. Not in Swift's Glibc overlay.
  private static let getLockCommand: Int32 = 36
  private static let setLockCommand: Int32 = 37

  private func lockRecord(_ range: Range<UInt64>, _ type: Int32) -> flock {
    var record = flock()
    record.l_type = Int16(type)
    record.l_whence = Int16(SEEK_SET)
    record.l_start = off_t(clamping: range.lowerBound)
    record.l_len = off_t(clamping: range.upperBound - range.lowerBound)
    return record
  }

  func tryLock(_ range: Range<UInt64>, _ kind: LockKind) throws(StoaError) -> Bool {
    var record = lockRecord(range, Int32(kind == .shared ? F_RDLCK : F_WRLCK))
    if repeating({ fcntl(descriptor, RealFile.setLockCommand, &record) }) == 0 { return true }
    if errno == EAGAIN || errno == EACCES { return false }
    throw systemError("lock", path)
  }

  func unlock(_ range: Range<UInt64>) throws(StoaError) {
    var record = lockRecord(range, Int32(F_UNLCK))
    guard repeating({ fcntl(descriptor, RealFile.setLockCommand, &record) }) == 0 else {
      throw systemError("unlock", path)
    }
  }

  func isLockedElsewhere(_ range: Range<UInt64>) throws(StoaError) -> Bool {
    var record = lockRecord(range, Int32(F_WRLCK))
    guard repeating({ fcntl(descriptor, RealFile.getLockCommand, &record) }) == 0 else {
      throw systemError("look up locks of", path)
    }
    return Int32(record.l_type) != Int32(F_UNLCK)
  }
}

// The libc functions whose names the methods above take.
private func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t = 0) -> Int32 {
  open(path, flags, mode)
}
private func systemRename(_ source: String, _ target: String) -> Int32 { rename(source, target) }
private func systemLink(_ source: String, _ target: String) -> Int32 { link(source, target) }
private func systemUnlink(_ path: String) -> Int32 { unlink(path) }
