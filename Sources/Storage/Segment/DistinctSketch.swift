import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Estimates how many distinct values a column has, from 1,024 registers; sketches of segments merge into
/// that of the table. Standard error 3.3 %, better for small counts.
///
/// HyperLogLog (Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog: the analysis of a near-optimal cardinality
/// estimation algorithm", AofA 2007) with linear counting below 2.5 registers' worth.
///
///   offset  size  field
///        0     1  form: 0 pairs, 1 registers
///        1     1  reserved, zero
///        2     2  pairCount (form 0)
///        4     *  form 0: per register that is not 0, u16 index and u8 rank; form 1: 1,024 ranks
public struct DistinctSketch: Hashable, Sendable {
  static let registerCount = 1024
  private static let indexBits: UInt64 = 10
  private var registers = [UInt8](repeating: 0, count: DistinctSketch.registerCount)

  public init() {}

  /// Adds one value by its hash; equal values must have equal hashes in every segment.
  @inline(__always)
  mutating func add(hash: UInt64) {
    let index = Int(truncatingIfNeeded: hash >> (64 &- DistinctSketch.indexBits))
    let rest = (hash << DistinctSketch.indexBits) | (1 << (DistinctSketch.indexBits &- 1))
    let rank = UInt8(truncatingIfNeeded: rest.leadingZeroBitCount &+ 1)
    if registers[index] < rank { registers[index] = rank }
  }

  /// The sketch of both sets together.
  public mutating func merge(_ other: DistinctSketch) {
    for index in 0..<DistinctSketch.registerCount {
      registers[index] = max(registers[index], other.registers[index])
    }
  }

  /// The estimated number of distinct values.
  public var estimate: Double {
    let count = Double(DistinctSketch.registerCount)
    var sum = 0.0
    var zeros = 0
    for rank in registers {
      sum += 1 / Double(UInt64(1) << UInt64(rank))
      if rank == 0 { zeros += 1 }
    }
    let raw = 0.7213 / (1 + 1.079 / count) * count * count / sum
    if raw <= 2.5 * count && zeros > 0 { return count * log(count / Double(zeros)) }
    return raw
  }

  func encode(to writer: inout ByteWriter) {
    let used = registers.indices.filter { registers[$0] != 0 }
    let isSparse = used.count * 3 < DistinctSketch.registerCount
    writer.u8(isSparse ? 0 : 1)
    writer.u8(0)
    writer.u16(isSparse ? UInt16(used.count) : 0)
    guard isSparse else { return writer.append(registers) }
    for index in used {
      writer.u16(UInt16(index))
      writer.u8(registers[index])
    }
  }

  init(from reader: inout ByteReader) throws(StoaError) {
    let form = try reader.u8()
    try reader.skip(1)
    let pairCount = Int(try reader.u16())
    switch form {
    case 0:
      for _ in 0..<pairCount {
        let index = Int(try reader.u16())
        let rank = try reader.u8()
        guard index < DistinctSketch.registerCount else {
          throw reader.damage("a sketch index is \(index)")
        }
        registers[index] = rank
      }
    case 1: registers = try reader.take(DistinctSketch.registerCount)
    default: throw reader.damage("the sketch form \(form) is unknown")
    }
    guard registers.allSatisfy({ $0 <= 56 }) else {
      throw reader.damage("a sketch rank is too large")
    }
  }
}

extension DistinctSketch {
  /// A good mix of 64 bits (the finisher of SplitMix64).
  @inline(__always)
  static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Adds every value of the vector; NULLs count as nothing. Dictionary entries are added as a whole when the
  /// vector is not flat, which may count entries that no row has.
  public mutating func add(_ vector: Vector) {
    switch vector.form {
    case .flat: addFlat(vector, count: vector.count)
    case .constant: addFlat(vector, count: min(1, vector.count))
    case .dictionary, .runs: if let child = vector.child { add(child) }
    }
  }

  private mutating func addFlat(_ vector: Vector, count: Int) {
    let validity = vector.validity
    switch vector.type.physical {
    case .bool: addIntegers(vector, count, validity, UInt8.self)
    case .int8: addIntegers(vector, count, validity, Int8.self)
    case .int16: addIntegers(vector, count, validity, Int16.self)
    case .int32: addIntegers(vector, count, validity, Int32.self)
    case .int64: addIntegers(vector, count, validity, Int64.self)
    case .int128:
      each(vector, count, validity, Int128.self) { value in
        let high = UInt64(truncatingIfNeeded: value >> 64)
        let low = UInt64(truncatingIfNeeded: value)
        // Same hash as a narrower column for values that fit it.
        return high == UInt64(bitPattern: Int64(bitPattern: low) >> 63)
          ? DistinctSketch.mix(low) : DistinctSketch.mix(DistinctSketch.mix(low) ^ high)
      }
    case .float32:
      each(vector, count, validity, Float.self) { DistinctSketch.hash(Double($0)) }
    case .float64: each(vector, count, validity, Double.self) { DistinctSketch.hash($0) }
    case .string:
      each(vector, count, validity, StringView.self) { view in
        view.withBytes { Checksum.compute($0, seed: 0) }
      }
    }
  }

  @inline(__always)
  private mutating func addIntegers<T: FixedWidthInteger & BitwiseCopyable>(
    _ vector: Vector, _ count: Int, _ validity: Validity?, _: T.Type
  ) {
    each(vector, count, validity, T.self) { DistinctSketch.mix(UInt64(truncatingIfNeeded: $0)) }
  }

  private static func hash(_ value: Double) -> UInt64 {
    mix(value.isNaN ? Double.nan.bitPattern : value == 0 ? 0 : value.bitPattern)
  }

  @inline(__always)
  private mutating func each<T: BitwiseCopyable>(
    _ vector: Vector, _ count: Int, _ validity: Validity?, _: T.Type, _ hash: (T) -> UInt64
  ) {
    vector.withValues(as: T.self) { values in
      for row in 0..<count where validity?.isValid(row) ?? true { add(hash: hash(values[row])) }
    }
  }
}
