import Catalog
import Synchronization
import Vectors

/// Who still reads which commit, and which files wait for that to end.
///
/// A commit in use is a shared lock on the byte of `LEASES` with that number: other processes see it, it
/// works on read-only descriptors, and it dies with the process. Within the process a count per commit.
/// A file removed by commit R may go when nobody reads a commit before R.
final class LeaseTable: Sendable {
  private struct Contents {
    var counts: [CommitNumber: Int] = [:]
    var waiting: [(removedBy: CommitNumber, path: String)] = []
  }

  private let file: (any File)?
  private let fileSystem: any FileSystem
  private let contents = Mutex(Contents())

  /// - Parameter file: `LEASES`, or `nil` when it cannot be opened (then only this process counts).
  init(file: (any File)?, fileSystem: any FileSystem) {
    self.file = file
    self.fileSystem = fileSystem
  }

  /// Counts one more reader of `commit`.
  func take(_ commit: CommitNumber) throws(StoaError) {
    try contents.withLock { contents throws(StoaError) in
      if contents.counts[commit] == nil, let file {
        _ = try file.tryLock(commit..<(commit &+ 1), .shared)
      }
      contents.counts[commit, default: 0] += 1
    }
  }

  /// One reader less.
  func release(_ commit: CommitNumber) {
    contents.withLock { contents in
      let count = (contents.counts[commit] ?? 1) - 1
      contents.counts[commit] = count > 0 ? count : nil
      // A lock that cannot be given back only delays the removal of files.
      if count == 0, let file { try? file.unlock(commit..<(commit &+ 1)) }
    }
    removeUnused()
  }

  /// Puts off the removal of files that commit `removedBy` took out of the state.
  func retire(_ paths: [String], removedBy: CommitNumber) {
    guard !paths.isEmpty else { return }
    contents.withLock { $0.waiting += paths.map { (removedBy, $0) } }
  }

  /// Whether the file waits for its readers.
  func isWaiting(_ path: String) -> Bool {
    contents.withLock { $0.waiting.contains { $0.path == path } }
  }

  /// Files that wait for their readers.
  var waitingPaths: Set<String> { contents.withLock { Set($0.waiting.map(\.path)) } }

  /// Whether another process reads a commit before `commit`.
  func isReadElsewhere(before commit: CommitNumber) -> Bool {
    guard let file, commit > 0 else { return false }
    return (try? file.isLockedElsewhere(0..<commit)) ?? true
  }

  /// Whether this process reads a commit before `commit`.
  func isReadHere(before commit: CommitNumber) -> Bool {
    contents.withLock { $0.counts.keys.contains { $0 < commit } }
  }

  /// Removes waiting files that nobody reads any more. What fails is left to the next collection.
  func removeUnused() {
    let removable = contents.withLock { contents -> [String] in
      guard !contents.waiting.isEmpty else { return [] }
      let oldest = contents.counts.keys.min() ?? .max
      let elsewhere = Set(contents.waiting.map(\.removedBy)).filter { isReadElsewhere(before: $0) }
      let (gone, kept) = contents.waiting.reduce(into: ([String](), [(CommitNumber, String)]())) {
        if $1.removedBy <= oldest && !elsewhere.contains($1.removedBy) {
          $0.0.append($1.path)
        } else {
          $0.1.append($1)
        }
      }
      contents.waiting = kept.map { (removedBy: $0.0, path: $0.1) }
      return gone
    }
    for path in removable { try? fileSystem.unlink(path) }
  }
}
