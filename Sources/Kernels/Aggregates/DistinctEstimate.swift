import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// approx_count_distinct. Up to 1,024 different hashes of a group are kept as they are, so that small counts are exact;
// then 16,384 registers of HyperLogLog take their place (standard error 0.8 %). Both depend only on the set of
// values: the result is the same whatever the order of rows and the number of threads.
//
// Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm", AofA
// 2007; the estimate, without bias at either end: Ertl, "New cardinality estimation algorithms for HyperLogLog
// sketches", 2017.
//
// Partial state of one group, as bytes: 8 bytes per hash, ascending, or 16,385 bytes, the first 1 and the others registers.

extension AggregateFunction {
  /// About how many different values.
  static let approximateCountDistinct = AggregateFunction(
    "approx_count_distinct", signature: "x",
    help: "About how many different values: exact to 1,024, then with a standard error of 0.8 %",
    example: "SELECT approx_count_distinct(x) FROM (VALUES (1), (2), (2), (NULL)) t(x)",
    result: "2"
  ) { types in
    guard types.count == 1 else { return nil }
    return BoundAggregate(
      name: "approx_count_distinct", argumentTypes: types, resultType: .bigint
    ) { DistinctEstimateAccumulator() }
  }
}

/// The different hashes of one group.
final class DistinctEstimate {
  static let indexBits = 14
  static let registerCount = 1 << indexBits
  static let exactLimit = 1024

  /// Open addressing, 0 free; empty once there are registers.
  private var slots: [UInt64] = []
  private var count = 0
  private var registers: [UInt8] = []

  var byteCount: Int { slots.capacity * 8 + registers.capacity + 96 }

  @inline(__always)
  func add(_ hash: UInt64) {
    if registers.isEmpty { addExact(hash == 0 ? 1 : hash) } else { addRegister(hash) }
  }

