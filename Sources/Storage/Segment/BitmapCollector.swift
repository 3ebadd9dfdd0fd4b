import Encodings
import Vectors

// Bitmap indexes are made where they are small and say something: a column of few values whose rows take at most
// 3 % of the segment as bitmaps, all indexes together at most 10 %, the smallest first. A column that is sorted,
// equal throughout its row groups or made of long runs has none: zone maps and runs answer as fast.

/// When a column gets a bitmap index.
enum BitmapIndexRule {
  /// Columns with more values are not tried: random values cost two bytes a row whatever their number.
  static let entryLimit = 256
  /// An index may take this many hundredths of the segment, and all of them this many.
  static let share = 3
  static let totalShare = 10
  /// Row groups differ: up to this many hundredths of its own row group are collected, and so many bytes besides.
  static let rowGroupShare = 5
  static let rowGroupAllowance = 8192
  /// Smaller segments are read faster than an index.
  static let leastRowCount = 2048
  /// Longer runs than this are filtered as fast as an index is read.
  static let runLength = 1024
}

/// The rows of every value of one column of one row group.
struct ColumnRows: Sendable {
  /// The values' bits (see `ValueCodes`); empty in a dictionary column, whose entries the writer numbers.
  var keys: [Int128]
  var rows: ValueRows

  /// Rows by value of a column that is encoded to `chunk`.
  /// - Returns: `nil` when they are too many or take more than `byteLimit`.
  init?(_ vector: Vector, _ chunk: EncodedChunk, byteLimit: Int) {
    let zone = chunk.zone
    let isAllNull = zone.nullCount == zone.rowCount
    if vector.type.physical == .string && !isAllNull { return nil }
    // The estimate is from a sample; what looks like twice the limit is above it.
    guard zone.distinctEstimate <= BitmapIndexRule.entryLimit * 2 else { return nil }
    if isAllNull {
      let codes = Buffer(byteCount: max(2, vector.count * 2), zeroed: true)
      self.init(
        keys: [], codes, count: vector.count, codeCount: 0,
        validity: .allNull(count: vector.count), byteLimit: byteLimit)
    } else {
      let flat = vector.flattened()
      guard let values = ValueCodes(flat, limit: BitmapIndexRule.entryLimit) else { return nil }
      self.init(
        keys: values.keys, values.codes, count: flat.count, codeCount: values.keys.count,
        validity: flat.validity, byteLimit: byteLimit)
    }
  }

  /// Rows by entry of a dictionary column.
  init?(_ codes: LocalCodes, byteLimit: Int) {
    guard codes.entries.count <= BitmapIndexRule.entryLimit else { return nil }
    self.init(
      keys: [], codes.codes, count: codes.rowCount, codeCount: codes.entries.count,
      validity: codes.validity, byteLimit: byteLimit)
  }

  private init?(
    keys: [Int128], _ codes: Buffer, count: Int, codeCount: Int, validity: Validity?,
    byteLimit: Int
  ) {
    let rows = ValueRows(
      codes: UnsafePointer(codes.typed(UInt16.self)), count: count, codeCount: codeCount,
      validity: validity, byteLimit: byteLimit)
    withExtendedLifetime(codes) {}
    guard let rows else { return nil }
    self.keys = keys
    self.rows = rows
  }
}

/// The bitmap index of one column of a segment that is being written; given up as soon as it cannot be.
struct BitmapCollector {
  private var builder: BitmapIndexBuilder? = BitmapIndexBuilder()
  private var keys: [Int128] = []
  private var numbers: [Int128: UInt32] = [:]
  /// Values seen; of a dictionary column, the highest number and 1.
  private var entryCount = 0
  /// Per row group, whether its runs are too short to decide as fast.
  private var isScattered: [Bool] = []

  var byteCount: Int { builder?.byteCount(entryCount: entryCount) ?? 0 }

  /// Whether there will be no index.
  var hasGivenUp: Bool { builder == nil }

  mutating func giveUp() {
    builder = nil
    keys = []
    numbers = [:]
  }

  /// Takes the next row group; `nil` ends the attempt.
  /// - Parameter entryNumbers: those of the row group's entries in the segment's dictionary, if it has one.
  mutating func add(_ column: ColumnRows?, entryNumbers: [UInt32]?) {
    guard builder != nil else { return }
    guard let column else { return giveUp() }
    let local = entryNumbers ?? column.keys.map { number($0) }
    if let highest = local.max() { entryCount = max(entryCount, Int(highest) + 1) }
    guard entryCount <= BitmapIndexRule.entryLimit else { return giveUp() }
    let rows = column.rows
    let rowCount = rows.containers.reduce(rows.nulls.cardinality) { $0 + $1.cardinality }
    isScattered.append(
      rows.runCount > 1 && rows.runCount * BitmapIndexRule.runLength > rowCount)
    builder?.append(rows, numbers: local)
  }

  private mutating func number(_ key: Int128) -> UInt32 {
    if let known = numbers[key] { return known }
    let number = UInt32(keys.count)
    numbers[key] = number
    keys.append(key)
    return number
  }

  /// Whether an index is complete and would tell what nothing else tells as fast.
  /// - Parameter chunks: the column's, for their zone maps.
  func isWorthwhile(_ chunks: [ChunkEntry]) -> Bool {
    guard let builder, builder.rowGroupCount == chunks.count, entryCount >= 1 else { return false }
    let zones = chunks.map(\.zone)
    guard zones.reduce(0, { $0 + $1.rowCount }) >= BitmapIndexRule.leastRowCount else {
      return false
    }
    let useful = zip(isScattered, zones).count { $0 && !$1.isSorted }
    return useful * 10 >= chunks.count
  }

  /// The bytes of the index.
  /// - Parameter ranks: the codes of a dictionary column's entries by number; `nil` without a dictionary.
  func finish(ranks: [UInt32]?, type: LogicalType) throws(StoaError) -> Buffer? {
    guard let builder else { return nil }
    if let ranks { return try builder.finish(codes: ranks, entries: nil) }
    let order = keys.indices.sorted { keys[$0] < keys[$1] }
    var codes = [UInt32](repeating: 0, count: keys.count)
    for (code, number) in order.enumerated() { codes[number] = UInt32(code) }
    return try builder.finish(
      codes: codes, entries: ValueCodes.vector(order.map { keys[$0] }, type: type))
  }
}
