import Vectors

/// The rows of several chains one after the other: UNION ALL inside a pipeline. Morsels are numbered through.
final class UnionSource: TableSource, @unchecked Sendable {
  private let branches: [Chain]
  private let cancellation: CancellationFlag
  /// First morsel of each branch, and the number of all.
  private var starts: [Int] = []
  let isOrdered: Bool

  init(_ branches: [Chain], cancellation: CancellationFlag) {
    self.branches = branches
    self.cancellation = cancellation
    isOrdered = branches.contains { $0.isOrdered || $0.source.isOrdered }
  }

  func prepare() throws(StoaError) {
    starts = [0]
    for branch in branches {
      for factory in branch.operators { try factory.prepare() }
      try branch.source.prepare()
      starts.append(starts[starts.count - 1] + branch.source.morselCount)
    }
  }

  var morselCount: Int { starts.last ?? 0 }
  var estimatedRowCount: Int { branches.reduce(0) { $0 + $1.source.estimatedRowCount } }
  func makeReader() -> any TableReader { Reader(branches, starts, cancellation) }

  private final class Reader: TableReader {
    private let branches: [Chain]
    private let starts: [Int]
    private let cancellation: CancellationFlag
    private var worker: PipelineWorker?
    private var opened = 0

    init(_ branches: [Chain], _ starts: [Int], _ cancellation: CancellationFlag) {
      self.branches = branches
      self.starts = starts
      self.cancellation = cancellation
    }

    /// A worker per morsel: operators keep rows back only until `finish`, which ends every morsel.
    func open(morsel: Int) throws(StoaError) {
      let index = (starts.lastIndex { $0 <= morsel } ?? 0)
      let branch = branches[index]
      var operators: [BatchOperator] = []
      for factory in branch.operators { operators.append(try factory.makeOperator()) }
      var next: Int? = morsel - starts[index]
      worker?.flushProfile()
      worker = PipelineWorker(
        reader: try branch.source.makeReader(), operators: operators, sink: SinkWorker(),
        takeMorsel: {
          defer { next = nil }
          return next
        }, cancellation: cancellation, sourceProfile: branch.sourceProfile,
        operatorProfiles: branch.operators.map(\.profile),
        sinkProfile: nil)
    }

    func next() throws(StoaError) -> Batch? {
      let batch = try worker?.pull()
      if batch == nil {
        worker?.flushProfile()
        worker = nil
      }
      return batch
    }
  }
}
