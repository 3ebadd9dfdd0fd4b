import Kernels
import Vectors

/// Nanoseconds per row of hashing, sorting and aggregating, beside copying 8-byte values in memory.
enum KernelsBenchmark {
  private static let rows = 1 << 20
  private static let batch = 4096

  static func run() {
    print("\nkernels, ns/row of \(rows) rows")
    do throws(StoaError) {
      let integers = column(.integer) { Int32(truncatingIfNeeded: $0 % 30_000) }
      let longs = column(.bigint) { Int64($0 % 10_000_000) }
      let doubles = column(.double) { Double($0 % 10_000_000) / 100 }
      let target = Buffer(of: UInt64.self, count: rows)
      let hashes = target.typed(UInt64.self)
      report("copy BIGINT") { hashes.update(from: pointer(longs), count: rows) }
      report("hash BIGINT") { Hashing.hash(longs, into: hashes, combining: false) }
      report("hash BIGINT, combined") { Hashing.hash(longs, into: hashes, combining: true) }
      let ascending = SortSpecification()
      report("sort BIGINT") { _ = RowOrder.sort(columns: [longs], specifications: [ascending]) }
      report("sort INTEGER, BIGINT") {
        _ = RowOrder.sort(columns: [integers, longs], specifications: [ascending, ascending])
      }
      report("first 100 of BIGINT") {
        _ = RowOrder.first(100, columns: [longs], specifications: [ascending])
      }
      for (name, vector) in [
        ("sum", integers), ("sum", longs), ("avg", longs), ("min", longs), ("sum", doubles),
        ("variance", longs), ("variance", doubles),
      ] {
        try aggregate(name, vector)
      }
      withExtendedLifetime(target) {}
    } catch {
      print("Error: \(error)")
    }
  }

  /// One group, then 1,000 groups in random order.
  private static func aggregate(_ name: String, _ vector: Vector) throws(StoaError) {
    guard let function = AggregateRegistry.find(name) else { return }
    let bound = try function.resolve(argumentTypes: [vector.type])
    let batches = stride(from: 0, to: rows, by: batch).map { vector.slice($0..<($0 + batch)) }
    let single = bound.makeAccumulator()
    try single.resize(groupCount: 1)
    try report("\(name)(\(vector.type))") { () throws(StoaError) in
      for vector in batches { try single.updateSingle([vector], count: batch, group: 0) }
    }
    let grouped = bound.makeAccumulator()
    try grouped.resize(groupCount: 1000)
    var random = Generator()
    let groups = (0..<batch).map { _ in UInt32(random.next() % 1000) }
    try report("\(name)(\(vector.type)), 1,000 groups") { () throws(StoaError) in
      for vector in batches { try grouped.update([vector], groups: groups, count: batch) }
    }
  }

  private static func pointer(_ vector: Vector) -> UnsafePointer<UInt64> {
    vector.base.assumingMemoryBound(to: UInt64.self)
  }

  private static func column<T: PhysicalValue>(
    _ type: LogicalType, _ value: (UInt64) -> T
  ) -> Vector {
    let buffer = Buffer(of: T.self, count: rows)
    var random = Generator()
    for row in 0..<rows { buffer.typed(T.self)[row] = value(random.next()) }
    return Vector(flat: buffer, type: type, count: rows)
  }

  private struct Generator {
    private var state: UInt64 = 1
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 20
    }
  }

  /// Prints the best of five runs.
  private static func report<Failure: Error>(
    _ name: String, _ body: () throws(Failure) -> Void
  ) throws(Failure) {
    let clock = ContinuousClock()
    var best = Double.infinity
    for _ in 0..<5 {
      let start = clock.now
      try body()
      let elapsed = (clock.now - start).components
      best = min(best, Double(elapsed.seconds) * 1e9 + Double(elapsed.attoseconds) / 1e9)
    }
    let hundredths = Int((best / Double(rows) * 100).rounded())
    let fraction = hundredths % 100
    let padding = String(repeating: " ", count: max(1, 34 - name.count))
    print("  \(name)\(padding)\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)")
  }
}
