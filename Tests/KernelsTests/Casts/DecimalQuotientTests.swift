import Testing
import Vectors

@testable import Kernels

/// DECIMAL as DOUBLE and REAL, against the C library's reading of the same digits.
@Suite struct DecimalQuotientTests {
  private func text(_ value: Int128, _ scale: Int) -> String {
    var digits = String(value.magnitude)
    if digits.count <= scale {
      digits = String(repeating: "0", count: scale + 1 - digits.count) + digits
    }
    return (value < 0 ? "-" : "") + digits.dropLast(scale) + "." + digits.suffix(scale)
  }

  private func check(_ value: Int128, _ scale: Int, _ seed: UInt64 = 0) {
    let quotient = DecimalQuotient(scale: scale)
    let text = text(value, scale)
    #expect(quotient.double(value) == Double(text), "seed \(seed): \(text)")
    if let small = Int64(exactly: value) { #expect(quotient.double(small) == Double(text)) }
    #expect(quotient.real(value) == Float(text), "seed \(seed): \(text)")
  }

  @Test("Every decimal becomes the nearest DOUBLE and REAL")
  func random() {
    let seed = UInt64.random(in: 0 ... .max)
    var generator = SeededGenerator(seed)
    for _ in 0..<20_000 {
      let scale = 1 + Int(generator.next() % 38)
      let high = UInt128(generator.next()) << 64 | UInt128(generator.next())
      let magnitude: UInt128 = high >> UInt128(1 + generator.next() % 127)
      let limit = UInt128(PowersOfTen.integer(38)) - 1
      let value = Int128(truncatingIfNeeded: min(magnitude, limit))
      check(generator.next() % 2 == 0 ? value : -value, scale, seed)
    }
  }

  @Test("Halves, neighbours of halves and the ends of the range")
  func halves() {
    for bit in [24, 25, 40, 53, 54, 60, 100] {
      let base = Int128(1) << Int128(bit)
      for offset in Int128(-3)...3 {
        for scale in [1, 2, 10] where base + offset < PowersOfTen.integer(38 - scale) {
          let whole = (base + offset) * PowersOfTen.integer(scale)
          for least in Int128(-2)...2 {
            check(whole + least, scale)
            check(whole + PowersOfTen.integer(scale) / 2 + least, scale)
          }
        }
      }
    }
    let largest = PowersOfTen.integer(38) - 1
    for scale in 1...38 {
      for value in [largest, -largest, 1, -1, 0, 5] { check(value, scale) }
    }
  }

  @Test("A literal of seventeen digits is the DOUBLE that it was printed from")
  func literals() throws {
    let digits = Vector(
      constant: .integer(12_345_678_901_234_567),
      type: .decimal(precision: 17, scale: 17), count: 1)
    let cast = try Cast.apply(digits, to: .double)
    #expect(cast.value(at: 0) == .double(0.12345678901234567))
  }
}
