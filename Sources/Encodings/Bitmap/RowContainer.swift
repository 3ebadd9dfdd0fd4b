import Vectors

/// A set of rows of one row group, in whichever of three forms is smallest.
///
///   offset  size  field
///        0     1  kind: 1 array, 2 runs, 3 dense
///        1     3  zero
///        4     4  count: rows of an array, runs, words of a dense container
///        8     *  array: 2 bytes per row, ascending; runs: 2 bytes first row, 2 bytes last row, ascending and apart;
///                 dense: 8 bytes per 64 rows, row i is bit i % 64 of word i / 64
///
/// After Lemire, Ssi-Yan-Kai, Kaser, "Consistently faster and smaller compressed bitmaps with Roaring", 2016.
public struct RowContainer: Sendable, Equatable {
  /// How the rows are kept: whichever is smallest.
  public enum Form: Sendable, Equatable {
    /// Ascending rows.
    case array([UInt16])
    /// First and last row of each run by turns, ascending.
    case runs([UInt16])
    /// Bits of 65,536 rows at most, 64 to a word.
    case dense([UInt64])
  }

  public let form: Form
  /// Rows in the set.
  public let cardinality: Int

  init(form: Form) {
    self.form = form
    switch form {
    case .array(let rows): cardinality = rows.count
    case .runs(let bounds):
      var total = 0
      for index in stride(from: 0, to: bounds.count, by: 2) {
        total += Int(bounds[index + 1]) - Int(bounds[index]) + 1
      }
      cardinality = total
    case .dense(let words): cardinality = words.reduce(0) { $0 + $1.nonzeroBitCount }
    }
  }

  /// The empty set.
  public init() { self.init(form: .array([])) }

  /// The smallest form of the set bits of `words` (at most 1,024 of them); the same set has the same form.
  public init(words all: [UInt64]) {
    precondition(all.count <= 1024, "more than 65,536 rows")
    var words = all
    while words.last == 0 { words.removeLast() }
    var cardinality = 0
    var runCount = 0
    var carry: UInt64 = 0
    for word in words {
      cardinality += word.nonzeroBitCount
      runCount += (word & ~(word << 1 | carry)).nonzeroBitCount
      carry = word >> 63
    }
    let runBytes = runCount * 4
    let arrayBytes = cardinality * 2
    let denseBytes = words.count * 8
    if runBytes < arrayBytes && runBytes < denseBytes {
      self.init(form: .runs(RowContainer.runs(words, runCount)))
    } else if arrayBytes <= denseBytes {
      var rows: [UInt16] = []
      rows.reserveCapacity(cardinality)
      RowContainer.forEachBit(words) { rows.append(UInt16(truncatingIfNeeded: $0)) }
      self.init(form: .array(rows))
    } else {
      self.init(form: .dense(words))
    }
  }

  /// The smallest form of ascending `rows`, each below 65,536.
  public init(rows: some Sequence<Int>) {
    self.init(ascending: rows.lazy.map { UInt16($0) })
  }

  /// The smallest form of ascending `rows`; repeats are one row.
  init(ascending rows: some Sequence<UInt16>) {
    var words = [UInt64](repeating: 0, count: 1024)
    for row in rows { words[Int(row) >> 6] |= 1 << UInt64(row & 63) }
    self.init(words: words)
  }

  private static func runs(_ words: [UInt64], _ runCount: Int) -> [UInt16] {
    var bounds: [UInt16] = []
    bounds.reserveCapacity(runCount * 2)
    var last = -2
    forEachBit(words) { row in
      if row == last + 1 {
        bounds[bounds.count - 1] = UInt16(truncatingIfNeeded: row)
      } else {
        bounds.append(UInt16(truncatingIfNeeded: row))
        bounds.append(UInt16(truncatingIfNeeded: row))
      }
      last = row
    }
    return bounds
  }

  @inline(__always)
  static func forEachBit(_ words: [UInt64], _ body: (Int) -> Void) {
    for (index, word) in words.enumerated() {
      var rest = word
      while rest != 0 {
        body(index << 6 &+ rest.trailingZeroBitCount)
        rest &= rest &- 1
      }
    }
  }
}

