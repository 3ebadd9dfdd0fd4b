import Vectors

/// Chooses the encoding tree of a sequence of integers.
///
/// A sample says which encodings are worth trying; those are built and their exact sizes compared, each multiplied
/// by what scanning it costs beside plain bit-packing. Run values, dictionary codes, differences and exceptions are
/// chosen the same way, two levels deep.
struct IntegerPicker {
  /// Size factors: an encoding has to be smaller than bit-packing by so much to be taken. Long runs are also
  /// faster to scan than packed values, short ones are not.
  private enum Weight {
    static let longRuns = 0.9
    static let shortRuns = 1.15
    static let dictionary = 1.1
    static let patched = 1.05
    static let delta = 1.5
    static let nestedDelta = 1.15
    /// Only of columns where most rows have one value, see `sparseBitmap`: filters touch nothing but the rows that
    /// pass, and values are found by rank.
    static let bitmap = 1.0
  }

  private let depth: Int

  /// The best tree for `values`, or the tree of `forced` when that encoding can hold them.
  static func plan(_ values: [UInt64], forced: EncodingID? = nil) -> IntegerPlan {
    let picker = IntegerPicker(depth: 0)
    if let forced, let plan = picker.forcedPlan(forced, values) { return plan }
    return picker.pick(values)
  }

  private func nested(_ values: [UInt64]) -> IntegerPlan {
    IntegerPicker(depth: depth + 1).pick(values)
  }

  private func pick(_ values: [UInt64]) -> IntegerPlan {
    let shape = SequenceShape(values)
    if shape.minimum == shape.maximum { return .constant(shape.minimum, count: values.count) }
    var best = packed(values, shape)
    var bestCost = Double(best.byteCount)
    func consider(_ plan: IntegerPlan?, _ weight: Double) {
      guard let plan else { return }
      let cost = Double(plan.byteCount) * weight
      if cost < bestCost {
        best = plan
        bestCost = cost
      }
    }
    if values.count <= 256 {
      consider(.lanes(values, LaneWidth(holding: shape.maximum), .plain), 1)
    }
    guard depth < 3, values.count > 16 else { return best }
    if shape.runCount * 2 <= values.count {
      let isLong = shape.runCount * 16 <= values.count
      let packedCost = bestCost
      consider(runLength(values, shape.runCount), isLong ? Weight.longRuns : Weight.shortRuns)
      if depth == 0 { consider(sparseBitmap(values, shape), Weight.bitmap) }
      // What runs make small by far nothing else makes smaller.
      if bestCost < packedCost * 0.6 { return best }
    }
    let sample = SequenceSample(values)
    let weight = depth == 0 ? Weight.delta : Weight.nestedDelta
    if Double(values.count * sample.differenceWidth / 8) * weight < bestCost {
      consider(delta(values, shape), weight)
    }
    if sample.patchedWidth + 1 <= shape.bitWidth {
      consider(patched(values, shape, sample), Weight.patched)
    }
    if depth < 2, sample.mayRepeat, shape.bitWidth > 2 {
      consider(dictionary(values, shape), Weight.dictionary)
    }
    return best
  }

  private func packed(_ values: [UInt64], _ shape: SequenceShape) -> IntegerPlan {
    .bitPacked(values, reference: shape.reference, bitWidth: shape.bitWidth)
  }

  /// The tree of one encoding, `nil` when it cannot hold `values`; children are picked.
  private func forcedPlan(_ forced: EncodingID, _ values: [UInt64]) -> IntegerPlan? {
    let shape = SequenceShape(values)
    switch forced {
    case .constant: return nil
    case .bitPacked: return packed(values, shape)
    case .plain, .zstd: return .lanes(values, LaneWidth(holding: shape.maximum), forced)
    case .runLength: return runLength(values, shape.runCount)
    case .dictionary: return dictionary(values, shape, limit: values.count)
    case .bitmap: return bitmap(values)
    case .delta: return delta(values, shape)
    case .patched: return patched(values, shape, SequenceSample(values))
    }
  }

  private func runLength(_ values: [UInt64], _ runCount: Int) -> IntegerPlan {
    var runValues: [UInt64] = []
    var lengths: [UInt64] = []
    runValues.reserveCapacity(runCount)
    lengths.reserveCapacity(runCount)
    var start = 0
    for index in 1...values.count where index == values.count || values[index] != values[start] {
      runValues.append(values[start])
      lengths.append(UInt64(index - start - 1))
      start = index
    }
    return .runLength(
      count: values.count, runCount: runValues.count, values: nested(runValues),
      lengths: nested(lengths))
  }

  private func delta(_ values: [UInt64], _ shape: SequenceShape) -> IntegerPlan {
    var differences = [UInt64](repeating: 0, count: values.count)
    var bases: [UInt64] = []
    for index in 0..<values.count {
      if index % blockCapacity == 0 {
        bases.append(values[index])
        // Copies a neighbour's difference so that the first of a block is never an outlier; it is taken off the base.
        differences[index] = index + 1 < values.count ? values[index + 1] &- values[index] : 0
        bases[bases.count - 1] &-= differences[index]
      } else {
        differences[index] = values[index] &- values[index - 1]
      }
    }
    return .delta(
      count: values.count, LaneWidth(holding: shape.maximum), bases: bases,
      differences: nested(differences))
  }

