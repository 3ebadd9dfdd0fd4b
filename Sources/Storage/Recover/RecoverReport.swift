import Catalog
import Vectors

/// What `stoa recover` found, and what became of it.
public struct RecoverReport: Sendable {
  /// What a line is about.
  public enum Kind: String, Sendable {
    /// A file is not what was written.
    case damaged
    /// Commits or rows that the recovered warehouse does not have.
    case lost
    /// Rows that were saved, and where they are.
    case saved
    /// A promise about rows that is given up because it may no longer hold.
    case changed
    /// What else is worth knowing.
    case note
  }

  /// One thing, in one sentence without a final full stop.
  public struct Line: Hashable, Sendable {
    public var kind: Kind
    /// A file relative to the warehouse, a range of commits, or a table.
    public var object: String
    public var message: String
  }

  public var lines: [Line] = []
  /// Whether there is anything to be done.
  public var isNeeded = false
  /// Whether it was done.
  public var isDone = false
  /// The commit that the recovered warehouse is at.
  public var commit: CommitNumber = 0
  /// Where the files of before are kept, relative to the warehouse.
  public var keptAside: String?
  /// Rows that cannot be read any more, deleted ones not counted; those of unreadable commits are not known.
  public var lostRowCount: UInt64 = 0

  mutating func add(_ kind: Kind, _ object: String, _ message: String) {
    let line = Line(kind: kind, object: object, message: message)
    if !lines.contains(line) { lines.append(line) }
  }

  /// The lines as text, one below the other.
  public var text: String {
    lines.map { "\($0.kind.rawValue): \($0.object): \($0.message)\n" }.joined()
  }
}
