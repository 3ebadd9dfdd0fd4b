import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A stream of bytes read once from front to back in large pieces: a file, standard input, the plain text
/// inside a compressed file. One reader at a time; whoever shares one between threads locks around it.
public protocol ByteSource: AnyObject {
  /// What messages call the source: a path or `<stdin>`.
  var name: String { get }
  /// Bytes taken from the file or pipe so far (compressed ones where there is compression), for progress.
  var consumedByteCount: Int { get }
  /// Reads at least one and at most `count` bytes; 0 at the end only.
  /// - Throws: `.io` when the operating system fails, `.input` when compressed bytes make no sense.
  func read(into target: UnsafeMutableRawPointer, count: Int) throws(StoaError) -> Int
}

/// A file, pipe or terminal behind a descriptor.
public final class FileSource: ByteSource {
  /// Its path, for messages.
  public let name: String
  /// Bytes read so far.
  public private(set) var consumedByteCount = 0
  /// Size when it is a regular file, which can also be read at any offset.
  public let byteCount: Int?
  private let descriptor: Int32
  private let closesDescriptor: Bool

  /// Opens `path`.
  /// - Throws: `.io` when it is absent, not readable, or a directory.
  public convenience init(path: String) throws(StoaError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw StoaError(.io, "cannot open the file: \(FileSource.reason(errno))", path: path)
    }
    try self.init(descriptor: descriptor, name: path, closesDescriptor: true)
  }

  /// Standard input, which stays open afterwards.
  public static func standardInput() throws(StoaError) -> FileSource {
    try FileSource(descriptor: STDIN_FILENO, name: "<stdin>", closesDescriptor: false)
  }

  private init(descriptor: Int32, name: String, closesDescriptor: Bool) throws(StoaError) {
    self.name = name
    self.descriptor = descriptor
    self.closesDescriptor = closesDescriptor
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let failure = errno
      if closesDescriptor { close(descriptor) }
      throw StoaError(.io, "cannot read the file: \(FileSource.reason(failure))", path: name)
    }
    let kind = status.st_mode & S_IFMT
    if kind == S_IFDIR {
      if closesDescriptor { close(descriptor) }
      throw StoaError(
        .io, "cannot read a directory as a file", hint: "Name its files, for example with *.csv",
        path: name)
    }
    byteCount = kind == S_IFREG ? Int(status.st_size) : nil
    if closesDescriptor && kind == S_IFREG {
      _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    }
  }

  deinit { if closesDescriptor { close(descriptor) } }

  /// Reads at most `count` bytes; 0 at the end.
  public func read(into target: UnsafeMutableRawPointer, count: Int) throws(StoaError) -> Int {
    while true {
      let got = systemRead(descriptor, target, count)
      if got >= 0 {
        consumedByteCount += got
        return got
      }
      guard errno == EINTR else { throw failure(errno) }
    }
  }

  /// Reads up to `count` bytes at `offset` of a regular file, without moving the stream.
  func read(at offset: Int, into target: UnsafeMutableRawPointer, count: Int) throws(StoaError)
    -> Int
  {
    var done = 0
    while done < count {
      let got = pread(descriptor, target + done, count - done, off_t(offset + done))
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw failure(errno) }
      if got == 0 { break }
      done += got
    }
    return done
  }

  private func failure(_ code: Int32) -> StoaError {
    StoaError(
      .io, "cannot read the file: \(FileSource.reason(code))", path: name,
      offset: UInt64(consumedByteCount))
  }

  static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}

/// libc's `read`, under a name that the methods do not shadow.
private func systemRead(_ descriptor: Int32, _ target: UnsafeMutableRawPointer, _ count: Int) -> Int
{
  read(descriptor, target, count)
}

/// Bytes in memory; for tests and for text handed over by programs.
public final class MemorySource: ByteSource {
  /// What to call it in messages.
  public let name: String
  /// Bytes read so far.
  public private(set) var consumedByteCount = 0
  private let bytes: [UInt8]

  /// A source over bytes at hand.
  public init(_ bytes: [UInt8], name: String) {
    self.bytes = bytes
    self.name = name
  }

  /// Copies at most `count` bytes; 0 at the end.
  public func read(into target: UnsafeMutableRawPointer, count: Int) throws(StoaError) -> Int {
    let got = min(count, bytes.count - consumedByteCount)
    bytes.withUnsafeBytes {
      guard let base = $0.baseAddress else { return }
      target.copyMemory(from: base + consumedByteCount, byteCount: got)
    }
    consumedByteCount += got
    return got
  }
}

/// Some bytes read ahead from a source that cannot be rewound, then the rest of it.
final class ReplayedSource: ByteSource {
  let name: String
  private let head: [UInt8]
  private var headOffset = 0
  private let rest: any ByteSource

  init(_ head: [UInt8], then rest: any ByteSource) {
    name = rest.name
    self.head = head
    self.rest = rest
  }

  var consumedByteCount: Int { rest.consumedByteCount }

  func read(into target: UnsafeMutableRawPointer, count: Int) throws(StoaError) -> Int {
    guard headOffset < head.count else { return try rest.read(into: target, count: count) }
    let got = min(count, head.count - headOffset)
    head.withUnsafeBytes { target.copyMemory(from: $0.baseAddress! + headOffset, byteCount: got) }
    headOffset += got
    return got
  }
}

extension ByteSource {
  /// Reads until `count` bytes are there or the source ends.
  func readFully(into target: UnsafeMutableRawPointer, count: Int) throws(StoaError) -> Int {
    var done = 0
    while done < count {
      let got = try read(into: target + done, count: count - done)
      if got == 0 { break }
      done += got
    }
    return done
  }

  /// The first `count` bytes, or fewer when the source ends before.
  func readPrefix(_ count: Int) throws(StoaError) -> [UInt8] {
    let buffer = Buffer(byteCount: count)
    let got = try readFully(into: buffer.pointer, count: count)
    return Array(UnsafeRawBufferPointer(start: buffer.pointer, count: got))
  }
}
