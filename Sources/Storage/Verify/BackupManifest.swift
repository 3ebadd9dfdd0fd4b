import Catalog
import Vectors

/// The file MANIFEST of a backup: every file with size and checksum. Written last, so a backup without it, or with
/// a damaged one, was interrupted. Text, a line each, and nothing else counts as one:
///
///   stoa backup 1                              format version
///   warehouse 01020304-0506-0708-090a-0b0c…    whose state it is
///   commit 12                                  which state
///   timestamp 1700000000000000                 when that was committed, microseconds since 1970
///   file 64 0123456789abcdef WAREHOUSE.backup  size, checksum, path; in order of the paths
///   checksum 0123456789abcdef                  of all lines before
struct BackupManifest: Hashable {
  static let name = "MANIFEST"

  /// One file of the backup.
  struct Entry: Hashable {
    var path: String
    var byteCount: UInt64
    /// See `FileCopy.checksum`.
    var checksum: UInt64
  }

  var warehouse: WarehouseID
  var commit: CommitNumber
  var timestamp: Int64
  var files: [Entry] = []

  func encoded() -> [UInt8] {
    var text = "stoa backup \(formatVersion)\nwarehouse \(warehouse)\ncommit \(commit)\n"
    text += "timestamp \(timestamp)\n"
    for file in files.sorted(by: { $0.path < $1.path }) {
      text += "file \(file.byteCount) \(BackupManifest.hex(file.checksum)) \(file.path)\n"
    }
    let checksum = Checksum.compute(Array(text.utf8), seed: 0)
    return Array((text + "checksum \(BackupManifest.hex(checksum))\n").utf8)
  }

  init(warehouse: WarehouseID, commit: CommitNumber, timestamp: Int64) {
    self.warehouse = warehouse
    self.commit = commit
    self.timestamp = timestamp
  }

  /// - Throws: `.corruption` for anything but what `encoded` gives.
  init(_ bytes: [UInt8], path: String) throws(StoaError) {
    let damaged = StoaError(.corruption, "the manifest of the backup is damaged", path: path)
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
      $0.split(separator: " ", maxSplits: 3).map(String.init)
    }
    guard lines.count >= 5, lines[0].count == 3, lines[0].prefix(2) == ["stoa", "backup"],
      let version = UInt32(lines[0][2])
    else { throw damaged }
    try requireKnownVersion(version, path)
    guard lines[1].first == "warehouse", let id = BackupManifest.id(lines[1].last ?? ""),
      lines[2].first == "commit", let commit = UInt64(lines[2].last ?? ""),
      lines[3].first == "timestamp", let timestamp = Int64(lines[3].last ?? "")
    else { throw damaged }
    self.init(warehouse: id, commit: commit, timestamp: timestamp)
    for line in lines[4..<(lines.count - 1)] {
      guard line.count == 4, line[0] == "file", let size = UInt64(line[1]),
        let checksum = UInt64(line[2], radix: 16), BackupManifest.isOurs(line[3])
      else { throw damaged }
      files.append(Entry(path: line[3], byteCount: size, checksum: checksum))
    }
    guard encoded() == bytes, Set(files.map(\.path)).count == files.count else { throw damaged }
  }

  /// Reads and checks the manifest of the backup in `directory`.
  /// - Throws: `.corruption` when there is none: the backup was interrupted.
  static func read(_ directory: String, _ fileSystem: any FileSystem) throws(StoaError)
    -> BackupManifest
  {
    let path = "\(directory)/\(name)"
    guard try fileSystem.list(directory) != nil else {
      throw StoaError(.io, "there is no backup here", path: directory)
    }
    guard try fileSystem.fileSize(path) != nil else {
      throw StoaError(
        .corruption, "the directory holds no complete backup: it has no \(name) file",
        hint: "The backup was interrupted, or this is none; make it again", path: directory)
    }
    return try BackupManifest(try fileSystem.readAll(path), path: path)
  }

  /// Paths lead nowhere but into the backup.
  private static func isOurs(_ path: String) -> Bool {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && !$0.utf8.contains(0) }
  }

  private static func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }

  private static func id(_ text: String) -> WarehouseID? {
    let digits = Array(text.utf8.filter { $0 != 0x2D })
    guard digits.count == 32 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: 32, by: 2) {
      guard
        let byte = UInt8(String(decoding: digits[index..<(index + 2)], as: UTF8.self), radix: 16)
      else { return nil }
      bytes.append(byte)
    }
    return WarehouseID(bytes: bytes)
  }
}

/// Whole files, a piece at a time.
struct FileCopy {
  static let pieceByteCount = 1 << 20
  let fileSystem: any FileSystem

  /// Checksum and size of a file: XXH64 of each MiB, seeded with the result of the one before, the first with 0.
  func checksum(_ path: String) throws(StoaError) -> (checksum: UInt64, byteCount: UInt64) {
    try run(path) { (_, _) throws(StoaError) in }
  }

  /// Copies a file to a new one and syncs that; its directory is the caller's to sync.
  func copy(
    _ source: String, to target: String
  ) throws(StoaError) -> (checksum: UInt64, byteCount: UInt64) {
    let file = try fileSystem.open(target, .create)
    let result = try run(source) { bytes, offset throws(StoaError) in
      try file.write(bytes, at: offset)
    }
    try file.sync()
    return result
  }

  private func run(
    _ path: String, _ body: (UnsafeRawBufferPointer, UInt64) throws(StoaError) -> Void
  ) throws(StoaError) -> (checksum: UInt64, byteCount: UInt64) {
    let file = try fileSystem.open(path, .read)
    let size = try file.size()
    let buffer = Buffer(byteCount: FileCopy.pieceByteCount)
    defer { withExtendedLifetime(buffer) {} }
    var offset: UInt64 = 0
    var checksum: UInt64 = 0
    while offset < size {
      let count = Int(min(size - offset, UInt64(FileCopy.pieceByteCount)))
      try file.readExactly(
        into: UnsafeMutableRawBufferPointer(start: buffer.pointer, count: count), at: offset)
      let piece = UnsafeRawBufferPointer(start: buffer.pointer, count: count)
      checksum = Checksum.compute(piece, seed: checksum)
      try body(piece, offset)
      offset += UInt64(count)
    }
    return (checksum, size)
  }
}