  private func dictionary(
    _ values: [UInt64], _ shape: SequenceShape, limit: Int? = nil
  ) -> IntegerPlan? {
    // More entries than this cannot pay.
    let limit =
      limit ?? min(values.count / 4, shape.bitWidth >= 17 ? 65_536 : 1 << (shape.bitWidth - 1))
    guard let (entries, codes) = DistinctIntegers.split(values, limit: limit) else { return nil }
    return .dictionary(
      count: values.count, entryCount: entries.count, entries: nested(entries), codes: nested(codes)
    )
  }

  /// A bitmap per value but the most frequent one.
  private func bitmap(_ values: [UInt64], limit: Int = 1024) -> IntegerPlan? {
    guard let (entries, codes) = DistinctIntegers.split(values, limit: limit) else { return nil }
    var counts = [Int](repeating: 0, count: entries.count)
    for code in codes { counts[Int(code)] += 1 }
    let most = counts.max() ?? 0
    let implied = counts.firstIndex(of: most) ?? 0
    var rows = [[Int]](repeating: [], count: entries.count)
    for (row, code) in codes.enumerated() where code != UInt64(implied) {
      rows[Int(code)].append(row)
    }
    return .bitmap(
      count: values.count, values: nested(entries), containers: rows.map { RowContainer(rows: $0) },
      implied: implied)
  }

  /// Bitmaps where they are also cheap to decode: three rows of four have one value, and the others are few, or lie
  /// in stretches.
  private func sparseBitmap(_ values: [UInt64], _ shape: SequenceShape) -> IntegerPlan? {
    // Sixteen rows for each exception, each of which ends two runs at most.
    guard shape.runCount * 8 <= values.count + 8, IntegerPicker.isDominated(values),
      let plan = bitmap(values, limit: 256), case .bitmap(_, _, let containers, _) = plan
    else { return nil }
    let listed = containers.reduce(0) { $0 + $1.cardinality }
    let visited = containers.reduce(0) { $0 + $1.entryCount }
    return listed * 4 <= values.count && visited * 16 <= values.count ? plan : nil
  }

  /// Whether most of a few sampled rows have one value.
  private static func isDominated(_ values: [UInt64]) -> Bool {
    let size = min(values.count, 256)
    // Boyer and Moore's vote: only the value of a majority survives.
    var candidate: UInt64 = 0
    var votes = 0
    for index in 0..<size {
      let value = values[index * values.count / size]
      if votes == 0 { candidate = value }
      votes += value == candidate ? 1 : -1
    }
    var count = 0
    for index in 0..<size where values[index * values.count / size] == candidate { count += 1 }
    return count * 10 >= size * 7
  }

  private func patched(
    _ values: [UInt64], _ shape: SequenceShape, _ sample: SequenceSample
  ) -> IntegerPlan? {
    let lower = sample.patchedLower
    var widths = [Int](repeating: 0, count: 65)
    for value in values { widths[64 - (value &- lower).leadingZeroBitCount] += 1 }
    let exceptionByteCount = 2 + LaneWidth(holding: shape.maximum).byteCount
    var bestWidth = 64
    var bestSize = Int.max
    var exceptions = 0
    for width in stride(from: 63, through: 0, by: -1) {
      exceptions += widths[width + 1]
      let size = (values.count * width + 7) / 8 + exceptions * exceptionByteCount
      if size <= bestSize {
        bestSize = size
        bestWidth = width
      }
    }
    let limit: UInt64 = bestWidth == 0 ? 0 : UInt64.max >> UInt64(64 - bestWidth)
    var kept = values
    var rows: [UInt16] = []
    var outliers: [UInt64] = []
    for index in 0..<values.count where values[index] &- lower > limit {
      rows.append(UInt16(truncatingIfNeeded: index))
      outliers.append(values[index])
      kept[index] = index > 0 ? kept[index - 1] : lower
    }
    // Where the window wraps around, packed values would not fit the lanes of the whole.
    guard lower.addingReportingOverflow(limit).overflow == false || bestWidth == 0,
      LaneWidth(holding: lower &+ limit).byteCount <= LaneWidth(holding: shape.maximum).byteCount
    else { return nil }
    let packed: IntegerPlan =
      bestWidth == 0
      ? .constant(lower, count: values.count)
      : .bitPacked(kept, reference: lower, bitWidth: bestWidth)
    return .patched(
      count: values.count, LaneWidth(holding: shape.maximum), packed: packed, rows: rows,
      exceptions: outliers.isEmpty ? .constant(0, count: 0) : nested(outliers))
  }
}

/// What one pass over a sequence says.
struct SequenceShape {
  var minimum = UInt64.max
  var maximum = UInt64.min
  var runCount = 0
  /// Subtracted before packing, when that saves bits.
  let reference: UInt64
  let bitWidth: Int

