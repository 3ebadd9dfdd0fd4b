import Executor
import Storage
import Vectors

/// All rows of a load that are in memory, filled by several workers and emptied into a run of a temporary file when
/// they get too many.
final class Stage: @unchecked Sendable {
  /// Bytes per row that sorting needs besides the rows: names, keys, scratch.
  private static let sortBytesPerRow = 40

  let types: [LogicalType]
  private let sortColumns: [Int]
  private let options: LoadOptions
  private let reservation: MemoryReservation
  private let limit: Int
  private let lock = CommitGate()
  // Guarded by `lock` while workers run.
  private var chunks: [StagedChunk] = []
  private var pieces: [StagedPiece] = []
  private var stagedByteCount = 0
  private var internerByteCount = 0
  private(set) var rowCount = 0
  private var file: SpillFile?
  private(set) var runs: [[SpillFrame]] = []

  init(types: [LogicalType], sortColumns: [Int], options: LoadOptions, budget: MemoryBudget) {
    self.types = types
    self.sortColumns = sortColumns
    self.options = options
    reservation = MemoryReservation(budget)
    let left = max(0, budget.limit - max(0, budget.usedBytes))
    limit = options.sortByteLimit ?? max(1 << 20, left / 2)
  }

  /// Whether what is staged should be spilled before more comes.
  var isFull: Bool { lock.withLock { stagedByteCount > limit && !pieces.isEmpty } }

  /// Whether all rows are in memory and few.
  func isSmall(rows: Int, bytes: Int) -> Bool {
    lock.withLock { runs.isEmpty && rowCount <= rows && stagedByteCount <= bytes }
  }

  /// Enters a new chunk; returns its number.
  func add(_ chunk: StagedChunk) -> Int {
    lock.withLock {
      chunks.append(chunk)
      stagedByteCount += chunk.byteCount
      // Past the budget the stage counts as full, and the next block waits for the spill.
      if !reservation.tryResize(to: stagedByteCount) {
        stagedByteCount = max(stagedByteCount, limit + 1)
      }
      return chunks.count - 1
    }
  }

  /// Tells that rows were copied into a chunk.
  func add(_ piece: StagedPiece, heapByteCount: Int) {
    lock.withLock {
      pieces.append(piece)
      rowCount += piece.count
      stagedByteCount += piece.count * Stage.sortBytesPerRow + heapByteCount
    }
  }

  /// Sorts what is staged into a new run of the temporary file. No worker may be staging.
  func spill() throws(StoaError) {
    guard !pieces.isEmpty else { return }
    let target: SpillFile
    if let file {
      target = file
    } else {
      target = try SpillFile(directory: options.temporaryDirectory)
    }
    file = target
    let table = RowTable(types: types, chunks: chunks)
    let rows = MemorySortedRows(table, pieces: pieces, sortColumns: sortColumns)
    let frames = FrameList()
    let check = options.checkCancellation
    try OrderedPipeline.run(
      threads: options.threads,
      produce: { () throws(StoaError) -> GroupPlan? in
        try check?()
        return try rows.nextGroup(capacity: SpillFrame.rowsPerFrame)
      },
      transform: { (plan: GroupPlan) throws(StoaError) -> Buffer in
        let columns = plan.table.types.indices.map {
          plan.table.gather($0, plan.rows, count: plan.count)
        }
        return SpillFrame.encode(columns, rowCount: plan.count)
      },
      consume: { (bytes: Buffer) throws(StoaError) in
        frames.all.append(try SpillFrame(writing: bytes, to: target))
      })
    runs.append(frames.all)
    chunks = []
    pieces = []
    stagedByteCount = 0
    _ = reservation.tryResize(to: 0)
  }

  private final class FrameList {
    var all: [SpillFrame] = []
  }

  /// All rows in their final order. No worker may be staging; the stage is spent.
  func sortedRows() throws(StoaError) -> any SortedRows {
    if runs.isEmpty {
      return MemorySortedRows(
        RowTable(types: types, chunks: chunks), pieces: pieces, sortColumns: sortColumns)
    }
    try spill()
    guard let file else { throw StoaError(.inconsistency, "a load lost its temporary file") }
    if sortColumns.isEmpty { return ChainedRows(file, runs: runs, types: types) }
    return try MergedRows(file, runs: runs, types: types, sortColumns: sortColumns)
  }
}

/// Spilled rows of a table without sort key: the runs one after the other.
final class ChainedRows: SortedRows {
  private let file: SpillFile
  private let frames: [SpillFrame]
  private let types: [LogicalType]
  private var nextFrame = 0
  private var chunk: StagedChunk?
  private var row = 0

  init(_ file: SpillFile, runs: [[SpillFrame]], types: [LogicalType]) {
    self.file = file
    frames = runs.flatMap { $0 }
    self.types = types
  }

  func nextGroup(capacity: Int) throws(StoaError) -> GroupPlan? {
    var chunks: [StagedChunk] = []
    let rows = Buffer(of: UInt32.self, count: max(1, capacity))
    let target = rows.typed(UInt32.self)
    var count = 0
    while count < capacity {
      guard let chunk, row < chunk.count else {
        guard nextFrame < frames.count else { break }
        self.chunk = try frames[nextFrame].read(from: file, types: types)
        nextFrame += 1
        row = 0
        continue
      }
      if chunks.last !== chunk { chunks.append(chunk) }
      let taken = min(capacity - count, chunk.count - row)
      for index in 0..<taken {
        target[count + index] = UInt32(truncatingIfNeeded: (chunks.count - 1) << 16 | (row + index))
      }
      count += taken
      row += taken
    }
    guard count > 0 else { return nil }
    return GroupPlan(
      table: RowTable(types: types, chunks: chunks), rows: UnsafePointer(target), count: count,
      owner: rows)
  }
}

/// Copies rows of one worker into chunks of the stage.
final class StageWriter {
  private static let firstCapacity = 2048

  private let stage: Stage
  private let interners: [TextInterner?]
  private var chunk: StagedChunk?
  private var chunkNumber = -1
  private var capacity = StageWriter.firstCapacity

  init(_ stage: Stage) {
    self.stage = stage
    interners = stage.types.map { $0.physical == .string ? TextInterner() : nil }
  }

  /// Forgets the chunk at hand, after a spill.
  func reset() {
    chunk = nil
    chunkNumber = -1
  }

  /// Copies `columns`, which hold the rows at `position` of the input.
  func append(_ columns: [Vector], rowCount: Int, position: Int) {
    var start = 0
    while start < rowCount {
      let chunk = openChunk(atLeast: rowCount - start)
      let count = min(chunk.room, rowCount - start)
      let offset = chunk.count
      let before = chunk.byteCount
      chunk.append(columns, start..<(start + count))
      stage.add(
        StagedPiece(position: position, chunk: chunkNumber, offset: offset, count: count),
        heapByteCount: max(0, chunk.byteCount - before))
      start += count
    }
  }

  private func openChunk(atLeast count: Int) -> StagedChunk {
    if let chunk, chunk.room > 0 { return chunk }
    let size = min(StagedChunk.maximalCapacity, max(capacity, min(count, 4096)))
    capacity = min(StagedChunk.maximalCapacity, capacity * 4)
    // A column once found to have too many distinct strings keeps an interner that knows none of the rest; new chunks
    // do without.
    let useful = interners.map {
      $0.flatMap { $0.entries.count < TextInterner.entryLimit ? $0 : nil }
    }
    let made = StagedChunk(types: stage.types, interners: useful, capacity: size)
    chunk = made
    chunkNumber = stage.add(made)
    return made
  }
}
