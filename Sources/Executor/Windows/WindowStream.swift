import Kernels
import SQL
import Vectors

// One partition larger than memory. Its rows are written to pages of a temporary file while they are counted and
// aggregates over all of them are made; then pages are read again and evaluated in pieces. Between pieces every
// function carries what it knows (`WindowCarry`); functions that look some rows around see a wider section.

/// Rows of one partition in pages.
final class WindowPages {
  private let program: WindowProgram
  private let context: ExecutionContext
  private let file: SpillFile
  private(set) var pages: [SpilledBatch] = []
  private(set) var rowCount = 0
  /// By function.
  let carries: [WindowCarry]

  init(_ program: WindowProgram, _ context: ExecutionContext) throws(StoaError) {
    self.program = program
    self.context = context
    file = try SpillFile(directory: context.settings.temporaryDirectory)
    carries = program.functions.map { _ in WindowCarry() }
    for (function, carry) in zip(program.functions, carries) {
      guard case .aggregate(let aggregate) = function.call.function else { continue }
      carry.states = aggregate.makeAccumulator(isDistinct: function.call.isDistinct)
      try carry.states?.resize(groupCount: 1)
    }
  }

  /// Adds the next rows.
  func add(_ batch: Batch) throws(StoaError) {
    var first = 0
    while first < batch.rowCount {
      try context.cancellation.check()
      let page = batch.slice(first..<min(first + 16_384, batch.rowCount))
      pages.append(try file.write(page))
      try count(page)
      first += page.rowCount
    }
    rowCount += batch.rowCount
  }

  private func count(_ page: Batch) throws(StoaError) {
    for (number, function) in program.functions.enumerated() {
      guard case .whole? = program.reaches[number],
        case .aggregate(let aggregate) = function.call.function
      else { continue }
      let section = try WindowSection.unordered(program, page, context)
      let call = WindowAggregates(function, aggregate, section)
      try carries[number].states?.updateSingle(call.arguments, count: call.keptCount, group: 0)
    }
  }

  /// All rows are in.
  func finish() throws(StoaError) {
    for (number, carry) in carries.enumerated() {
      if case .whole? = program.reaches[number] { carry.whole = try carry.states?.finish(0..<1) }
    }
  }
}

/// Evaluates a partition page by page.
final class WindowStream {
  private let program: WindowProgram
  private let context: ExecutionContext
  private let source: WindowPages
  private let reservation: MemoryReservation
  private let before: Int
  private let after: Int
  /// Pieces end where this many sort items change, so that peers stay together; `nil` anywhere.
  private let peerCount: Int?
  private var nextPage = 0
  /// Rows at hand; those before `start` have been given out.
  private var buffer: [Batch] = []
  private var bufferCount = 0
  private var start = 0
  /// Rows given out.
  private var doneCount = 0

  init(_ source: WindowPages, _ program: WindowProgram, _ context: ExecutionContext) {
    self.source = source
    self.program = program
    self.context = context
    reservation = MemoryReservation(context.budget)
    var before = 1
    var after = 0
    for case .near(let back, let ahead)? in program.reaches {
      before = max(before, back)
      after = max(after, ahead)
    }
    self.before = before
    self.after = after
    peerCount = program.functions.filter(\.needsLastPeer).map(\.peerCount).min()
  }

  private var pieceRowCount: Int {
    context.settings.spillsAlways ? 5 : WindowSource.sectionRowCount
  }

  /// The next rows with their results; `nil` at the end of the partition.
  func next() throws(StoaError) -> WindowPart? {
    guard doneCount < source.rowCount else { return nil }
    var wanted = start + pieceRowCount + after
    while true {
      try fill(wanted)
      let whole = buffer.count == 1 ? buffer[0] : Batch.concatenated(buffer)
      buffer = [whole]
      let changes = try WindowChanges(
        keys: program.keys.prefix(program.comparedCount).map { whole.columns[$0] }, order: nil,
        context.cancellation, count: whole.rowCount)
      let isLast = nextPage == source.pages.count
      // Whether the last row has further peers, the row after it tells.
      let ahead = max(after, peerCount == nil ? 0 : 1)
      var end = isLast ? whole.rowCount : max(start, whole.rowCount - ahead)
      if end < whole.rowCount, let peerCount {
        while end > start, Int(changes.levels[end]) > peerCount { end -= 1 }
      }
      if end > start || isLast { return try part(whole, changes, start..<end) }
      // A group of peers is longer than what is at hand.
      wanted = 2 * whole.rowCount + 1
    }
  }

  private func fill(_ wanted: Int) throws(StoaError) {
    while bufferCount < wanted, nextPage < source.pages.count {
      let page = try source.pages[nextPage].read()
      nextPage += 1
      buffer.append(page)
      bufferCount += page.rowCount
      // A page too many is no reason to give up: peers and near rows past that are.
      if !reservation.tryResize(to: 2 * buffer.reduce(0) { $0 + $1.byteCount }), buffer.count > 3 {
        try context.budget.refuse(page.byteCount, for: "peers of one row of a window function")
      }
    }
  }

  private func part(
    _ whole: Batch, _ changes: WindowChanges, _ rows: Range<Int>
  ) throws(StoaError) -> WindowPart {
    let piece = WindowSection(
      program, columns: whole.columns, order: nil, rows: rows, changes: changes, context: context)
    let wide = WindowSection(
      program, columns: whole.columns, order: nil, rows: 0..<whole.rowCount, changes: changes,
      context: context)
    var results: [Vector] = []
    for (number, function) in program.functions.enumerated() {
      try context.cancellation.check()
      let carry = source.carries[number]
      switch program.reaches[number] {
      case .near?: results.append(try wide.evaluate(function).slice(rows))
      case .whole?:
        guard let result = carry.whole else {
          throw StoaError(.inconsistency, "a partition without a result")
        }
        results.append(result.constant(ofRow: 0, count: rows.count))
      case .past?, .size?: results.append(try continued(function, carry, piece))
      case nil: throw StoaError(.inconsistency, "a window function that cannot go on")
      }
    }
    doneCount += rows.count
    let kept = max(0, rows.upperBound - before)
    buffer = [whole.slice(kept..<whole.rowCount)]
    bufferCount = whole.rowCount - kept
    start = rows.upperBound - kept
    return WindowPart(section: piece, results: results)
  }

  private func continued(
    _ function: WindowProgram.Function, _ carry: WindowCarry, _ piece: WindowSection
  ) throws(StoaError) -> Vector {
    if case .aggregate(let aggregate) = function.call.function {
      return try WindowAggregates(function, aggregate, piece).continued(carry)
    }
    return try RankingFunctions.evaluate(
      function, piece, carry, done: doneCount, size: source.rowCount)
  }
}
