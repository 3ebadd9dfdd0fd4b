import Kernels
import Testing
import Vectors

@Suite("Hashing")
struct HashingTests {
  private func hashes(_ vector: Vector) -> [UInt64] {
    [UInt64](unsafeUninitializedCapacity: vector.count) { buffer, count in
      if let base = buffer.baseAddress { Hashing.hash(vector, into: base, combining: false) }
      count = vector.count
    }
  }

  @Test("A value hashes the same in every form, alone and combined", arguments: RandomVectors.types)
  func formsAgree(type: LogicalType) {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededRandom(seed)
    for _ in 0..<40 {
      let count = Int(random.next() % 300)
      let vector = RandomVectors.vector(
        type, count: count, distinct: 20, nullEvery: random.next() % 5, &random)
      let flat = Vector.make(type, vector.allValues)
      #expect(hashes(vector) == hashes(flat), "seed \(seed)")
      var left = [UInt64](repeating: 7, count: count + 1)
      var right = left
      Hashing.hash(vector, into: &left, combining: true)
      Hashing.hash(flat, into: &right, combining: true)
      #expect(left == right, "seed \(seed)")
    }
  }

  @Test("Values equal in SQL hash equal, others differ")
  func equality() {
    #expect(Set(hashes(.make(.double, [0.0, -0.0] as [Double]))).count == 1)
    let nans = [Double.nan, -Double.nan, Double(bitPattern: 0x7ff0_0000_0000_0001)]
    #expect(Set(hashes(.make(.double, nans))).count == 1)
    #expect(hashes(.make(.integer, [5 as Int32])) == hashes(.make(.hugeint, [5 as Int128])))
    #expect(hashes(.make(.bigint, [-5 as Int64])) == hashes(.make(.hugeint, [-5 as Int128])))
    let texts = (0..<40).map { Value.string(String(repeating: "x", count: $0)) }
    #expect(Set(hashes(.make(.varchar, texts + texts))).count == 40)
    let long = "the same long text, more than sixteen bytes"
    #expect(Set(hashes(.make(.varchar, [.string(long), .string(long + "")]))).count == 1)
  }

  @Test("Dense integers spread over the low and the high bits")
  func spread() {
    let all = hashes(.make(.bigint, (0..<65_536).map { Int64($0) * 64 }))
    for shift in [0, 20, 48] as [UInt64] {
      var buckets = [Int](repeating: 0, count: 256)
      for hash in all { buckets[Int(hash >> shift & 255)] += 1 }
      #expect(buckets.allSatisfy { (150...370).contains($0) })
    }
  }
}
