import SQL
import Synchronization

/// What one operator of a running query did; filled by all workers.
public final class OperatorProfile: Sendable {
  private let rows = Atomic<Int>(0)
  private let batches = Atomic<Int>(0)
  private let time = Atomic<UInt64>(0)
  private let groupsRead = Atomic<Int>(0)
  private let groupsSkipped = Atomic<Int>(0)
  private let groupsFromMetadata = Atomic<Int>(0)
  private let groupsEncoded = Atomic<Int>(0)
  private let bytes = Atomic<Int>(0)
  private let spilled = Atomic<Int>(0)
  /// How it was done, when there was a choice: `dense`, `hash`, `array`.
  private let strategies = Mutex<[String]>([])

  /// Nothing counted yet.
  public init() {}

  /// Rows given out.
  public var rowCount: Int { rows.load(ordering: .relaxed) }
  public var batchCount: Int { batches.load(ordering: .relaxed) }
  /// Time of all workers together in this operator alone.
  public var nanoseconds: UInt64 { time.load(ordering: .relaxed) }
  /// Row groups a scan looked into, and those that zone maps or filters let it leave out.
  public var rowGroupsRead: Int { groupsRead.load(ordering: .relaxed) }
  public var rowGroupsSkipped: Int { groupsSkipped.load(ordering: .relaxed) }
  /// Row groups that zone maps and row counts alone answered; they count as neither read nor skipped.
  public var rowGroupsFromMetadata: Int { groupsFromMetadata.load(ordering: .relaxed) }
  /// Of the row groups read, those whose chunks answered without being expanded.
  public var rowGroupsEncoded: Int { groupsEncoded.load(ordering: .relaxed) }
  /// Encoded bytes of the column chunks a scan used.
  public var byteCount: Int { bytes.load(ordering: .relaxed) }
  /// Bytes written to temporary files.
  public var spilledByteCount: Int { spilled.load(ordering: .relaxed) }
  /// How the operator chose to work, in order of choice.
  public var strategy: String? {
    strategies.withLock { $0.isEmpty ? nil : $0.joined(separator: ", ") }
  }

  func add(nanoseconds: UInt64 = 0, rows: Int = 0, batches: Int = 0) {
    time.add(nanoseconds, ordering: .relaxed)
    self.rows.add(rows, ordering: .relaxed)
    self.batches.add(batches, ordering: .relaxed)
  }

  func addScan(read: Int, skipped: Int, bytes: Int) {
    groupsRead.add(read, ordering: .relaxed)
    groupsSkipped.add(skipped, ordering: .relaxed)
    self.bytes.add(bytes, ordering: .relaxed)
  }

  func addAnswered(fromMetadata: Int = 0, encoded: Int = 0) {
    groupsFromMetadata.add(fromMetadata, ordering: .relaxed)
    groupsEncoded.add(encoded, ordering: .relaxed)
  }

  /// Adds all that another operator counted.
  func add(_ other: OperatorProfile) {
    add(nanoseconds: other.nanoseconds, rows: other.rowCount, batches: other.batchCount)
    addScan(read: other.rowGroupsRead, skipped: other.rowGroupsSkipped, bytes: other.byteCount)
    addAnswered(fromMetadata: other.rowGroupsFromMetadata, encoded: other.rowGroupsEncoded)
    addSpill(bytes: other.spilledByteCount)
    for strategy in other.strategies.withLock({ $0 }) { note(strategy: strategy) }
  }

  func addSpill(bytes: Int) { spilled.add(bytes, ordering: .relaxed) }

  func note(strategy: String) {
    strategies.withLock { if !$0.contains(strategy) { $0.append(strategy) } }
  }
}

/// The profile of a whole query: one `OperatorProfile` per operator, in the order in which EXPLAIN prints
/// them (an operator before its inputs, inputs in the order of `PhysicalPlan.inputs`).
public final class QueryProfile: @unchecked Sendable {
  /// One per operator, in EXPLAIN's order; fixed before the query runs.
  public internal(set) var operators: [OperatorProfile] = []
  /// Wall time from the first pull to the end of the result.
  public internal(set) var wallNanoseconds: UInt64 = 0

  /// Nothing counted yet.
  public init() {}

  func makeOperator() -> OperatorProfile {
    let made = OperatorProfile()
    operators.append(made)
    return made
  }
}

extension OperatorProfile {
  /// The actual figures as EXPLAIN ANALYZE appends them to an operator's line.
  public var annotation: String {
    var text = "rows=\(rowCount) time=\(OperatorProfile.milliseconds(nanoseconds))"
    if let strategy { text += " strategy=\(strategy)" }
    if rowGroupsRead + rowGroupsSkipped + rowGroupsFromMetadata > 0 {
      text += " row_groups=\(rowGroupsRead) skipped=\(rowGroupsSkipped) bytes=\(byteCount)"
    }
    if rowGroupsFromMetadata > 0 { text += " from_metadata=\(rowGroupsFromMetadata)" }
    if rowGroupsEncoded > 0 { text += " encoded=\(rowGroupsEncoded)" }
    if spilledByteCount > 0 { text += " spilled=\(spilledByteCount)" }
    return text
  }

  /// `1234567` as `1.235 ms`.
  static func milliseconds(_ nanoseconds: UInt64) -> String {
    let micro = (nanoseconds + 500) / 1000
    let fraction = String(micro % 1000)
    return "\(micro / 1000)." + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction
      + " ms"
  }
}

extension ExplainPrinter {
  /// EXPLAIN ANALYZE: the operators of `plan` with what `profile`, filled by running it, found.
  public func text(of plan: PhysicalPlan, profile: QueryProfile) -> String {
    var text = lines(of: plan).enumerated().map { index, line in
      var entry = String(repeating: "  ", count: line.depth) + line.text
      entry += "  ~" + ExplainPrinter.rowCount(line.estimatedRows)
      if index < profile.operators.count { entry += "  " + profile.operators[index].annotation }
      return entry
    }.joined(separator: "\n")
    text += "\nTotal: " + OperatorProfile.milliseconds(profile.wallNanoseconds)
    return text
  }
}