  init(_ values: [UInt64]) {
    var low = UInt64.max
    var high = UInt64.min
    var signedLow = Int64.max
    var signedHigh = Int64.min
    var changes = 0
    var last = values.first ?? 0
    for value in values {
      let signed = Int64(bitPattern: value)
      low = value < low ? value : low
      high = value > high ? value : high
      signedLow = signed < signedLow ? signed : signedLow
      signedHigh = signed > signedHigh ? signed : signedHigh
      changes &+= b2i(value != last)
      last = value
    }
    if values.isEmpty {
      low = 0
      signedLow = 0
      signedHigh = 0
    }
    minimum = low
    maximum = high
    runCount = values.isEmpty ? 0 : changes + 1
    let plain = 64 - high.leadingZeroBitCount
    let shifted = 64 - (high &- low).leadingZeroBitCount
    // Differences of both signs: a reference below zero, and values that wrap.
    let wrapped = 64 - (signedHigh &- signedLow).leadingZeroBitCount
    if wrapped < min(plain, shifted) {
      reference = UInt64(bitPattern: signedLow)
      bitWidth = wrapped
    } else {
      reference = shifted < plain ? low : 0
      bitWidth = min(shifted, plain)
    }
  }
}

/// What a sample of a sequence says.
struct SequenceSample {
  /// Bits that most differences between neighbours need.
  let differenceWidth: Int
  /// Bits of the window that holds most values, and where it begins.
  let patchedWidth: Int
  let patchedLower: UInt64
  /// Some values of the sample are equal.
  let mayRepeat: Bool

  static let capacity = 1024

  init(_ values: [UInt64]) {
    let size = min(values.count, SequenceSample.capacity)
    var taken: [UInt64] = []
    var differences: [Int64] = []
    taken.reserveCapacity(size)
    differences.reserveCapacity(size)
    for index in 0..<size {
      let at = index * values.count / size
      taken.append(values[at])
      if at > 0 { differences.append(Int64(truncatingIfNeeded: values[at] &- values[at - 1])) }
    }
    differences.sort()
    let edge = differences.count / 50
    differenceWidth =
      differences.isEmpty
      ? 64
      : 64 - (differences[differences.count - 1 - edge] &- differences[edge]).leadingZeroBitCount
    // Wrapped negatives sort before small values, as they should for differences.
    let sorted = taken.map { Int64(bitPattern: $0) }.sorted()
    var distinct = sorted.isEmpty ? 0 : 1
    for index in 1..<max(1, sorted.count) where sorted[index] != sorted[index - 1] { distinct += 1 }
    mayRepeat = distinct * 4 <= sorted.count * 3
    (patchedWidth, patchedLower) = SequenceSample.window(sorted)
  }

  /// The narrowest window that is worth its exceptions.
  private static func window(_ sorted: [Int64]) -> (Int, UInt64) {
    guard sorted.count > 1 else { return (64, 0) }
    var best = (width: 64, lower: UInt64(bitPattern: sorted[0]))
    var bestCost = Double.infinity
    for width in 0..<64 {
      let span = width == 0 ? 0 : UInt64.max >> UInt64(64 - width)
      var end = 0
      var most = 0
      var lower = 0
      for start in 0..<sorted.count {
        while end < sorted.count && UInt64(bitPattern: sorted[end] &- sorted[start]) <= span {
          end += 1
        }
        if end - start > most {
          most = end - start
          lower = start
        }
        if end == sorted.count { break }
      }
      let left = Double(sorted.count - most)
      // An exception costs about 6 bytes; an estimate from a sample must not be too hopeful.
      let cost = Double(sorted.count * width) / 8 + left * 6
      if cost < bestCost {
        bestCost = cost
        best = (width, UInt64(bitPattern: sorted[lower]))
      }
    }
    return best
  }
}

/// Distinct values with codes that keep their order.
enum DistinctIntegers {
  /// The sorted distinct values and the code of each row; `nil` when there are more than `limit`.
  static func split(
    _ values: [UInt64], limit: Int
  ) -> (entries: [UInt64], codes: [UInt64])? {
    guard limit > 0 else { return nil }
    let power = max(4, Int.bitWidth - (min(limit, values.count) * 2).leadingZeroBitCount)
    var slots = [Int32](repeating: -1, count: 1 << power)
    var found: [UInt64] = []
    var provisional = [Int32](repeating: 0, count: values.count)
    let mask = slots.count - 1
    for (row, value) in values.enumerated() {
      var slot = Int(truncatingIfNeeded: (value &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - power))
      while slots[slot] >= 0 && found[Int(slots[slot])] != value { slot = (slot + 1) & mask }
      if slots[slot] < 0 {
        if found.count == limit { return nil }
        slots[slot] = Int32(found.count)
        found.append(value)
      }
      provisional[row] = slots[slot]
    }
    let order = found.indices.sorted { found[$0] < found[$1] }
    var rank = [UInt64](repeating: 0, count: found.count)
    for (code, index) in order.enumerated() { rank[index] = UInt64(code) }
    return (order.map { found[$0] }, provisional.map { rank[Int($0)] })
  }
}
