import Catalog
import Vectors

/// What the warehouse keeps of earlier commits, so that they can be read: a part of the state, so that every process
/// knows the same and finds it after a crash.
///
/// A commit number, not a clock, says which versions there are: `oldest` moves when a commit says so (`LogEdit.keepFrom`),
/// and only whoever writes that commit looks at the clock. Files that the newest state no longer needs stay listed
/// until `oldest` has reached the commit that took them out.
public struct Retention: Hashable, Sendable {
  /// How long a version can be read after another has taken its place; 0 keeps nothing.
  public var microseconds: Int64 = 0
  /// The oldest commit whose state can be had, and its time stamp; the newest one while nothing is kept.
  public internal(set) var oldest: CommitNumber = 0
  public internal(set) var oldestTimestamp: Int64 = 0
  /// Segments that only earlier versions have, by table; in the order in which they left.
  public internal(set) var segments: [TableID: [RetiredSegment]] = [:]

  public init() {}

  public var isOn: Bool { microseconds > 0 }

  /// Retention begins or ends, or lasts longer or shorter from now on.
  mutating func set(_ microseconds: Int64, commit: CommitNumber, timestamp: Int64) {
    guard microseconds > 0 else {
      self = Retention()
      return
    }
    if !isOn {
      oldest = commit
      oldestTimestamp = timestamp
    }
    self.microseconds = microseconds
  }

  /// Keeps a segment that commit `commit` takes out of its table.
  mutating func retire(_ segment: SegmentDescription, commit: CommitNumber, timestamp: Int64) {
    guard isOn else { return }
    segments[segment.table, default: []].append(
      RetiredSegment(segment: segment, removedBy: commit, removedAt: timestamp))
  }

  /// Forgets versions before `commit`, and the segments that nobody has since.
  mutating func keep(from commit: CommitNumber, timestamp: Int64) {
    guard isOn else { return }
    oldest = commit
    oldestTimestamp = timestamp
    for (table, retired) in segments {
      let kept = retired.filter { $0.removedBy > commit }
      if kept.count < retired.count { segments[table] = kept.isEmpty ? nil : kept }
    }
  }

  /// Edits that rebuild this in a checkpoint.
  var edits: [LogEdit] {
    guard isOn else { return [] }
    let retired = segments.keys.sorted().flatMap { segments[$0] ?? [] }
    return [
      .setProperty(.retention, microseconds), .keepFrom(oldest, timestamp: oldestTimestamp),
    ] + retired.map { .retire($0) }
  }
}

/// A segment that the newest state has no more, kept for versions before `removedBy`.
public struct RetiredSegment: Hashable, Sendable {
  public var segment: SegmentDescription
  public var removedBy: CommitNumber
  /// Time stamp of that commit.
  public var removedAt: Int64
}

/// What is set for a whole warehouse, in all its processes. Numbers are those in the log.
public enum StoreProperty: UInt32, Hashable, Sendable {
  /// Microseconds that earlier versions are kept.
  case retention = 1
}
