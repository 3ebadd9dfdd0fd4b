import Vectors

/// Staged chunks seen as one table from which any rows can be gathered, column by column.
final class RowTable: @unchecked Sendable {
  let types: [LogicalType]
  let chunks: [StagedChunk]
  /// Per column: the first value of every chunk.
  private let bases: [[UnsafeRawPointer]]
  private let hasNulls: [Bool]
  /// Per string column whose chunks all hold codes: the entries of all interners together, and for every chunk what
  /// its codes are in there.
  private let dictionaries: [UnifiedDictionary?]

  init(types: [LogicalType], chunks: [StagedChunk]) {
    self.types = types
    self.chunks = chunks
    bases = types.indices.map { column in
      chunks.map { UnsafeRawPointer($0.columns[column].values.pointer) }
    }
    hasNulls = types.indices.map { column in chunks.contains { $0.columns[column].validity != nil }
    }
    dictionaries = types.indices.map { column in
      types[column].physical == .string ? UnifiedDictionary(chunks.map { $0.columns[column] }) : nil
    }
  }

  /// The column's values of `rows` (`chunk << 16 | offset`), in that order.
  func gather(_ column: Int, _ rows: UnsafePointer<UInt32>, count: Int) -> Vector {
    let type = types[column]
    let validity = hasNulls[column] ? self.validity(column, rows, count) : nil
    if type.physical == .string { return strings(column, rows, count, validity) }
    let target = Buffer(byteCount: max(1, count * type.physical.byteWidth))
    bases[column].withUnsafeBufferPointer { bases in
      guard let base = bases.baseAddress else { return }
      switch type.physical.byteWidth {
      case 1: RowTable.copy(base, rows, target, count, UInt8.self)
      case 2: RowTable.copy(base, rows, target, count, UInt16.self)
      case 4: RowTable.copy(base, rows, target, count, UInt32.self)
      case 8: RowTable.copy(base, rows, target, count, UInt64.self)
      default: RowTable.copy(base, rows, target, count, SIMD2<UInt64>.self)
      }
    }
    return Vector(flat: target, type: type, count: count, validity: validity)
  }

  @inline(__always)
  private static func copy<T: BitwiseCopyable>(
    _ bases: UnsafePointer<UnsafeRawPointer>, _ rows: UnsafePointer<UInt32>, _ target: Buffer,
    _ count: Int, _: T.Type
  ) {
    let out = target.typed(T.self)
    for index in 0..<count {
      let row = rows[index]
      let base = bases[Int(row &>> 16)].assumingMemoryBound(to: T.self)
      out[index] = base[Int(row & 0xFFFF)]
    }
  }

  private func validity(_ column: Int, _ rows: UnsafePointer<UInt32>, _ count: Int) -> Validity? {
    let words = Buffer(byteCount: max(8, Validity.wordCount(count) * 8), zeroed: true)
    let target = words.typed(UInt64.self)
    for index in 0..<count {
      let row = Int(rows[index])
      if chunks[row >> 16].columns[column].isValid(row & 0xFFFF) {
        target[index >> 6] |= 1 << UInt64(index & 63)
      }
    }
    let validity = Validity(adopting: words, count: count)
    return validity.nullCount == 0 ? nil : validity
  }

  private func strings(
    _ column: Int, _ rows: UnsafePointer<UInt32>, _ count: Int, _ validity: Validity?
  ) -> Vector {
    if let dictionary = dictionaries[column] {
      let target = Buffer(of: UInt32.self, count: max(1, count))
      let out = target.typed(UInt32.self)
      bases[column].withUnsafeBufferPointer { bases in
        dictionary.codes.withUnsafeBufferPointer { common in
          dictionary.offsets.withUnsafeBufferPointer { offsets in
            for index in 0..<count {
              let row = Int(rows[index])
              let codes = bases[row &>> 16].assumingMemoryBound(to: UInt32.self)
              out[index] = common[offsets[row &>> 16] &+ Int(codes[row & 0xFFFF])]
            }
          }
        }
      }
      return Vector(codes: target, count: count, dictionary: dictionary.entries, validity: validity)
    }
    let target = Buffer(of: StringView.self, count: max(1, count))
    let out = target.typed(StringView.self)
    var used: Set<Int> = []
    var last = -1
    for index in 0..<count {
      let row = Int(rows[index])
      if row >> 16 != last {
        last = row >> 16
        used.insert(last)
      }
      let source = chunks[row >> 16].columns[column]
      if let interner = source.interner {
        out[index] = interner.entries[Int(source.values.typed(UInt32.self)[row & 0xFFFF])]
      } else {
        out[index] = source.values.typed(StringView.self)[row & 0xFFFF]
      }
    }
    let owners = used.flatMap { chunks[$0].columns[column].stringOwners }
    return Vector(
      flat: target, type: types[column], count: count, validity: validity, owners: owners)
  }
}

/// The distinct strings of several interners with common codes.
final class UnifiedDictionary {
  let entries: Vector
  /// Common codes of all interners, one interner after the other.
  let codes: [UInt32]
  /// Per chunk: where its interner's codes begin.
  let offsets: [Int]

  /// `nil` when some chunk holds plain strings, or there are too many distinct ones to pay.
  init?(_ columns: [StagedColumn]) {
    var starts: [ObjectIdentifier: Int] = [:]
    var codes: [UInt32] = []
    var offsets: [Int] = []
    let all = TextInterner(limit: .max)
    for column in columns {
      guard let interner = column.interner else { return nil }
      let id = ObjectIdentifier(interner)
      if starts[id] == nil {
        starts[id] = codes.count
        for view in interner.entries { codes.append(all.number(of: view) ?? 0) }
      }
      offsets.append(starts[id] ?? 0)
    }
    guard !all.entries.isEmpty else { return nil }
    entries = all.vector(columns.first?.type ?? .varchar)
    self.codes = codes
    self.offsets = offsets
  }
}