extension RowContainer {
  /// Calls `body` with every row, ascending.
  public func forEach(_ body: (Int) -> Void) {
    switch form {
    case .array(let rows): for row in rows { body(Int(row)) }
    case .runs(let bounds):
      for index in stride(from: 0, to: bounds.count, by: 2) {
        for row in Int(bounds[index])...Int(bounds[index + 1]) { body(row) }
      }
    case .dense(let words): RowContainer.forEachBit(words, body)
    }
  }

  /// The rows, ascending.
  public var rows: [Int] {
    var list: [Int] = []
    forEach { list.append($0) }
    return list
  }

  /// Whether `row` is in the set.
  public func contains(_ row: Int) -> Bool {
    switch form {
    case .array(let rows):
      let index = RowContainer.lowerBound(rows, row)
      return index < rows.count && Int(rows[index]) == row
    case .runs(let bounds):
      let run = RowContainer.runNotBefore(row, bounds)
      return run < bounds.count && Int(bounds[run]) <= row
    case .dense(let words):
      return row >> 6 < words.count && words[row >> 6] & (1 << UInt64(row & 63)) != 0
    }
  }

  /// Rows of the set before `row`.
  public func rank(_ row: Int) -> Int {
    switch form {
    case .array(let rows): return RowContainer.lowerBound(rows, row)
    case .runs(let bounds):
      let run = RowContainer.runNotBefore(row, bounds)
      var total = 0
      for index in stride(from: 0, to: run, by: 2) {
        total += Int(bounds[index + 1]) - Int(bounds[index]) + 1
      }
      return run < bounds.count ? total + max(0, row - Int(bounds[run])) : total
    case .dense(let words):
      let full = min(row >> 6, words.count)
      let whole = words[..<full].reduce(0) { $0 + $1.nonzeroBitCount }
      guard full < words.count else { return whole }
      return whole + (words[full] & ((1 << UInt64(row & 63)) &- 1)).nonzeroBitCount
    }
  }

  /// Place in `bounds` of the first run that does not end before `row`.
  private static func runNotBefore(_ row: Int, _ bounds: [UInt16]) -> Int {
    var low = 0
    var high = bounds.count / 2
    while low < high {
      let middle = (low + high) / 2
      if Int(bounds[middle * 2 + 1]) < row { low = middle + 1 } else { high = middle }
    }
    return low * 2
  }

  /// Sets the bit of every row in `words`, 1,024 of them.
  public func insert(into words: UnsafeMutablePointer<UInt64>) {
    switch form {
    case .array(let rows): for row in rows { words[Int(row) >> 6] |= 1 << UInt64(row & 63) }
    case .runs(let bounds):
      for index in stride(from: 0, to: bounds.count, by: 2) {
        RowContainer.setBits(words, Int(bounds[index]), Int(bounds[index + 1]))
      }
    case .dense(let dense): for index in 0..<dense.count { words[index] |= dense[index] }
    }
  }

  /// Sets bits `first … last`.
  static func setBits(_ words: UnsafeMutablePointer<UInt64>, _ first: Int, _ last: Int) {
    let low = UInt64.max << UInt64(first & 63)
    let high = UInt64.max >> UInt64(63 - last & 63)
    if first >> 6 == last >> 6 {
      words[first >> 6] |= low & high
      return
    }
    words[first >> 6] |= low
    for index in (first >> 6 + 1)..<(last >> 6) { words[index] = .max }
    words[last >> 6] |= high
  }

  /// The bits of all rows, 1,024 words.
  func expanded() -> [UInt64] {
    var words = [UInt64](repeating: 0, count: 1024)
    words.withUnsafeMutableBufferPointer { insert(into: $0.baseAddress!) }
    return words
  }

  /// The rows in both.
  public func intersection(_ other: RowContainer) -> RowContainer {
    if case .array(let rows) = form {
      return RowContainer(form: .array(rows.filter { other.contains(Int($0)) }))
    }
    if case .array(let rows) = other.form {
      return RowContainer(form: .array(rows.filter { contains(Int($0)) }))
    }
    let left = expanded()
    let right = other.expanded()
    return RowContainer(words: zip(left, right).map { $0 & $1 })
  }

