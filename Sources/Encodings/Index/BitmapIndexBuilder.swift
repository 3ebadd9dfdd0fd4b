import Vectors

/// The rows of every distinct value of one column of one row group: what a bitmap index is put together from when
/// the segment's codes are known.
public struct ValueRows: Sendable {
  /// By code of the row group.
  public let containers: [RowContainer]
  public let nulls: RowContainer
  /// Stretches of equal values.
  public let runCount: Int
  /// Bytes in an index, roughly.
  public let byteCount: Int

  /// - Parameters:
  ///   - codes: one per row below `codeCount`; anything where `validity` says NULL.
  ///   - byteLimit: `nil` is the result when the rows would take more.
  public init?(
    codes: UnsafePointer<UInt16>, count: Int, codeCount: Int, validity: Validity?, byteLimit: Int
  ) {
    precondition(count <= 65_536, "more rows than a row group has")
    var shapes = [Shape](repeating: Shape(), count: codeCount + 1)
    var runCount = 0
    ValueRows.forEachRun(codes, count, codeCount, validity) { code, start, end in
      shapes[code].rows &+= end &- start
      shapes[code].runs &+= 1
      runCount &+= 1
    }
    byteCount = shapes.reduce(0) { $0 + $1.byteCount(rowCount: count) }
    guard byteCount <= byteLimit else { return nil }
    self.runCount = runCount
    var lists = shapes.map { $0.list(rowCount: count) }
    ValueRows.forEachRun(codes, count, codeCount, validity) { code, start, end in
      lists[code].append(start, end)
    }
    nulls = lists.removeLast().container
    containers = lists.map(\.container)
  }

  /// Calls `body` with the code (`codeCount` for NULL) and the rows of each stretch.
  @inline(__always)
  private static func forEachRun(
    _ codes: UnsafePointer<UInt16>, _ count: Int, _ codeCount: Int, _ validity: Validity?,
    _ body: (Int, Int, Int) -> Void
  ) {
    func code(_ row: Int) -> Int {
      guard validity?.isValid(row) ?? true else { return codeCount }
      let code = Int(codes[row])
      precondition(code < codeCount, "code without an entry")
      return code
    }
    guard count > 0 else { return }
    var start = 0
    var last = code(0)
    for row in 1..<max(1, count) {
      let next = code(row)
      if next != last {
        body(last, start, row)
        start = row
        last = next
      }
    }
    body(last, start, count)
  }

  /// How many rows of one code there are and in how many stretches.
  private struct Shape {
    var rows = 0
    var runs = 0

    func byteCount(rowCount: Int) -> Int {
      if rows == 0 { return 4 }
      return 4 + 8 + (min(rows * 2, runs * 4, (rowCount + 63) / 64 * 8) + 7) / 8 * 8
    }

    func list(rowCount: Int) -> RowList {
      var list = RowList()
      let wordCount = (rowCount + 63) / 64
      if runs * 4 < rows * 2 && runs * 4 < wordCount * 8 {
        list.kind = .runs
        list.shorts.reserveCapacity(runs * 2)
      } else if rows * 2 > wordCount * 8 {
        list.kind = .dense
        list.words = [UInt64](repeating: 0, count: wordCount)
      } else {
        list.shorts.reserveCapacity(rows)
      }
      return list
    }
  }

  /// A container while its rows come.
  private struct RowList {
    enum Kind { case array, runs, dense }
    var kind = Kind.array
    var shorts: [UInt16] = []
    var words: [UInt64] = []

    @inline(__always)
    mutating func append(_ start: Int, _ end: Int) {
      switch kind {
      case .array:
        for row in start..<end { shorts.append(UInt16(truncatingIfNeeded: row)) }
      case .runs:
        shorts.append(UInt16(truncatingIfNeeded: start))
        shorts.append(UInt16(truncatingIfNeeded: end &- 1))
      case .dense:
        for row in start..<end { words[row >> 6] |= 1 << UInt64(row & 63) }
      }
    }

    var container: RowContainer {
      switch kind {
      case .array: RowContainer(form: .array(shorts))
      case .runs: RowContainer(form: .runs(shorts))
      case .dense: RowContainer(words: words)
      }
    }
  }
}

/// Collects the rows of each value, row group by row group.
public struct BitmapIndexBuilder: Sendable {
  /// Rows of a row group by its own codes, and the number of each of those in the segment.
  private var groups: [(rows: ValueRows, numbers: [UInt32])] = []
  private var containerByteCount = 0

  /// A builder without rows.
  public init() {}

  /// The next row group; `numbers` has one number per code of `rows`.
  public mutating func append(_ rows: ValueRows, numbers: [UInt32]) {
    precondition(rows.containers.count == numbers.count, "one number per code")
    groups.append((rows, numbers))
    for container in rows.containers + [rows.nulls] where container.cardinality > 0 {
      containerByteCount += (container.byteCount + 7) / 8 * 8
    }
  }

  public var rowGroupCount: Int { groups.count }

  /// Bytes the index would take with so many entries, those not counted; to be weighed against the segment's.
  public func byteCount(entryCount: Int) -> Int {
    16 + (entryCount + 1) * groups.count * 4 + 4 + containerByteCount
  }

  /// The bytes of the index.
  /// - Parameters:
  ///   - codes: the code of each number, a permutation, at most `BitmapIndex.valueLimit`.
  ///   - entries: the value of each code, flat, without NULLs; `nil` when the column has a dictionary of them.
  /// - Throws: what encoding `entries` throws.
  public func finish(codes: [UInt32], entries: Vector?) throws(StoaError) -> Buffer {
    precondition(codes.count <= BitmapIndex.valueLimit, "too many values")
    let valueCount = codes.count + 1
    var writer = ChunkWriter()
    writer.append(UInt32(0))
    writer.append(UInt32(valueCount))
    writer.append(UInt32(groups.count))
    let entriesField = writer.reserve(4)
    let table = writer.reserve(valueCount * groups.count * 4)
    for (group, part) in groups.enumerated() {
      // In the order of codes, so that rows of neighbours lie together.
      var local = [Int](repeating: -1, count: codes.count)
      for (code, number) in part.numbers.enumerated() { local[Int(codes[Int(number)])] = code }
      for code in 0..<valueCount {
        let container =
          code == codes.count
          ? part.rows.nulls : local[code] < 0 ? RowContainer() : part.rows.containers[local[code]]
        guard container.cardinality > 0 else { continue }
        let offset = container.write(to: &writer)
        writer.setOffset(offset, at: table + (group * valueCount + code) * 4)
      }
    }
    if let entries {
      let chunk = try ChunkEncoder.encode(entries, forced: nil, isNested: true)
      writer.align(64)
      writer.setOffset(writer.count, at: entriesField)
      writer.append(chunk.bytes.bytes)
      withExtendedLifetime(chunk) {}
    }
    return writer.bytes.withUnsafeBytes { Buffer(copying: $0) }
  }
}
