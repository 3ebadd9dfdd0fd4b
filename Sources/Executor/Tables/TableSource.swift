import Vectors

/// Where rows come from: a table at a snapshot, a file, rows made by an operator before. Shared by all
/// workers of a pipeline; each reads through a reader of its own.
public protocol TableSource: AnyObject, Sendable {
  /// Called once, after everything the source depends on is done (runtime filters are published) and before
  /// any other member is used.
  func prepare() throws(StoaError)
  /// Pieces that can be read independently, taken by workers in ascending order.
  var morselCount: Int { get }
  /// Rows there will be, roughly; decides how many workers are worth waking.
  var estimatedRowCount: Int { get }
  /// Rows must be read in the order of morsels by one worker (the result of a sort).
  var isOrdered: Bool { get }
  /// A reader for one worker.
  func makeReader() throws(StoaError) -> any TableReader
}

extension TableSource {
  /// Nothing to prepare.
  public func prepare() throws(StoaError) {}
  public var isOrdered: Bool { false }
}

/// Reads morsels one after the other for one worker.
public protocol TableReader: AnyObject {
  /// Begins morsel `morsel`; the one before is finished or abandoned.
  func open(morsel: Int) throws(StoaError)
  /// The next rows of the morsel (a batch may be empty); `nil` at its end.
  func next() throws(StoaError) -> Batch?
  /// There are no more morsels for this reader: rows it kept back to make larger batches.
  func finish() throws(StoaError) -> Batch?
}

extension TableReader {
  /// Nothing was kept back.
  public func finish() throws(StoaError) -> Batch? { nil }
}
