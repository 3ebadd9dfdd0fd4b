import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Whether a warehouse is opened for reading only.
public enum AccessMode: Sendable {
  case readOnly
  /// Reading and writing; an absent warehouse is made.
  case readWrite
}

/// Settings of one open warehouse that tests and sessions change.
public struct StoreOptions: Sendable {
  /// How long a writer waits for another one.
  public var lockTimeoutMilliseconds = 5000
  /// A log longer than this gets a checkpoint and a successor.
  public var logByteLimit: UInt64 = 4 << 20
  /// A log with more commits than this gets them too: reading back a commit of one row takes some microseconds.
  public var logCommitLimit: UInt64 = 100_000
  /// A log gets them at this length at the latest, also while its rows are only in memory; commits that wait for memory
  /// to be flushed keep it there.
  var longestLogByteCount: UInt64 { logByteLimit &* 7 }
  /// Bytes of zeros written ahead of the log's end at a time: the first step, which then doubles, and the largest.
  /// 0 writes none.
  public var logExtension: UInt64 = 64 << 10
  public var maximalLogExtension: UInt64 = 4 << 20
  /// A memtable of this many bytes takes no more rows.
  public var memtableByteLimit = 32 << 20
  /// Rows that one transaction inserts into one table beyond this many bytes become a segment before its commit; four
  /// times as many for all tables.
  public var transactionByteLimit = 16 << 20
  /// Loads of more rows become segments at once, instead of rows of the log and of a memtable.
  public var inlineRowLimit = 16_384
  /// A log longer than this is checkpointed when the warehouse is closed.
  public var closingLogByteLimit: UInt64 = 64 << 10
  /// When rows are moved to where they are read fastest.
  public var upkeep = UpkeepOptions()
  /// Identity of a warehouse that is made; random unless a test fixes it.
  public var newWarehouseID: WarehouseID?
  /// Microseconds since 1970.
  public var clock: @Sendable () -> Int64 = { systemMicroseconds() }

  public init() {}
}

/// Microseconds since 1970 by the system's clock.
public func systemMicroseconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1000
}

/// Milliseconds that only go forward, for time-outs.
func monotonicMilliseconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000
}

func pauseMilliseconds(_ count: UInt32) { usleep(count &* 1000) }

func currentProcessID() -> Int32 { getpid() }
