/// When memtables are flushed and segments merged.
public struct UpkeepOptions: Sendable {
  /// Runs that are merged at once: as many sorted runs of about one size may overlap before they become one.
  public var fanIn = 8
  /// With more overlapping runs than this, commits merge before they return.
  public var overlapLimit = 16
  /// Runs smaller than this count as one of this size.
  public var smallestRunByteCount: UInt64 = 256 << 10
  /// Segments of fewer rows count as ones of this many when neighbours are joined.
  public var smallestRowCount = 4096
  /// A segment with a larger part of its rows deleted is written anew.
  public var deletedPercent = 25
  /// Memtables of all tables together, before the largest is flushed.
  public var totalMemtableByteLimit = 96 << 20
  /// A log longer than this that is mostly rows of memtables makes the largest of them flush; with the log before it, which is
  /// kept as the way back from damage, and what arrives meanwhile, it stays below 64 MB.
  public var logByteLimit: UInt64 = 24 << 20
  /// When the warehouse is closed, memtables are flushed if the log is longer than this.
  public var closingLogByteLimit: UInt64 = 4 << 20
  /// Row groups that closing writes at most to pay debt, flushes not counted.
  public var closingRowGroupLimit = 64
  /// Rows that a merge decodes at once of each run; a multiple of 1,024.
  public var windowRowCount = 8192
  /// How segments are written.
  public var segments = SegmentWriterOptions()

  public init() {}

  /// Rows of a full segment.
  var segmentRowLimit: Int { segments.rowGroupCapacity * segments.rowGroupLimit }
}

/// What one step of upkeep did.
public enum UpkeepResult: Hashable, Sendable {
  /// Nothing is to be done.
  case idle
  /// A piece of work is done, more may follow at once.
  case worked
  /// There is work, but another process or a transaction is in its way; try again later.
  case blocked
}
