import Vectors

// string_agg: each value with the separator of its row in front; the first separator is cut off in the end. So texts
// of two states can be put one behind the other. NULLs are left out; a NULL separator is an empty one.

extension AggregateFunction {
  /// All values one after the other.
  static let stringAgg = AggregateFunction(
    "string_agg", aliases: ["group_concat", "listagg"], signature: "x VARCHAR[, separator]",
    help: "All values in one text, with a separator (a comma if none is given) between them",
    example: "SELECT string_agg(x, '-' ORDER BY x) FROM (VALUES ('b'), ('a'), (NULL)) t(x)",
    result: "a-b"
  ) { types in
    guard types.count == 1 || types.count == 2 else { return nil }
    return BoundAggregate(
      name: "string_agg", argumentTypes: types.map { _ in .varchar }, resultType: .varchar
    ) { StringAccumulator() }
  }
}

/// Texts by group.
final class StringAccumulator: AggregateAccumulator {
  private let texts = ValueLists(width: 1)
  /// Bytes of the first separator; −1 of no values.
  private let cuts = GroupArray<Int64>(-1)

  var byteCount: Int { texts.byteCount + cuts.byteCount }

  func resize(groupCount: Int) {
    texts.resize(groupCount: groupCount)
    cuts.resize(to: groupCount)
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    add(arguments, count) { Int(groups[$0]) }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    add(arguments, count) { _ in group }
  }

  private func add(_ arguments: [Vector], _ count: Int, _ group: (Int) -> Int) {
    let separators = arguments.count > 1 ? arguments[1].flattened() : nil
    let given = separators?.base.assumingMemoryBound(to: StringView.self)
    let values = arguments[0].flattened()
    let views = values.base.assumingMemoryBound(to: StringView.self)
    let comma = [UInt8(ascii: ",")]
    for row in 0..<count where values.isValid(row) {
      let group = group(row)
      var cut: Int64 = 1
      if let separators, let given {
        cut = 0
        if separators.isValid(row) {
          cut = Int64(given[row].byteCount)
          given[row].withBytes { texts.append(bytes: $0, group) }
        }
      } else {
        comma.withUnsafeBytes { texts.append(bytes: $0, group) }
      }
      if cuts.base[group] < 0 { cuts.base[group] = cut }
      views[row].withBytes { texts.append(bytes: $0, group) }
    }
    withExtendedLifetime((separators, values)) {}
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard let other = other as? StringAccumulator else { throw AggregateErrors.otherClass }
    for index in 0..<count where other.cuts.base[index] >= 0 {
      let group = Int(groups[index])
      if cuts.base[group] < 0 { cuts.base[group] = other.cuts.base[index] }
      texts.append(bytes: other.texts.bytes(index), group)
    }
  }

  /// Columns: the text with its first separator, the bytes of that (−1 of no values).
  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    var builder = VectorBuilder(type: .varchar, capacity: range.count)
    for group in range {
      try StringAccumulator.check(texts.bytes(group).count)
      builder.append(bytes: texts.bytes(group))
    }
    return [builder.finish(), cuts.vector(range, .bigint)]
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [.string, .int64], count)
    let flat = partials.map { $0.flattened() }
    let views = flat[0].base.assumingMemoryBound(to: StringView.self)
    let added = flat[1].base.assumingMemoryBound(to: Int64.self)
    for index in 0..<count where added[index] >= 0 && flat[0].isValid(index) {
      guard added[index] <= Int64(views[index].byteCount) else {
        throw StoaError(.corruption, "a partial state of string_agg is damaged")
      }
      let group = Int(groups[index])
      if cuts.base[group] < 0 { cuts.base[group] = added[index] }
      views[index].withBytes { texts.append(bytes: $0, group) }
    }
    withExtendedLifetime(flat) {}
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    var builder = VectorBuilder(type: .varchar, capacity: range.count)
    for group in range {
      let cut = cuts.base[group]
      if cut < 0 {
        builder.appendNull()
      } else {
        let bytes = texts.bytes(group)
        try StringAccumulator.check(bytes.count)
        builder.append(bytes: UnsafeRawBufferPointer(rebasing: bytes[Int(cut)...]))
      }
    }
    return builder.finish()
  }

  private static func check(_ byteCount: Int) throws(StoaError) {
    guard byteCount < 1 << 31 else {
      throw StoaError(.resource, "the text of string_agg would take 2 GB or more")
    }
  }
}
