import Catalog
import Encodings
import Vectors

// Key runs: every checksum; in depth, that the entries are in order and that each row of the segment has exactly one
// entry, with its key.
extension SegmentVerifier {
  /// One key run.
  mutating func check(keyRun number: Int, _ reader: SegmentReader) throws(StoaError) {
    let run = KeyRun(reader: reader, number: number, directory: reader.footer.keyRuns[number])
    do throws(StoaError) {
      let fences = try run.readFences()
      let blocks = try KeyRunBlocks(run, fences, isWhole: true)
      let entries = KeyRunEntries()
      // Positions of the entries, by position; the expected number is that of the row.
      var found = [UInt64?](repeating: nil, count: isDeep ? run.rowCount : 0)
      var last: (key: UInt64, position: UInt32)?
      var repeatCount = 0
      for block in 0..<run.directory.blockCount {
        try pulse()
        try blocks.load(block, into: entries)
        for index in 0..<entries.count {
          let (key, position) = (entries.keys[index], entries.positions[index])
          if let last, (key, position) <= (last.key, last.position) {
            throw run.damaged(block, fences, "a key run is out of order")
          }
          if last?.key == key { repeatCount += 1 }
          last = (key, position)
          guard isDeep else { continue }
          guard found[Int(position)] == nil else {
            throw run.damaged(block, fences, "a key run has the row \(position) twice")
          }
          found[Int(position)] = key
        }
      }
      guard repeatCount == run.directory.repeatCount else {
        throw StoaError(
          .corruption, "the key run says that \(run.directory.repeatCount) of its keys repeat",
          path: reader.path)
      }
      if isDeep { try compare(found, run) }
    } catch {
      guard error.kind == .corruption || error.kind == .io else { throw error }
      add(error, affected: "checks of the key")
    }
  }

  /// Each row with its entry.
  private func compare(_ found: [UInt64?], _ run: KeyRun) throws(StoaError) {
    let stored = run.columns.compactMap { run.reader.column($0) }
    guard stored.count == run.columns.count, KeyRunForm(stored.map(\.type)) == run.form else {
      throw StoaError(
        .corruption, "a key run names columns that are not there", path: run.reader.path)
    }
    let columns = stored.map { definition(of: $0) }
    var start = 0
    for (rowGroup, rowCount) in run.reader.footer.rowGroups.enumerated() {
      try pulse()
      var vectors: [Vector] = []
      for column in columns {
        vectors.append(try run.reader.readChunk(rowGroup, column).decode(rows: 0..<rowCount))
      }
      var expected = [UInt64?](repeating: nil, count: rowCount)
      let numbers = KeyNumbers(vectors, run.form)
      for (key, row) in zip(numbers.keys, numbers.rows) { expected[Int(row)] = key }
      for row in 0..<rowCount where expected[row] != found[start + row] {
        throw StoaError(
          .corruption, "the key run does not fit the values of row \(start + row)",
          path: run.reader.path, rowGroup: rowGroup)
      }
      start += rowCount
    }
  }
}
