import Catalog
import Storage
import Vectors

// Uniqueness of a large load. Its rows are in segments already, each with a run of its keys; one merge of those runs
// brings the load's keys in order, so that duplicates among them stand together, and the runs of the segments that
// were there before are read beside it from end to end. Memory: a block and a piece of each run. Rows in memtables and
// segments without a run have their keys sorted in memory, one such segment at a time.
//
// Keys that are hashes are compared by their columns where they meet; with 40 bits that is some thousand pairs for 50
// million keys.

/// The keys of rows that a load has just written.
final class LoadedKeys {
  /// Two rows with one key.
  struct Duplicate {
    /// Its place among the rows of the load.
    var row: Int
    /// Another row of the load; `nil` when the other one was in the table already.
    var other: Int?
    var key: String
  }

  private let columns: [ColumnDefinition]
  private let budget: MemoryBudget
  /// The load's segments, as a transaction sees them that wrote them.
  private let own: TableContents
  /// Numbers of those segments in `own`, in the order of the load.
  private let sources: [Int]
  /// The first row of each among the rows of the load.
  private let starts: [Int]
  private let runs: [KeyRun]
  private let rowCount: Int
  private let form: KeyRunForm
  private let checkCancellation: (@Sendable () throws(StoaError) -> Void)?
  private let limit: Int
  private var duplicates: [Duplicate] = []

  /// Keys that are taken from the merge at once.
  private static let batchLength = 16_384
  /// Candidates that are compared at once.
  private static let candidateLength = 4096
  /// Memory of a run being read: a block and a piece.
  private static let runByteCount = 400_000

  /// - Parameters:
  ///   - columns: those of the key.
  ///   - own: contents with the load's segments `segments`, which have runs of the key.
  init(
    _ columns: [ColumnDefinition], own: TableContents, segments: [SegmentID], limit: Int,
    budget: MemoryBudget, checkCancellation: (@Sendable () throws(StoaError) -> Void)?
  ) throws(StoaError) {
    self.columns = columns
    self.own = own
    self.budget = budget
    self.limit = limit
    self.checkCancellation = checkCancellation
    var sources: [Int] = []
    var starts: [Int] = []
    var runs: [KeyRun] = []
    var rowCount = 0
    for (number, segment) in own.segments.enumerated()
    where segments.contains(segment.description.id) {
      let reader = try segment.reader()
      guard let run = reader.keyRun(of: columns.map(\.id)) else {
        throw StoaError(.inconsistency, "a segment was written without its key run")
      }
      sources.append(number)
      starts.append(rowCount)
      runs.append(run)
      rowCount += reader.rowCount
    }
    self.sources = sources
    self.starts = starts
    self.runs = runs
    self.rowCount = rowCount
    form = KeyRunForm(columns.map(\.type))
  }

  /// Finds duplicates among the loaded rows.
  /// - Parameters:
  ///   - contents: rows there are besides; those of `known` are left out.
  ///   - isNew: whether duplicates within the load are looked for as well.
  func duplicates(
    in contents: TableContents, except known: KnownRows = KnownRows(), isNew: Bool
  ) throws(StoaError) -> [Duplicate] {
    duplicates = []
    var targets: [KeyTarget] = []
    var unsorted: [Int] = []
    for (source, segment) in contents.segments.enumerated()
    where known[segment.description.id] == 0 {
      let run = try segment.reader().keyRun(of: columns.map(\.id))
      if let run, run.form == form, run.columns == runs.first?.columns {
        targets.append(
          KeyTarget(try KeyRunProbe(run, keyCount: rowCount), source, contents))
      } else {
        unsorted.append(source)
      }
    }
    let reservation = MemoryReservation(budget)
    try reservation.resize(
      to: (targets.count + runs.count) * LoadedKeys.runByteCount, for: "comparing keys")
    for number in contents.memtables.indices {
      targets += try memoryTargets(
        contents, contents.segments.count + number, known, reservation)
    }
    let hasRepeats = runs.count > 1 || runs.contains { $0.directory.repeatCount > 0 }
    if !targets.isEmpty || (isNew && hasRepeats) {
      try pass(targets, contents, findsOwn: isNew && hasRepeats)
    }
    targets = []
    let base = reservation.byteCount
    for source in unsorted where duplicates.count < limit {
      try pass(
        try memoryTargets(contents, source, known, reservation), contents, findsOwn: false)
      _ = reservation.tryResize(to: base)
    }
    return duplicates
  }

