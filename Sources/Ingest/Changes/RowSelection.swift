import Catalog
import Encodings
import Storage
import Vectors

/// Rows of a table that a statement has named by `$row`, each at most once: a bit per row of the sources that
/// have any.
struct RowSelection {
  private let contents: TableContents
  private let rowCounts: [Int]
  private var words: [Int: [UInt64]] = [:]
  private(set) var count = 0

  /// - Parameter contents: what the `$row`s were read from.
  init(_ contents: TableContents) {
    self.contents = contents
    rowCounts =
      contents.segments.map { Int(clamping: $0.description.rowCount) }
      + contents.memtables.map(\.rowCount)
  }

  /// Enters a row; false when it was there already.
  /// - Throws: `.inconsistency` when there is no such row.
  mutating func insert(_ row: Int64) throws(StoaError) -> Bool {
    let source = Int(row >> 32)
    let position = Int(row & 0xFFFF_FFFF)
    guard rowCounts.indices.contains(source), position < rowCounts[source] else {
      throw StoaError(.inconsistency, "a statement names row \(row), which is not there")
    }
    let bit: UInt64 = 1 << UInt64(position & 63)
    if words[source] == nil {
      words[source] = [UInt64](repeating: 0, count: (rowCounts[source] + 63) / 64)
    }
    let isNew = words[source]?.insert(bit, at: position >> 6) ?? false
    if isNew { count += 1 }
    return isNew
  }

  /// The rows by id of their segment or memtable.
  func deletes() -> [SegmentID: DeleteVector] {
    var result: [SegmentID: DeleteVector] = [:]
    for (source, words) in words {
      var rows = CompressedBitmap()
      for (group, start) in stride(from: 0, to: words.count, by: 1024).enumerated() {
        let part = Array(words[start..<min(start + 1024, words.count)])
        rows.append(RowContainer(words: part), rowGroup: group)
      }
      result[contents.id(ofSource: source)] = DeleteVector(rows)
    }
    return result
  }
}

extension [UInt64] {
  /// Sets a bit; false when it was set.
  fileprivate mutating func insert(_ bit: UInt64, at word: Int) -> Bool {
    guard self[word] & bit == 0 else { return false }
    self[word] |= bit
    return true
  }
}
