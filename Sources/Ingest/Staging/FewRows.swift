import Kernels
import Vectors

/// The rows of a load as they were given, as long as they are few: such rows go into the log and the memtable, and need
/// not be copied into a stage before.
struct FewRows {
  /// Columns of each batch; the origins of the rows are the last when the load carries them.
  private(set) var batches: [(columns: [Vector], rowCount: Int)] = []
  private(set) var rowCount = 0
  private var byteCount = 0
  private let rowLimit: Int

  /// - Parameter rowLimit: more rows are not few.
  init(rowLimit: Int) { self.rowLimit = rowLimit }

  /// Takes the next rows unless there are too many then.
  mutating func add(_ columns: [Vector], rowCount added: Int) -> Bool {
    guard rowCount + added <= rowLimit else { return false }
    let bytes = columns.reduce(byteCount) { $0 + FewRows.byteCount(of: $1) }
    guard bytes <= LoadWriting.inlineByteLimit else { return false }
    batches.append((columns, added))
    rowCount += added
    byteCount = bytes
    return true
  }

  private static func byteCount(of vector: Vector) -> Int {
    let fixed = vector.count * vector.type.physical.byteWidth
    guard vector.type.physical == .string else { return fixed }
    let flat = vector.flattened()
    let validity = flat.validity
    return flat.withValues(as: StringView.self) { views in
      var bytes = fixed
      for row in 0..<vector.count where validity?.isValid(row) ?? true {
        bytes &+= views[row].isInline ? 0 : views[row].byteCount
      }
      return bytes
    }
  }

  /// All rows, one vector per column, in the order of `sortColumns`; equal ones, and all without such columns, as they
  /// came.
  func sorted(by sortColumns: [Int]) -> [Vector] {
    guard let first = batches.first else { return [] }
    let vectors = batches.count == 1 ? first.columns : joined(first.columns.map(\.type))
    guard !sortColumns.isEmpty, rowCount > 1 else { return vectors }
    let keys = sortColumns.map { vectors[$0].flattened() }
    let order = RowOrder.sort(
      columns: keys, specifications: keys.map { _ in SortSpecification() })
    return order.withUnsafeBufferPointer { rows in
      guard let base = rows.baseAddress else { return vectors }
      return vectors.map { $0.gather(base, count: rows.count) }
    }
  }

  private func joined(_ types: [LogicalType]) -> [Vector] {
    types.indices.map { column in
      var builder = VectorBuilder(type: types[column], capacity: rowCount)
      for batch in batches { builder.append(batch.columns[column]) }
      return builder.finish()
    }
  }
}
