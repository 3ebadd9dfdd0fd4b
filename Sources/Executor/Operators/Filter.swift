import Kernels
import SQL
import Vectors

/// Keeps the rows for which a condition is TRUE. Small survivors are collected until a batch is worth passing
/// on: what follows costs per batch as well as per row.
final class FilterFactory: OperatorFactory, @unchecked Sendable {
  private let condition: Expression
  private let capacity: Int

  init(_ condition: Expression, capacity: Int) {
    self.condition = condition
    self.capacity = capacity
  }

  override func makeOperator() -> BatchOperator {
    Filter(ExpressionEvaluator(condition), capacity: capacity)
  }

  private final class Filter: BatchOperator {
    private let evaluator: ExpressionEvaluator
    private var compactor: BatchCompactor

    init(_ evaluator: ExpressionEvaluator, capacity: Int) {
      self.evaluator = evaluator
      compactor = BatchCompactor(capacity: capacity)
    }

    override func push(_ batch: Batch) throws(StoaError) {
      let rows = try evaluator.filter(batch)
      guard rows.count > 0 else { return }
      compactor.add(
        rows.count == batch.rowCount ? batch : batch.gather(rows.pointer, count: rows.count))
    }

    override func next() -> Batch? { compactor.next() }
    override func finish() { compactor.flush() }
  }
}

/// Joins small batches into larger ones. Batches of half the capacity or more pass as they are.
struct BatchCompactor {
  private let capacity: Int
  private var waiting: [Batch] = []
  private var waitingCount = 0
  private var ready: [Batch] = []

  init(capacity: Int) { self.capacity = capacity }

  mutating func add(_ batch: Batch) {
    if batch.rowCount * 2 >= capacity || batch.columns.isEmpty {
      flush()
      ready.append(batch)
      return
    }
    waiting.append(batch)
    waitingCount += batch.rowCount
    if waitingCount * 2 >= capacity { flush() }
  }

  /// Makes what has been collected available.
  mutating func flush() {
    guard waitingCount > 0 else { return }
    ready.append(waiting.count == 1 ? waiting[0] : Batch.concatenated(waiting))
    waiting.removeAll(keepingCapacity: true)
    waitingCount = 0
  }

  mutating func next() -> Batch? { ready.isEmpty ? nil : ready.removeFirst() }
}

extension Batch {
  /// The rows of all `batches`, which have the same column types and are not empty.
  static func concatenated(_ batches: [Batch]) -> Batch {
    let rowCount = batches.reduce(0) { $0 + $1.rowCount }
    let columns = batches[0].columns.indices.map { index in
      Vector.concatenated(batches.map { $0.columns[index] }, count: rowCount)
    }
    return Batch(columns: columns, rowCount: rowCount)
  }
}

extension Vector {
  /// All rows of `parts`, `count` in all. A dictionary that all of them share is kept.
  static func concatenated(_ parts: [Vector], count: Int) -> Vector {
    if parts.count == 1 { return parts[0] }
    if parts.allSatisfy(\.isConstantNull) { return parts[0].resizedConstant(count: count) }
    if let dictionary = sharedDictionary(parts) {
      return concatenatedCodes(parts, dictionary, count: count)
    }
    var builder = VectorBuilder(type: parts[0].type, capacity: count)
    for part in parts { builder.append(part) }
    return builder.finish()
  }

  private static func sharedDictionary(_ parts: [Vector]) -> Vector? {
    guard parts[0].form == .dictionary, let dictionary = parts[0].child else { return nil }
    for part in parts where part.form != .dictionary || part.child !== dictionary { return nil }
    return dictionary
  }

  private static func concatenatedCodes(
    _ parts: [Vector], _ dictionary: Vector, count: Int
  ) -> Vector {
    let buffer = Buffer(of: UInt32.self, count: max(1, count))
    let target = buffer.typed(UInt32.self)
    var row = 0
    for part in parts {
      part.withCodes { (target + row).update(from: $0, count: part.count) }
      row += part.count
    }
    return Vector(
      codes: buffer, count: count, dictionary: dictionary,
      validity: Validity.concatenated(parts, count: count))
  }
}

extension Validity {
  /// The masks of `parts` (flat or dictionary vectors) one after the other; `nil` without NULLs.
  static func concatenated(_ parts: [Vector], count: Int) -> Validity? {
    guard parts.contains(where: { $0.validity != nil }) else { return nil }
    let buffer = Buffer(byteCount: wordCount(count) * 8, zeroed: true)
    let words = buffer.typed(UInt64.self)
    var row = 0
    for part in parts {
      for index in 0..<part.count where part.validity?.isValid(index) ?? true {
        words[(row &+ index) >> 6] |= 1 << UInt64((row &+ index) & 63)
      }
      row += part.count
    }
    return Validity(adopting: buffer, count: count)
  }
}
