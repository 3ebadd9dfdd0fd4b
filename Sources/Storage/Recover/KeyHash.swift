import Catalog
import Kernels
import Vectors

/// The hash of a key, for finding those that occur twice.
struct KeyHash {
  let bits: UInt64

  /// One for each row that is not deleted; without `keepsNulls` only for those whose key has no NULL.
  static func of(
    _ group: RowGroupSource, _ columns: [ColumnDefinition], keepsNulls: Bool = false
  ) throws(StoaError) -> [KeyHash] {
    let vectors = try group.liveValues(columns).map { $0.flattened() }
    let count = group.liveRowCount
    let buffer = Buffer(byteCount: max(8, count * 8))
    let hashes = buffer.typed(UInt64.self)
    Hashing.hash(rows: vectors, count: count, into: hashes)
    var result: [KeyHash] = []
    result.reserveCapacity(count)
    for row in 0..<count where keepsNulls || vectors.allSatisfy({ $0.isValid(row) }) {
      result.append(KeyHash(bits: hashes[row]))
    }
    withExtendedLifetime(buffer) {}
    return result
  }
}
