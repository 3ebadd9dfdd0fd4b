import Catalog
import Encodings
import Synchronization
import Vectors

/// Some rows of one table in memory, column by column: what a commit adds inline, and what a memtable is made
/// of. Immutable; columns are flat and named by id, so that a column added later reads as its default.
public struct RowBlock: Sendable {
  /// Ids of the columns, in the order of `batch.columns`.
  public let columns: [ColumnID]
  public let batch: Batch
  /// Bytes in memory, roughly.
  public let byteCount: Int

  private let summaries = SummaryCache()
  private let keys = KeyCache()

  public var rowCount: Int { batch.rowCount }

  /// - Parameter batch: one vector per column of `columns`, in any form; kept flat, with long strings in memory of the
  ///   block's own: they may come from heaps and files that are much larger than they are.
  public init(columns: [ColumnID], batch: Batch) {
    self.columns = columns
    let flat = batch.columns.map { RowBlock.owned($0.flattened()) }
    self.batch = Batch(columns: flat, rowCount: batch.rowCount)
    byteCount = flat.reduce(64) { $0 + RowBlock.byteCount(of: $1) }
  }

  /// No rows of no columns.
  static let empty = RowBlock(columns: [], batch: Batch(columns: [], rowCount: 0))

  /// The values of a column, or `nil` for one added later.
  public func vector(_ column: ColumnID) -> Vector? {
    columns.firstIndex(of: column).map { batch.columns[$0] }
  }

  /// Bounds of a column, found when first asked for; `nil` for one added later.
  public func zoneMap(_ column: ColumnID) -> ZoneMap? {
    guard let vector = vector(column) else { return nil }
    return summaries.zone(column) { ZoneMap(of: vector) }
  }

  /// The distinct values of a column, sketched when first asked for; `nil` for one added later.
  func sketch(_ column: ColumnID) -> DistinctSketch? {
    guard let vector = vector(column) else { return nil }
    return summaries.sketch(column) {
      var sketch = DistinctSketch()
      sketch.add(vector)
      return sketch
    }
  }

  /// The keys that these columns make, sorted, with their rows; kept for the next who asks if `budget` has room.
  /// - Parameter columns: in the order of the key.
  public func sortedKeys(
    of columns: [ColumnDefinition], _ form: KeyRunForm, _ budget: MemoryBudget
  ) -> KeyNumbers {
    let key = KeyCache.Key(columns: columns.map(\.id), form: form)
    return keys.find(key, budget) {
      let vectors = columns.map { column in
        vector(column.id)
          ?? Vector(constant: column.initialValue ?? .null, type: column.type, count: rowCount)
      }
      var numbers = KeyNumbers(vectors, form)
      numbers.sort()
      return numbers
    }
  }

  /// The rows at `positions`, ascending.
  func gather(_ positions: [UInt32]) -> RowBlock {
    positions.withUnsafeBufferPointer { all in
      guard let base = all.baseAddress else {
        return RowBlock(columns: columns, batch: batch.slice(0..<0))
      }
      return RowBlock(columns: columns, batch: batch.gather(base, count: all.count))
    }
  }

  /// All rows of `blocks`, which have the same columns, one block after the other.
  static func joined(_ blocks: [RowBlock]) -> RowBlock {
    guard let first = blocks.first, blocks.count > 1 else {
      return blocks.first ?? .empty
    }
    let rowCount = blocks.reduce(0) { $0 + $1.rowCount }
    let vectors = first.columns.indices.map { index -> Vector in
      var builder = VectorBuilder(type: first.batch.columns[index].type, capacity: rowCount)
      for block in blocks { builder.append(block.batch.columns[index]) }
      return builder.finish()
    }
    return RowBlock(columns: first.columns, batch: Batch(columns: vectors, rowCount: rowCount))
  }

  /// Whether rows of `other` can stand in the same block.
  func hasSameColumns(as other: RowBlock) -> Bool {
    columns == other.columns
      && zip(batch.columns, other.batch.columns).allSatisfy { $0.type == $1.type }
  }

