import Vectors

/// One worker's way through a pipeline: its reader, its operators, its side of the sink.
final class PipelineWorker {
  private let reader: any TableReader
  /// The reader, when nothing is between it and a sink that wants row groups whole.
  private let rowGroupReader: (any RowGroupReader)?
  private let operators: [BatchOperator]
  private let sink: SinkWorker
  private let takeMorsel: () -> Int?
  /// Looked at for every batch, whether or not it reaches the sink.
  private let cancellation: CancellationFlag
  private var isReading = false
  private var isEnded = false
  private var isFinished: [Bool]
  private let profiles: PipelineProfiles?

  init(
    reader: any TableReader, operators: [BatchOperator], sink: SinkWorker,
    takeMorsel: @escaping () -> Int?, cancellation: CancellationFlag,
    sourceProfile: OperatorProfile?, operatorProfiles: [OperatorProfile?],
    sinkProfile: OperatorProfile?
  ) {
    self.reader = reader
    rowGroupReader =
      operators.isEmpty && sink.wantsRowGroups ? reader as? any RowGroupReader : nil
    self.operators = operators
    self.sink = sink
    self.takeMorsel = takeMorsel
    self.cancellation = cancellation
    isFinished = Array(repeating: false, count: operators.count)
    let isProfiled =
      sourceProfile != nil || sinkProfile != nil || operatorProfiles.contains { $0 != nil }
    profiles =
      isProfiled
      ? PipelineProfiles(source: sourceProfile, operators: operatorProfiles, sink: sinkProfile)
      : nil
  }

  /// The next batch that reaches the sink; `nil` when all input is used up.
  func pull() throws(StoaError) -> Batch? { try pull(through: operators.count) }

  /// Hands `batch` to the sink.
  func consume(_ batch: Batch) throws(StoaError) {
    guard let profiles else { return try sink.consume(batch) }
    let start = monotonicNanoseconds()
    try sink.consume(batch)
    profiles.sink.record(since: start, rows: 0)
  }

  /// The next batch that leaves the first `count` operators.
  private func pull(through count: Int) throws(StoaError) -> Batch? {
    guard count > 0 else { return try read() }
    let index = count - 1
    let op = operators[index]
    while true {
      try cancellation.check()
      let start = profiles == nil ? 0 : monotonicNanoseconds()
      let output = try op.next()
      if let profiles {
        profiles.operators[index].record(since: start, rows: output?.rowCount ?? 0)
      }
      if let output {
        if output.rowCount > 0 { return output }
        continue
      }
      if isFinished[index] { return nil }
      if !op.isSaturated, let input = try pull(through: index) {
        let start = profiles == nil ? 0 : monotonicNanoseconds()
        try op.push(input)
        if let profiles { profiles.operators[index].record(since: start, rows: 0) }
      } else {
        isFinished[index] = true
        try op.finish()
      }
    }
  }

  /// The next rows of the source, going from morsel to morsel. A row group that the sink has taken whole gives an
  /// empty batch, so that a step of a stage does not grow with the table.
  private func read() throws(StoaError) -> Batch? {
    var start = profiles == nil ? 0 : monotonicNanoseconds()
    while true {
      try cancellation.check()
      if isReading {
        if let batch = try reader.next() {
          guard batch.rowCount > 0 else { continue }
          profiles?.source.record(since: start, rows: batch.rowCount)
          return batch
        }
        isReading = false
      }
      guard let morsel = takeMorsel() else {
        let rest = isEnded ? nil : try reader.finish()
        isEnded = true
        profiles?.source.record(since: start, rows: rest?.rowCount ?? 0)
        return rest
      }
      try reader.open(morsel: morsel)
      if try offer(&start) { return Batch(columns: [], rowCount: 0) }
      isReading = true
    }
  }

  /// Offers the open morsel to the sink; the time until now is the source's, which began at `start`.
  private func offer(_ start: inout UInt64) throws(StoaError) -> Bool {
    guard let rowGroupReader else { return false }
    var isOffered = false
    var rowCount = 0
    let isTaken = try rowGroupReader.offer { (rowGroup) throws(StoaError) in
      isOffered = true
      rowCount = rowGroup.rowCount
      if let profiles {
        profiles.source.record(since: start, rows: 0)
        start = monotonicNanoseconds()
      }
      return try sink.consume(rowGroup)
    }
    if let profiles, isOffered {
      profiles.sink.record(since: start, rows: 0)
      start = monotonicNanoseconds()
      if isTaken { profiles.source.record(since: start, rows: rowCount) }
    }
    return isTaken
  }

  /// Adds what this worker counted to the query's counters.
  func flushProfile() { profiles?.flush() }
}

/// One worker's counters, so that profiling needs no atomic operation per batch.
private final class PipelineProfiles {
  let source: LocalProfile
  let operators: [LocalProfile]
  let sink: LocalProfile

  init(source: OperatorProfile?, operators: [OperatorProfile?], sink: OperatorProfile?) {
    self.source = LocalProfile(source)
    self.operators = operators.map(LocalProfile.init)
    self.sink = LocalProfile(sink)
  }

  func flush() {
    source.flush()
    for profile in operators { profile.flush() }
    sink.flush()
  }
}

private final class LocalProfile {
  private let target: OperatorProfile?
  private var nanoseconds: UInt64 = 0
  private var rowCount = 0
  private var batchCount = 0

  init(_ target: OperatorProfile?) { self.target = target }

  func record(since start: UInt64, rows: Int) {
    nanoseconds &+= monotonicNanoseconds() &- start
    rowCount += rows
    if rows > 0 { batchCount += 1 }
  }

  func flush() {
    target?.add(nanoseconds: nanoseconds, rows: rowCount, batches: batchCount)
    nanoseconds = 0
    rowCount = 0
    batchCount = 0
  }
}