  /// The keys of a source without run, sorted, a list for each row group.
  private func memoryTargets(
    _ contents: TableContents, _ source: Int, _ known: KnownRows, _ reservation: MemoryReservation
  ) throws(StoaError) -> [KeyTarget] {
    let firstNew = known[contents.id(ofSource: source)]
    let order = runs.first?.columns ?? []
    let ordered = order.compactMap { id in columns.first { $0.id == id } }
    var targets: [KeyTarget] = []
    for group in try contents.rowGroups(ofSource: source) {
      let start = Int(group.firstRow & 0xFFFF_FFFF)
      guard start + group.rowCount > firstNew, group.liveRowCount > 0 else { continue }
      try reservation.resize(
        to: reservation.byteCount + group.rowCount * 12, for: "sorting keys of older rows")
      var vectors: [Vector] = []
      for column in ordered {
        vectors.append(try group.chunk(column).decode(rows: 0..<group.rowCount))
      }
      var numbers = KeyNumbers(vectors, form)
      numbers.sort()
      targets.append(KeyTarget(numbers, start: start, source, contents, firstNew: firstNew))
    }
    return targets
  }

  // MARK: One merge

  /// Rows with the same number, waiting to be compared.
  private struct Pending {
    /// Rows of the load.
    var own: [KeyCandidate] = []
    /// Sets of rows of the load with the same number.
    var clusters: [Range<Int>] = []
    /// Rows of the load, and rows of the table with the same number, pairwise.
    var left: [KeyCandidate] = []
    var right: [KeyCandidate] = []

    var count: Int { own.count + left.count }
  }

  private func pass(
    _ targets: [KeyTarget], _ contents: TableContents, findsOwn: Bool
  ) throws(StoaError) {
    let merge = try KeyRunMerge(runs)
    var pending = Pending()
    var last: (key: UInt64, row: KeyCandidate)?
    var isInCluster = false
    while duplicates.count < limit, try merge.next(LoadedKeys.batchLength) {
      try checkCancellation?()
      if findsOwn {
        for index in merge.keys.indices {
          let row = candidate(merge, index)
          if isDeleted(row) { continue }
          if let last, last.key == merge.keys[index] {
            if !isInCluster {
              pending.clusters.append(pending.own.count..<pending.own.count + 1)
              pending.own.append(last.row)
            }
            // Beyond the limit more rows say nothing new.
            if pending.own.count < limit * 2 + LoadedKeys.candidateLength {
              pending.own.append(row)
              pending.clusters[pending.clusters.count - 1] =
                pending.clusters[pending.clusters.count - 1].lowerBound..<pending.own.count
            }
            isInCluster = true
          } else {
            isInCluster = false
          }
          last = (merge.keys[index], row)
        }
      }
      for target in targets {
        try target.find(merge.keys) { index, position in
          let row = self.candidate(merge, index)
          guard !self.isDeleted(row) else { return }
          pending.left.append(row)
          pending.right.append(
            KeyCandidate(tag: 0, source: target.source, position: position))
        }
      }
      if pending.count >= LoadedKeys.candidateLength, !isInCluster {
        try compare(&pending, contents)
      }
    }
    try compare(&pending, contents)
  }

  private func isDeleted(_ row: KeyCandidate) -> Bool {
    own.deletes.isEmpty
      ? false : own.deletes[own.id(ofSource: row.source)]?.contains(row.position) == true
  }

