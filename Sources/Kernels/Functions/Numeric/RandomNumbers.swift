import Synchronization
import Vectors

/// Where random numbers come from: one generator for the process, from which every batch takes the seed of its own.
/// `setseed` starts it anew, so that one thread gets the same numbers again.
final class RandomSource: Sendable {
  static let shared = RandomSource()
  private let state = Mutex<UInt64>(SystemRandomNumberGenerator().seed)

  func start(seed: Double) {
    state.withLock { $0 = seed.bitPattern }
  }

  /// A generator for one batch.
  func makeGenerator() -> SplitMix {
    SplitMix(
      state: state.withLock { (state: inout UInt64) -> UInt64 in
        var generator = SplitMix(state: state)
        let seed = generator.next()
        state = generator.state
        return seed
      })
  }
}

extension SystemRandomNumberGenerator {
  fileprivate var seed: UInt64 {
    var generator = self
    return generator.next()
  }
}

/// Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
struct SplitMix: RandomNumberGenerator {
  fileprivate(set) var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// 0 up to, not including, 1: the 53 upper bits.
  mutating func nextShare() -> Double { Double(next() >> 11) * 0x1p-53 }
}

extension ScalarFunction {
  static let random = ScalarFunction(
    "random", .numeric,
    help: "A random number from 0 up to 1, 1 excluded, or of whole numbers between two bounds",
    example: .init(gives: "any"),
    .overloads([
      Overload([], .double, isDeterministic: false) {
        (_: [Vector], count: Int) throws(StoaError) -> Vector in
        let result = FlatResult<Double>(count: count)
        var generator = RandomSource.shared.makeGenerator()
        for row in 0..<count { result.values[row] = generator.nextShare() }
        return result.vector(.double, count: count)
      },
      Overload([.bigint, .bigint], .bigint, isDeterministic: false) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        var generator = RandomSource.shared.makeGenerator()
        return try RowKernels.binary(
          arguments.map { $0.flattened() }, count, .bigint, zero: 0 as Int64
        ) {
          (low: Int64, high: Int64) throws(StoaError) -> Int64 in
          guard low <= high else {
            throw StoaError(
              .evaluation, "random takes its lower bound (\(low)) first, then \(high)")
          }
          return Int64.random(in: low...high, using: &generator)
        }
      },
      Overload([.double, .double], .double, isDeterministic: false) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        var generator = RandomSource.shared.makeGenerator()
        return try RowKernels.binary(
          arguments.map { $0.flattened() }, count, .double, zero: 0 as Double
        ) {
          (low: Double, high: Double) throws(StoaError) -> Double in
          guard low <= high, low.isFinite, high.isFinite else {
            throw StoaError(
              .evaluation, "random takes its lower bound (\(low)) first, then \(high)")
          }
          let share = generator.nextShare()
          return low * (1 - share) + high * share
        }
      },
    ]))

  static let randomNormal = ScalarFunction(
    "random_normal", .numeric,
    help: "A random number of the normal distribution with this mean (0) and deviation (1)",
    example: .init(gives: "any"),
    .overloads([
      Overload([], .double, isDeterministic: false) {
        (_: [Vector], count: Int) throws(StoaError) -> Vector in
        let result = FlatResult<Double>(count: count)
        var generator = RandomSource.shared.makeGenerator()
        for row in 0..<count { result.values[row] = generator.nextNormal() }
        return result.vector(.double, count: count)
      },
      Overload([.double, .double], .double, isDeterministic: false) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        var generator = RandomSource.shared.makeGenerator()
        return try RowKernels.binary(
          arguments.map { $0.flattened() }, count, .double, zero: 0 as Double
        ) {
          (mean: Double, deviation: Double) in mean + deviation * generator.nextNormal()
        }
      },
    ]))

  static let setSeed = ScalarFunction(
    "setseed", .numeric,
    help: "Starts the random numbers of this process anew, from a number from -1 to 1; gives NULL",
    example: .init(.double(0.5), gives: "NULL"),
    .overloads([
      Overload([.double], .integer, isDeterministic: false) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        for row in 0..<count {
          let value = arguments[0].value(at: row)
          guard case .double(let seed) = value else { continue }
          guard seed >= -1, seed <= 1 else {
            throw StoaError(.evaluation, "setseed takes a number from -1 to 1, not \(seed)")
          }
          RandomSource.shared.start(seed: seed)
        }
        return Vector(constant: .null, type: .integer, count: count)
      }
    ]))
}

extension SplitMix {
  /// Box and Muller.
  mutating func nextNormal() -> Double {
    let radius = (-2 * RealMath.log(1 - nextShare())).squareRoot()
    return radius * RealMath.cos(2 * .pi * nextShare())
  }
}
