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
    private var part: WindowPart?
    private var row = 0

    init(_ source: WindowSource) { self.source = source }

    func open(morsel: Int) throws(StoaError) {
      part = nil
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
      if part == nil {
        part = try sections?.next()
        row = 0
      }
      guard let part else { return nil }
      let range = row..<min(row + source.context.settings.batchCapacity, part.section.rowCount)
      row = range.upperBound
      var columns = source.program.output.map { part.section.slice($0, range) }
      for result in part.results { columns.append(result.slice(range)) }
      if row >= part.section.rowCount { self.part = nil }
      return Batch(columns: columns, rowCount: range.count)
    }
  }
}

/// Rows with the results of every function.
struct WindowPart {
  var section: WindowSection
  var results: [Vector]
}

/// Gives out rows in the order of the sort.
protocol SectionReader: AnyObject {
  func next() throws(StoaError) -> WindowPart?
}

/// Sections of rows in memory.
final class SortedSections: SectionReader {
  private let run: SortedRun
  private let program: WindowProgram
  private let context: ExecutionContext
  private var changes: WindowChanges?
  private var row = 0
  private let reservation: MemoryReservation
  /// A partition for whose results there is no memory.
  private var stream: WindowStream?

  init(_ run: SortedRun, _ program: WindowProgram, _ context: ExecutionContext) {
    self.run = run
    self.program = program
    self.context = context
    reservation = MemoryReservation(context.budget)
  }

  func next() throws(StoaError) -> WindowPart? {
    if let part = try stream?.next() { return part }
    stream = nil
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
    // Results, frames and arguments of the section.
    let rowByteCount = 24 + 48 * program.functions.count
    if !reservation.tryResize(to: (end - row) * rowByteCount) {
      // One partition alone, then.
      end = row + 1
      while end < count, changes.levels[end] > program.sharedCount { end += 1 }
    }
    let byteCount = (end - row) * rowByteCount
    if !reservation.tryResize(to: byteCount) {
      guard program.streams else {
        try context.budget.refuse(byteCount, for: "one partition of a window function")
        return nil
      }
      return try spool(row..<end)
    }
    return try WindowSection(
      program, columns: run.columns, order: run.order, rows: row..<end, changes: changes,
      context: context
    ).evaluated()
  }
}

extension SortedSections {
  /// Writes whole partitions to pages, to evaluate them in pieces.
  private func spool(_ rows: Range<Int>) throws(StoaError) -> WindowPart? {
    let pages = try WindowPages(program, context)
    var first = rows.lowerBound
    while first < rows.upperBound {
      let count = min(WindowSource.sectionRowCount, rows.upperBound - first)
      let page = run.order.withUnsafeBufferPointer { order in
        run.columns.map { $0.gather(order.baseAddress! + first, count: count) }
      }
      try pages.add(Batch(columns: page, rowCount: count))
      first += count
    }
    try pages.finish()
    stream = WindowStream(pages, program, context)
    return try stream?.next()
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
  /// A partition larger than memory.
  private var stream: WindowStream?

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

  func next() throws(StoaError) -> WindowPart? {
    if let part = try stream?.next() { return part }
    stream = nil
    var wanted = max(
      waitingCount + 1, context.settings.spillsAlways ? 12 : WindowSource.sectionRowCount)
    while true {
      let fits = try fill(wanted)
      guard waitingCount > 0 else { return nil }
      let whole = waiting.count == 1 ? waiting[0] : Batch.concatenated(waiting)
      let changes = try WindowChanges(
        keys: program.keys.prefix(program.comparedCount).map { whole.columns[$0] }, order: nil,
        context.cancellation, count: whole.rowCount)
      if isEnded, fits {
        (waiting, waitingCount) = ([], 0)
        return try section(whole, 0..<whole.rowCount, changes)
      }
      var end = whole.rowCount - 1
      while end > 0, changes.levels[end] > program.sharedCount { end -= 1 }
      if end > 0 {
        waiting = [whole.slice(end..<whole.rowCount)]
        waitingCount = whole.rowCount - end
        return try section(whole, 0..<end, changes)
      }
      // One partition fills everything read so far.
      if !fits {
        try spool(whole)
        return try stream?.next()
      }
      waiting = [whole]
      wanted = 2 * whole.rowCount
    }
  }

  /// Reads until `wanted` rows wait; false when memory is full before that.
  private func fill(_ wanted: Int) throws(StoaError) -> Bool {
    while !isEnded, waitingCount < wanted {
      try context.cancellation.check()
      guard let batch = try reader.next() else {
        isEnded = true
        break
      }
      waiting.append(batch)
      waitingCount += batch.rowCount
      // Twice: the rows and what functions compute for them.
      let byteCount = 2 * waiting.reduce(0) { $0 + $1.byteCount } + 32 * waitingCount
      if program.streams {
        let mustSpill = context.settings.spillsAlways && waitingCount > 8
        if mustSpill || !reservation.tryResize(to: byteCount) { return false }
      } else {
        try reservation.resize(to: byteCount, for: "one partition of a window function")
      }
    }
    return true
  }

  /// Writes the partition that `first` begins with to pages.
  private func spool(_ first: Batch) throws(StoaError) {
    let pages = try WindowPages(program, context)
    try pages.add(first)
    (waiting, waitingCount) = ([], 0)
    _ = reservation.tryResize(to: 0)
    var last = first.slice((first.rowCount - 1)..<first.rowCount)
    while waiting.isEmpty {
      guard let batch = try reader.next() else {
        isEnded = true
        break
      }
      guard batch.rowCount > 0 else { continue }
      let both = Batch.concatenated([last, batch])
      let changes = try WindowChanges(
        keys: program.keys.prefix(program.sharedCount).map { both.columns[$0] }, order: nil,
        context.cancellation, count: both.rowCount)
      let end = (1..<both.rowCount).first { Int(changes.levels[$0]) <= program.sharedCount }
      try pages.add(batch.slice(0..<((end ?? both.rowCount) - 1)))
      if let end {
        waiting = [both.slice(end..<both.rowCount)]
        waitingCount = both.rowCount - end
      }
      last = batch.slice((batch.rowCount - 1)..<batch.rowCount)
    }
    try pages.finish()
    stream = WindowStream(pages, program, context)
  }

  private func section(
    _ whole: Batch, _ rows: Range<Int>, _ changes: WindowChanges
  ) throws(StoaError) -> WindowPart {
    try WindowSection(
      program, columns: whole.columns, order: nil, rows: rows, changes: changes, context: context
    ).evaluated()
  }
}
