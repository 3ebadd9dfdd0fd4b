import Encodings
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Nanoseconds per value of what scans do with one row group of each encoding, beside copying 8-byte values in memory.
/// Filters pass a tenth of the rows, scattered; `refine` and `gather` start from that tenth, `sparse` from 1 in 200.
enum EncodingsBenchmark {
  private static let rows = 65_536

  static func run() {
    print(
      "encodings, ns/value\n"
        + row([
          "data", "bytes/row", "decode", "range", "table", "refine", "gather", "sparse", "sum",
          "tree",
        ]))
    printCopy()
    do {
      for (name, forced, values) in columns() { try measure(name, forced, values) }
    } catch {
      print("Error: \(error)")
    }
  }

  private static func columns() -> [(String, EncodingID?, [Int64])] {
    var state: UInt64 = 1
    func random(_ limit: UInt64) -> Int64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int64((state >> 33) % limit)
    }
    func make(_ body: (Int) -> Int64) -> [Int64] { (0..<rows).map(body) }
    var runs: [Int64] = []
    while runs.count < rows {
      let value = random(30_000)
      let length = min(Int(random(7)) + 1, rows - runs.count)
      for _ in 0..<length { runs.append(value) }
    }
    return [
      ("4 bits", .bitPacked, make { _ in random(11) }),
      ("6 bits", .bitPacked, make { _ in random(50) }),
      ("11 bits", .bitPacked, make { _ in random(2000) }),
      ("15 bits", .bitPacked, make { _ in random(30_000) }),
      ("18 bits", .bitPacked, make { _ in random(200_000) }),
      ("24 bits", .bitPacked, make { _ in random(10_000_000) }),
      ("40 bits", .bitPacked, make { _ in random(1 << 20) << 20 }),
      ("runs of 1 to 7", .runLength, runs),
      ("runs of 2,500", .runLength, make { Int64($0 / 2500) }),
      ("1,000 distinct", .dictionary, make { _ in random(1000) * 1_000_003 }),
      ("8 distinct", .bitmap, make { _ in random(8) }),
      ("ascending", .delta, make { Int64($0) * 100 + random(100) }),
      ("outliers", .patched, make { $0 % 1000 == 7 ? random(1 << 30) : random(100) }),
      ("plain", .plain, make { _ in random(200_000) }),
      ("zstd", .zstd, make { _ in random(1000) }),
      ("one value", nil, make { _ in 7 }),
    ]
  }

  private static func measure(
    _ name: String, _ forced: EncodingID?, _ values: [Int64]
  ) throws(StoaError) {
    let encoded = try ChunkEncoder.encode(Vector.make(.bigint, values), forced: forced)
    let chunk = try ColumnChunk.open(
      bytes: encoded.bytes.bytes, owner: encoded.bytes, type: .bigint, rowCount: rows)
    let sorted = values.sorted()
    let low = sorted[rows / 2]
    let high = sorted[rows / 2 + rows / 10]
    let range = ColumnFilter(.range(lower: .integer(Int128(low)), upper: .integer(Int128(high))))
    let keys = KeyTable(minimum: 0, count: 200_000)
    for key in 0..<Int64(200_000) where key % 10 == 3 { keys.insert(key) }
    let table = ColumnFilter(.keyTable(keys))
    let selection = SelectionVector()
    let tenth = stride(from: 3, to: rows, by: 10).map { UInt16($0) }
    let sparse = stride(from: 3, to: rows, by: 200).map { UInt16($0) }
    func timed(_ count: Int, _ body: () throws(StoaError) -> Void) throws(StoaError) -> String {
      var best = UInt64.max
      for _ in 0..<15 {
        let start = now()
        try body()
        best = min(best, now() - start)
      }
      return decimal(Double(best) / Double(count), 3)
    }
    let decode = try timed(rows) { () throws(StoaError) in
      for start in stride(from: 0, to: rows, by: 4096) {
        _ = try chunk.decode(rows: start..<start + 4096)
      }
    }
    let ranged = try timed(rows) { () throws(StoaError) in
      try chunk.select(range, rows: 0..<rows, into: selection)
    }
    let looked = try timed(rows) { () throws(StoaError) in
      try chunk.select(table, rows: 0..<rows, into: selection)
    }
    let refined = try timed(tenth.count) { () throws(StoaError) in
      selection.positions.update(from: tenth, count: tenth.count)
      selection.count = tenth.count
      try chunk.refine(range, selection)
    }
    let gathered = try timed(tenth.count) { () throws(StoaError) in
      _ = try chunk.gather(tenth, count: tenth.count)
    }
    let few = try timed(sparse.count) { () throws(StoaError) in
      _ = try chunk.gather(sparse, count: sparse.count)
    }
    let sum = try timed(rows) { () throws(StoaError) in _ = try chunk.sum() }
    print(
      row([
        name, decimal(Double(chunk.byteCount) / Double(rows), 3), decode, ranged, looked, refined,
        gathered, few, sum, chunk.summary,
      ]))
  }

  private static func printCopy() {
    let source = Buffer(byteCount: rows * 8, zeroed: true)
    let target = Buffer(byteCount: rows * 8, zeroed: true)
    var best = UInt64.max
    for _ in 0..<31 {
      let start = now()
      target.pointer.copyMemory(from: source.pointer, byteCount: rows * 8)
      best = min(best, now() - start)
    }
    print(row(["memcpy of 8 bytes", "8.000", decimal(Double(best) / Double(rows), 3)]))
  }

  private static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  private static func row(_ cells: [String]) -> String {
    var line = ""
    for (index, cell) in cells.enumerated() {
      let width = index == 0 ? 18 : 10
      let gap = String(repeating: " ", count: max(0, width - cell.count))
      line += index == 0 ? cell + gap : index == 9 ? "  " + cell : gap + cell
    }
    return line
  }

  private static func decimal(_ value: Double, _ digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let whole = Int((value * scale).rounded())
    let text = String(whole % Int(scale))
    return "\(whole / Int(scale))." + String(repeating: "0", count: digits - text.count) + text
  }
}
