import Kernels
import SQL
import Vectors

/// Reads the result of window functions: rows in order of the sort are cut into sections of whole partitions,
/// evaluated one after the other.
final class WindowSource: TableSource, @unchecked Sendable {
  /// Where sorted rows come from.
  enum Input {
    case sorted(SortedRun?)
    case divided(WindowDivisions)
    /// By one reader only.
    case merged(MergeSource)
  }

  /// Sections have at least so many rows, if there are as many: enough for loops to matter, few enough for the
  /// second-level cache.
  static let sectionRowCount = 16_384

  fileprivate let program: WindowProgram
  fileprivate let context: ExecutionContext
  fileprivate let input: Input
  fileprivate let reservations: [MemoryReservation]
  let estimatedRowCount: Int

  /// - Parameter reservations: memory of the rows, given back with the source.
  init(
    _ program: WindowProgram, _ context: ExecutionContext, _ input: Input, rowCount: Int,
    _ reservations: [MemoryReservation]
  ) {
    self.program = program
    self.context = context
    self.input = input
    self.reservations = reservations
    estimatedRowCount = rowCount
  }

  var morselCount: Int {
    switch input {
    case .sorted(let run): run == nil ? 0 : 1
    case .divided(let divisions): divisions.count
    case .merged: 1
    }
  }

  func makeReader() -> any TableReader { Reader(self) }

  private final class Reader: TableReader {
    private let source: WindowSource
    private var sections: (any SectionReader)?
    private var section: WindowSection?
    private var results: [Vector] = []
    private var row = 0

    init(_ source: WindowSource) { self.source = source }

    func open(morsel: Int) throws(StoaError) {
      section = nil
      switch source.input {
      case .sorted(let run):
        sections = run.map { SortedSections($0, source.program, source.context) }
      case .divided(let divisions):
        let run = divisions.run(morsel, source.program)
        sections = SortedSections(run, source.program, source.context)
      case .merged(let merged):
        sections = try MergedSections(merged, source.program, source.context)
      }
    }

    func next() throws(StoaError) -> Batch? {
      if section == nil {
        guard let next = try sections?.next() else { return nil }
        results = try next.evaluate()
        section = next
        row = 0
      }
      guard let section else { return nil }
      let range = row..<min(row + source.context.settings.batchCapacity, section.rowCount)
      row = range.upperBound
      var columns = source.program.output.map { section.slice($0, range) }
      for result in results { columns.append(result.slice(range)) }
      if row >= section.rowCount {
        self.section = nil
        results = []
      }
      return Batch(columns: columns, rowCount: range.count)
    }
  }
}

/// Gives out sections in the order of the sort.
protocol SectionReader: AnyObject {
  func next() throws(StoaError) -> WindowSection?
}

/// Sections of rows in memory.
final class SortedSections: SectionReader {
  private let run: SortedRun
  private let program: WindowProgram
  private let context: ExecutionContext
  private var changes: WindowChanges?
  private var row = 0

  init(_ run: SortedRun, _ program: WindowProgram, _ context: ExecutionContext) {
    self.run = run
    self.program = program
    self.context = context
  }

  func next() throws(StoaError) -> WindowSection? {
    let count = run.order.count
    guard row < count else { return nil }
    if changes == nil {
      changes = try WindowChanges(
        keys: program.keys.prefix(program.comparedCount).map { run.columns[$0] }, order: run.order,
        context.cancellation)
    }
    guard let changes else { return nil }
    var end = min(row + WindowSource.sectionRowCount, count)
    while end < count, changes.levels[end] > program.sharedCount { end += 1 }
    defer { row = end }
    return WindowSection(
      program, columns: run.columns, order: run.order, rows: row..<end, changes: changes,
      context: context)
  }
}

/// Sections of rows that are merged while they are read. Keeps what belongs to partitions not seen to the end.
final class MergedSections: SectionReader {
  private let program: WindowProgram
  private let context: ExecutionContext
  private let source: MergeSource
  private let reader: any TableReader
  private let reservation: MemoryReservation
  private var waiting: [Batch] = []
  private var waitingCount = 0
  private var isEnded = false

  init(
    _ source: MergeSource, _ program: WindowProgram, _ context: ExecutionContext
  ) throws(StoaError) {
    self.source = source
    self.program = program
    self.context = context
    reservation = MemoryReservation(context.budget)
    reader = source.makeReader()
    try reader.open(morsel: 0)
  }

  func next() throws(StoaError) -> WindowSection? {
    var wanted = max(waitingCount + 1, WindowSource.sectionRowCount)
    while true {
      try fill(wanted)
      guard waitingCount > 0 else { return nil }
      let whole = waiting.count == 1 ? waiting[0] : Batch.concatenated(waiting)
      let changes = try WindowChanges(
        keys: program.keys.prefix(program.comparedCount).map { whole.columns[$0] }, order: nil,
        context.cancellation, count: whole.rowCount)
      if isEnded {
        (waiting, waitingCount) = ([], 0)
        return section(whole, 0..<whole.rowCount, changes)
      }
      var end = whole.rowCount - 1
      while end > 0, changes.levels[end] > program.sharedCount { end -= 1 }
      if end > 0 {
        waiting = [whole.slice(end..<whole.rowCount)]
        waitingCount = whole.rowCount - end
        return section(whole, 0..<end, changes)
      }
      // One partition fills everything read so far.
      waiting = [whole]
      wanted = 2 * whole.rowCount
    }
  }

  private func fill(_ wanted: Int) throws(StoaError) {
    while !isEnded, waitingCount < wanted {
      try context.cancellation.check()
      guard let batch = try reader.next() else {
        isEnded = true
        return
      }
      waiting.append(batch)
      waitingCount += batch.rowCount
      // Twice: the rows and what functions compute for them.
      try reservation.resize(
        to: 2 * waiting.reduce(0) { $0 + $1.byteCount } + 32 * waitingCount,
        for: "one partition of a window function")
    }
  }

  private func section(
    _ whole: Batch, _ rows: Range<Int>, _ changes: WindowChanges
  ) -> WindowSection {
    WindowSection(
      program, columns: whole.columns, order: nil, rows: rows, changes: changes, context: context)
  }
}
