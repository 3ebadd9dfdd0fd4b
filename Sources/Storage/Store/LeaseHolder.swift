import Catalog

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A process that reads a version: the system says who holds which lock on an open file, as far as one may look at the
/// process. A lock of an open file has no owner of its own, so the files that processes have open are gone through.
struct LeaseHolder: Hashable {
  var processID: Int32
  var commits: Range<CommitNumber>

  /// Holders of locks on the file at `path`, this process included, sorted; none where the system does not tell.
  static func all(path: String) -> [LeaseHolder] {
    var status = stat()
    guard stat(path, &status) == 0 else { return [] }
    var holders: Set<LeaseHolder> = []
    for process in names(in: "/proc") {
      guard let processID = Int32(process) else { continue }
      for descriptor in names(in: "/proc/\(process)/fd") {
        var opened = stat()
        guard stat("/proc/\(process)/fd/\(descriptor)", &opened) == 0,
          opened.st_ino == status.st_ino, opened.st_dev == status.st_dev
        else { continue }
        for commits in locks(in: "/proc/\(process)/fdinfo/\(descriptor)") {
          holders.insert(LeaseHolder(processID: processID, commits: commits))
        }
      }
    }
    return holders.sorted {
      ($0.processID, $0.commits.lowerBound) < ($1.processID, $1.commits.lowerBound)
    }
  }

  /// Byte ranges of lines such as `lock: 1: OFDLCK  ADVISORY  READ -1 fe:00:16220238 5 5`.
  static func locks(inText text: String) -> [Range<CommitNumber>] {
    text.split(separator: "\n").compactMap { line in
      let words = line.split { $0 == " " || $0 == "\t" }
      guard words.count >= 8, words[0] == "lock:", words[2] == "OFDLCK",
        let first = CommitNumber(words[words.count - 2])
      else { return nil }
      let last = CommitNumber(words[words.count - 1]) ?? .max - 1
      return last >= first && last < .max ? first..<(last + 1) : nil
    }
  }

  private static func locks(in path: String) -> [Range<CommitNumber>] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return locks(inText: String(decoding: bytes.prefix(count), as: UTF8.self))
  }

  private static func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
        String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
      }
      names.append(name)
    }
    return names
  }
}