  /// The rows in either.
  public func union(_ other: RowContainer) -> RowContainer {
    if cardinality == 0 { return other }
    if other.cardinality == 0 { return self }
    var words = expanded()
    words.withUnsafeMutableBufferPointer { other.insert(into: $0.baseAddress!) }
    return RowContainer(words: words)
  }

  /// The rows of this set that are not in `other`.
  public func subtracting(_ other: RowContainer) -> RowContainer {
    let right = other.expanded()
    return RowContainer(words: zip(expanded(), right).map { $0 & ~$1 })
  }

  /// A mask of `rowCount` rows where those of this set are NULL.
  func validityOfOthers(rowCount: Int) -> Validity? {
    let wordCount = Validity.wordCount(rowCount)
    let buffer = Buffer(byteCount: 1024 * 8, zeroed: true)
    let words = buffer.typed(UInt64.self)
    insert(into: words)
    for index in 0..<wordCount { words[index] = ~words[index] }
    return Validity(adopting: buffer, count: rowCount)
  }
}

extension RowContainer {
  /// Reads the container at `offset`; every row must be below `rowCount`.
  init(_ bytes: ChunkBytes, at offset: Int, rowCount: Int) throws(StoaError) {
    let kind = try bytes.uint8(offset)
    let count = try bytes.uint32(offset + 4)
    switch kind {
    case 1:
      let raw = try bytes.piece(offset + 8, count * 2, "rows")
      let rows = RowContainer.shorts(raw, count)
      guard RowContainer.ascend(rows, below: rowCount) else {
        throw bytes.damaged("rows of a bitmap do not ascend", at: offset)
      }
      self.init(form: .array(rows))
    case 2:
      let raw = try bytes.piece(offset + 8, count * 4, "runs")
      let bounds = RowContainer.shorts(raw, count * 2)
      guard RowContainer.areApart(bounds, below: rowCount) else {
        throw bytes.damaged("runs of a bitmap do not ascend", at: offset)
      }
      self.init(form: .runs(bounds))
    case 3:
      guard count <= Validity.wordCount(rowCount) else {
        throw bytes.damaged("\(count) words for \(rowCount) rows", at: offset)
      }
      let raw = try bytes.piece(offset + 8, count * 8, "bitmap")
      var words = [UInt64](repeating: 0, count: count)
      for index in 0..<count {
        words[index] = UInt64(
          littleEndian: raw.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
      }
      if count == rowCount / 64 + 1, rowCount % 64 != 0,
        words[count - 1] >> UInt64(rowCount % 64) != 0
      {
        throw bytes.damaged("a bitmap has rows past \(rowCount)", at: offset)
      }
      self.init(form: .dense(words))
    default: throw bytes.damaged("unknown container \(kind)", at: offset)
    }
  }

  /// Bytes in a file.
  public var byteCount: Int {
    switch form {
    case .array(let rows): 8 + rows.count * 2
    case .runs(let bounds): 8 + bounds.count * 2
    case .dense(let words): 8 + words.count * 8
    }
  }

  /// Writes the container on a multiple of 8 and returns its offset.
  func write(to writer: inout ChunkWriter) -> Int {
    writer.align(8)
    let offset = writer.count
    switch form {
    case .array(let rows):
      writer.append(UInt32(1))
      writer.append(UInt32(rows.count))
      writer.append(array: rows)
    case .runs(let bounds):
      writer.append(UInt32(2))
      writer.append(UInt32(bounds.count / 2))
      writer.append(array: bounds)
    case .dense(let words):
      writer.append(UInt32(3))
      writer.append(UInt32(words.count))
      writer.append(array: words)
    }
    return offset
  }

  private static func shorts(_ raw: UnsafeRawPointer, _ count: Int) -> [UInt16] {
    (0..<count).map {
      UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self))
    }
  }

  private static func ascend(_ rows: [UInt16], below limit: Int) -> Bool {
    var last = -1
    for row in rows {
      if Int(row) <= last { return false }
      last = Int(row)
    }
    return last < limit
  }

  private static func areApart(_ bounds: [UInt16], below limit: Int) -> Bool {
    var last = -2
    for index in stride(from: 0, to: bounds.count, by: 2) {
      let first = Int(bounds[index])
      guard first > last + 1 || (index == 0), first <= Int(bounds[index + 1]) else { return false }
      last = Int(bounds[index + 1])
    }
    return last < limit
  }
}