  private func addExact(_ hash: UInt64) {
    if (count + 1) * 2 > slots.count { growSlots() }
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      if slots[slot] == hash { return }
      slot = (slot + 1) & mask
    }
    if count == DistinctEstimate.exactLimit {
      registers = [UInt8](repeating: 0, count: DistinctEstimate.registerCount)
      for kept in slots where kept != 0 { addRegister(kept) }
      slots = []
      return addRegister(hash)
    }
    slots[slot] = hash
    count += 1
  }

  private func growSlots() {
    let kept = slots
    slots = [UInt64](repeating: 0, count: max(8, kept.count * 2))
    let mask = slots.count - 1
    for hash in kept where hash != 0 {
      var slot = Int(truncatingIfNeeded: hash) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = hash
    }
  }

  private func addRegister(_ hash: UInt64) {
    let bits = UInt64(DistinctEstimate.indexBits)
    let index = Int(truncatingIfNeeded: hash >> (64 - bits))
    let rest = hash << bits | 1 << (bits - 1)
    let rank = UInt8(truncatingIfNeeded: rest.leadingZeroBitCount + 1)
    if registers[index] < rank { registers[index] = rank }
  }

  /// Adds the hashes of `other`.
  func merge(_ other: DistinctEstimate) {
    for hash in other.slots where hash != 0 { add(hash) }
    guard !other.registers.isEmpty else { return }
    useRegisters()
    for index in registers.indices {
      registers[index] = max(registers[index], other.registers[index])
    }
  }

  private func useRegisters() {
    guard registers.isEmpty else { return }
    registers = [UInt8](repeating: 0, count: DistinctEstimate.registerCount)
    for kept in slots where kept != 0 { addRegister(kept) }
    slots = []
    count = 0
  }

  /// The estimated number of different hashes.
  var estimate: Int64 {
    if registers.isEmpty { return Int64(count) }
    let m = Double(DistinctEstimate.registerCount)
    let q = 64 - DistinctEstimate.indexBits
    var histogram = [Int](repeating: 0, count: q + 2)
    for rank in registers { histogram[min(Int(rank), q + 1)] += 1 }
    var z = m * DistinctEstimate.tau(1 - Double(histogram[q + 1]) / m)
    for rank in stride(from: q, through: 1, by: -1) { z = 0.5 * (z + Double(histogram[rank])) }
    z += m * DistinctEstimate.sigma(Double(histogram[0]) / m)
    let estimate = m * m / (2 * 0.693147180559945309) / z
    return estimate < 9e18 ? Int64(estimate.rounded()) : .max
  }

  /// Σ x^(2^k) 2^(k−1) + x.
  private static func sigma(_ start: Double) -> Double {
    if start == 1 { return .infinity }
    var (x, y, z) = (start, 1.0, start)
    while true {
      x *= x
      let previous = z
      z += x * y
      y += y
      if z == previous { return z }
    }
  }

  private static func tau(_ start: Double) -> Double {
    if start == 0 || start == 1 { return 0 }
    var (x, y, z) = (start, 1.0, 1 - start)
    while true {
      x = x.squareRoot()
      let previous = z
      y *= 0.5
      z -= (1 - x) * (1 - x) * y
      if z == previous { return z / 3 }
    }
  }

  /// The state as bytes.
  func encoded() -> [UInt8] {
    if !registers.isEmpty { return [1] + registers }
    var bytes: [UInt8] = []
    for hash in slots.filter({ $0 != 0 }).sorted() {
      withUnsafeBytes(of: hash.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  /// Adds an encoded state; false when it is none.
  func merge(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if bytes.count == DistinctEstimate.registerCount + 1 {
      useRegisters()
      for index in registers.indices {
        let rank = bytes[index + 1]
        guard rank <= 64 - DistinctEstimate.indexBits + 1 else { return false }
        registers[index] = max(registers[index], rank)
      }
      return true
    }
    guard bytes.count % 8 == 0, bytes.count <= 8 * DistinctEstimate.exactLimit else { return false }
    for offset in stride(from: 0, to: bytes.count, by: 8) {
      add(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
    }
    return true
  }
}

/// Estimates by group.
final class DistinctEstimateAccumulator: AggregateAccumulator {
  private var estimates: [DistinctEstimate?] = []
  private var heldByteCount = 0

  var byteCount: Int { heldByteCount + estimates.capacity * 8 }

  func resize(groupCount: Int) {
    while estimates.count < groupCount { estimates.append(nil) }
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    add(arguments[0], count) { Int(groups[$0]) }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    guard count > 0 else { return }
    let vector = arguments[0]
    switch vector.form {
    case .runs: if let child = vector.child { add(child, child.count) { _ in group } }
    case .constant: add(vector.resizedConstant(count: 1), 1) { _ in group }
    case .flat, .dictionary: add(vector, count) { _ in group }
    }
  }

  private func add(_ vector: Vector, _ count: Int, _ group: (Int) -> Int) {
    let scratch = Buffer(of: UInt64.self, count: max(1, count))
    let hashes = scratch.typed(UInt64.self)
    Hashing.hash(vector, into: hashes, combining: false)
    ValidRows.forEachRow(vector) { row in
      // Mixed again, since the upper bits choose the register and the lower ones count.
      add(hash: Hashing.mix(hashes[row], 0x9e37_79b9_7f4a_7c15), group(row))
    }
    withExtendedLifetime(scratch) {}
  }

  private func add(hash: UInt64, _ group: Int) { change(group) { $0.add(hash) } }

  @inline(__always)
  private func change(_ group: Int, _ body: (DistinctEstimate) -> Void) {
    let estimate: DistinctEstimate
    if let known = estimates[group] {
      estimate = known
    } else {
      estimate = DistinctEstimate()
      estimates[group] = estimate
      heldByteCount += estimate.byteCount
    }
    let before = estimate.byteCount
    body(estimate)
    heldByteCount += estimate.byteCount - before
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard let other = other as? DistinctEstimateAccumulator else {
      throw AggregateErrors.otherClass
    }
    for index in 0..<count {
      if let added = other.estimates[index] { change(Int(groups[index])) { $0.merge(added) } }
    }
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [.string], count)
    let flat = partials[0].flattened()
    let views = flat.base.assumingMemoryBound(to: StringView.self)
    var isDamaged = false
    for index in 0..<count where flat.isValid(index) && views[index].byteCount > 0 {
      change(Int(groups[index])) { estimate in
        views[index].withBytes { if !estimate.merge($0) { isDamaged = true } }
      }
    }
    withExtendedLifetime(flat) {}
    if isDamaged {
      throw StoaError(.corruption, "a partial state of approx_count_distinct is damaged")
    }
  }

  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    var builder = VectorBuilder(type: .varchar, capacity: range.count)
    for group in range {
      let bytes = estimates[group]?.encoded() ?? []
      bytes.withUnsafeBytes { builder.append(bytes: $0) }
    }
    return [builder.finish()]
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    Vector.make(.bigint, range.map { estimates[$0]?.estimate ?? 0 })
  }
}
