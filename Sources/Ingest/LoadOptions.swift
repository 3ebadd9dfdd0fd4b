import SQL
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a load may use and tolerate.
public struct LoadOptions: Sendable {
  /// Threads that parse, check, sort and encode.
  public var threads: Int
  /// Rows of a file that may be left out because they do not fit; more end the load.
  public var maximalRejectCount = 0
  /// Where left-out rows are written; `nil` chooses a file in the warehouse.
  public var rejectPath: String?
  /// Where sorted runs go that do not fit into memory.
  public var temporaryDirectory: String
  /// Bytes of rows that are sorted in memory at once; `nil` takes half of what the budget has left.
  public var sortByteLimit: Int?
  /// Numbers for DEFAULTs that take them of sequences.
  public var sequences: (any SequenceSource)?
  /// Called now and then, on any thread, one call at a time.
  public var progress: (@Sendable (LoadProgress) -> Void)?
  /// Asked between blocks of rows, on any thread; throws to end the load.
  public var checkCancellation: (@Sendable () throws(StoaError) -> Void)?

  /// - Parameter threads: as many as the process may use processors unless given.
  public init(threads: Int? = nil, temporaryDirectory: String = "/tmp") {
    self.threads = max(1, threads ?? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    self.temporaryDirectory = temporaryDirectory
  }
}

/// How far a load has come.
public struct LoadProgress: Sendable {
  /// What is being done.
  public enum Phase: Sendable { case reading, sorting, writing }
  /// What the load does now.
  public var phase: Phase
  /// Rows read, or written in the last phase.
  public var rowCount: Int
  /// Rows left out so far.
  public var rejectCount: Int
  /// Bytes of the files read so far, and in all where that is known.
  public var byteCount: Int
  /// Bytes there are to read, when known.
  public var totalByteCount: Int?
  /// Since the load began.
  public var seconds: Double
}

/// What a load did.
public struct LoadSummary: Sendable {
  /// Rows added to the table.
  public var rowCount = 0
  /// Rows left out.
  public var rejectCount = 0
  /// Where they are described, when there are any.
  public var rejectPath: String?
  /// Bytes read from files.
  public var byteCount = 0
  /// How long it took, the commit not included.
  public var seconds = 0.0
  /// Segments written, and their bytes on disk.
  public var segmentCount = 0
  /// Bytes of the segments written.
  public var segmentByteCount = 0
  /// Sorted runs that went through temporary files; 0 when all was sorted in memory.
  public var spilledRunCount = 0

  /// A load that did nothing.
  public init() {}

  /// Rows loaded per second.
  public var rowsPerSecond: Double { seconds > 0 ? Double(rowCount) / seconds : 0 }
}