  /// An entry of the merge as a row of `own`, known by its place in the load.
  private func candidate(_ merge: KeyRunMerge, _ index: Int) -> KeyCandidate {
    let run = Int(merge.runs[index])
    let position = Int(merge.positions[index])
    return KeyCandidate(tag: starts[run] + position, source: sources[run], position: position)
  }

  /// Compares the columns of rows with equal numbers, and notes duplicates.
  private func compare(_ pending: inout Pending, _ contents: TableContents) throws(StoaError) {
    defer { pending = Pending() }
    guard pending.count > 0 else { return }
    let wanted = pending.own + pending.left
    var bytes = [[UInt8]](repeating: [], count: wanted.count)
    var texts = [String](repeating: "", count: wanted.count)
    try own.fetch(LoadedKeys.numbered(wanted), columns) { candidate, rows, row in
      rows.appendBytes(row, to: &bytes[candidate.tag])
      texts[candidate.tag] = rows.text(row)
    }
    for cluster in pending.clusters {
      var first: [[UInt8]: Int] = [:]
      for index in cluster {
        let row = pending.own[index].tag
        if let other = first[bytes[index]] {
          note(Duplicate(row: row, other: other, key: texts[index]))
        } else {
          first[bytes[index]] = row
        }
      }
    }
    let offset = pending.own.count
    var found: [Int] = []
    try contents.fetch(LoadedKeys.numbered(pending.right), columns) { candidate, rows, row in
      var other: [UInt8] = []
      rows.appendBytes(row, to: &other)
      if other == bytes[offset + candidate.tag] { found.append(candidate.tag) }
    }
    for index in found.sorted() {
      note(Duplicate(row: pending.left[index].tag, other: nil, key: texts[offset + index]))
    }
  }

  private func note(_ duplicate: Duplicate) {
    if duplicates.count < limit { duplicates.append(duplicate) }
  }

  /// The same rows, known by their place in the list.
  private static func numbered(_ candidates: [KeyCandidate]) -> [KeyCandidate] {
    candidates.enumerated().map { index, candidate in
      KeyCandidate(tag: index, source: candidate.source, position: candidate.position)
    }
  }
}

/// Sorted keys of one source of a table, looked at in ascending order.
private final class KeyTarget {
  let source: Int
  private let deleted: DeleteVector?
  private let firstNew: Int
  private let probe: KeyRunProbe?
  private let numbers: KeyNumbers?
  private let start: Int
  private var next = 0

  init(_ probe: KeyRunProbe, _ source: Int, _ contents: TableContents) {
    self.source = source
    deleted = contents.deletes[contents.id(ofSource: source)]
    firstNew = 0
    self.probe = probe
    numbers = nil
    start = 0
  }

  /// - Parameter start: position of the row group that the numbers are of.
  init(
    _ numbers: KeyNumbers, start: Int, _ source: Int, _ contents: TableContents, firstNew: Int
  ) {
    self.source = source
    deleted = contents.deletes[contents.id(ofSource: source)]
    self.firstNew = firstNew
    probe = nil
    self.numbers = numbers
    self.start = start
  }

  /// Calls `body(index, position)` for rows that are there and have the key at `index`. Keys ascend, from call to call
  /// too.
  func find(
    _ keys: [UInt64], _ body: (_ index: Int, _ position: Int) -> Void
  ) throws(StoaError) {
    if let probe {
      let result = keys.withUnsafeBufferPointer { keys -> Result<Void, StoaError> in
        Result { () throws(StoaError) in
          try probe.find(keys) { index, position in
            if deleted?.contains(position) != true { body(index, position) }
          }
        }
      }
      return try result.get()
    }
    guard let numbers else { return }
    for index in keys.indices {
      next = numbers.firstIndex(of: keys[index], from: next)
      var entry = next
      while entry < numbers.keys.count, numbers.keys[entry] == keys[index] {
        let position = start + Int(numbers.rows[entry])
        if position >= firstNew, deleted?.contains(position) != true { body(index, position) }
        entry += 1
      }
    }
  }
}