  /// The same values with the bytes of long strings in one buffer.
  private static func owned(_ vector: Vector) -> Vector {
    guard vector.type.physical == .string, vector.count > 0 else { return vector }
    let target = Buffer(of: StringView.self, count: vector.count)
    let views = target.typed(StringView.self)
    let bytes = vector.withValues(as: StringView.self) { source -> Buffer in
      var total = 0
      for row in 0..<vector.count where vector.isValid(row) && !source[row].isInline {
        total &+= source[row].byteCount
      }
      let bytes = Buffer(byteCount: total)
      var offset = 0
      for row in 0..<vector.count {
        guard vector.isValid(row) else {
          views[row] = StringView()
          continue
        }
        let view = source[row]
        views[row] = view
        guard !view.isInline else { continue }
        let place = bytes.pointer + offset
        view.withBytes { source in
          if let base = source.baseAddress {
            place.copyMemory(from: base, byteCount: source.count)
          }
        }
        views[row] = StringView(place, byteCount: view.byteCount)
        offset &+= view.byteCount
      }
      return bytes
    }
    return Vector(
      flat: target, type: vector.type, count: vector.count, validity: vector.validity,
      owners: bytes.byteCount > 0 ? [bytes] : [])
  }

  private static func byteCount(of vector: Vector) -> Int {
    var bytes = vector.count * vector.type.physical.byteWidth + 48
    if vector.type.physical == .string {
      vector.withValues(as: StringView.self) { views in
        for row in 0..<vector.count where !views[row].isInline { bytes &+= views[row].byteCount }
      }
    }
    return bytes
  }
}

/// What is known of the columns of a block, shared by its copies.
private final class SummaryCache: Sendable {
  private struct Known {
    var zones: [ColumnID: ZoneMap] = [:]
    var sketches: [ColumnID: DistinctSketch] = [:]
  }
  private let known = Mutex(Known())

  func zone(_ column: ColumnID, _ make: () -> ZoneMap) -> ZoneMap {
    if let zone = known.withLock({ $0.zones[column] }) { return zone }
    let zone = make()
    known.withLock { $0.zones[column] = zone }
    return zone
  }

  func sketch(_ column: ColumnID, _ make: () -> DistinctSketch) -> DistinctSketch {
    if let sketch = known.withLock({ $0.sketches[column] }) { return sketch }
    let sketch = make()
    known.withLock { $0.sketches[column] = sketch }
    return sketch
  }
}

/// Sorted keys of a block, shared by its copies: a commit looks for its keys in every memtable block.
private final class KeyCache: Sendable {
  struct Key: Hashable {
    var columns: [ColumnID]
    var form: KeyRunForm
  }

  private struct Entry {
    var numbers: KeyNumbers
    var reservation: MemoryReservation
  }

  private let known = Mutex<[Key: Entry]>([:])

  func find(_ key: Key, _ budget: MemoryBudget, _ make: () -> KeyNumbers) -> KeyNumbers {
    if let entry = known.withLock({ $0[key] }) { return entry.numbers }
    let numbers = make()
    let reservation = MemoryReservation(budget)
    if reservation.tryResize(to: numbers.byteCount) {
      known.withLock { $0[key] = Entry(numbers: numbers, reservation: reservation) }
    }
    return numbers
  }
}

/// Equal rows in equal order; for tests and for comparing states, not for speed.
extension RowBlock: Hashable {
  public static func == (left: RowBlock, right: RowBlock) -> Bool {
    guard left.rowCount == right.rowCount, left.hasSameColumns(as: right) else { return false }
    return left.batch.columns.indices.allSatisfy { column in
      (0..<left.rowCount).allSatisfy {
        left.batch.columns[column].value(at: $0) == right.batch.columns[column].value(at: $0)
      }
    }
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(columns)
    hasher.combine(rowCount)
  }
}
