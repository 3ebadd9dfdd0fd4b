import Formats
import Testing
import Vectors

@Suite struct CSVFuzzTests {
  private struct Random {
    var state: UInt64
    mutating func next(_ bound: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % UInt64(bound))
    }
  }

  private static let original = Array(
    #"""
    id,name,amount,day,at,ok
    1,Anna,12.50,2024-01-31,2024-01-31 10:00:00,true
    2,"Müller, Bert",-0.05,2023-12-01,2023-12-01 23:59:59.123456,false
    3,"say ""hi""",,1969-07-20,,t
    4,"two
    lines",99999.99,,2000-02-29T00:00:00Z,
    5,NULL,1e3,2024-02-29,2024-02-29,no

    """#.utf8)

  private static let pieces: [[UInt8]] =
    [
      "\0", "\"", "\"\"", ",", "\n", "\r\n", "\r", "-", ".", "\\", "'", "|", "NULL",
      "99999999999999999999999999", "\"\n\"", "\u{FEFF}", "é",
    ].map { Array($0.utf8) } + [[0xFF], [0xC3]]

  private static func mutated(_ random: inout Random) -> [UInt8] {
    var text = original
    for _ in 0...random.next(6) {
      let at = text.isEmpty ? 0 : random.next(text.count)
      switch random.next(6) {
      case 0: if !text.isEmpty { text[at] = UInt8(random.next(256)) }
      case 1: text.insert(contentsOf: pieces[random.next(pieces.count)], at: at)
      case 2:
        if !text.isEmpty { text.removeSubrange(at..<min(text.count, at + 1 + random.next(9))) }
      case 3: text = Array(text[..<at])
      case 4: text.insert(contentsOf: text[at..<min(text.count, at + random.next(80))], at: at)
      default: if !text.isEmpty { text[at] ^= 1 << UInt8(random.next(8)) }
      }
    }
    return text
  }

  @Test("10,000 mutated files give rows, rejects or an error, the same for every block size")
  func mutations() {
    let seed: UInt64 = 20_240_131
    var random = Random(state: seed)
    let types: [LogicalType] = [
      .integer, .varchar, .decimal(precision: 7, scale: 2), .date, .timestamp, .boolean,
    ]
    for round in 0..<10_000 {
      let text = CSVFuzzTests.mutated(&random)
      let adjust: (inout CSVDialect) -> Void = { dialect in
        dialect.hasHeader = round % 2 == 0
        if round % 5 == 0 { dialect.escape = 92 }
        if round % 11 == 0 { dialect.quote = nil }
        dialect.nullTokens = ["", "NULL"]
      }
      let whole = Result { () throws(StoaError) in try readCSV(text, types, adjust) }
      let pieces = Result { () throws(StoaError) in
        try readCSV(text, types, blockByteCount: 16 + round % 97, adjust)
      }
      switch (whole, pieces) {
      case (.success(let left), .success(let right)):
        if left != right { Issue.record("seed \(seed), round \(round): \(left) is not \(right)") }
      case (.failure, .failure): break
      default: Issue.record("seed \(seed), round \(round): \(whole) is not \(pieces)")
      }
    }
  }

  @Test("detection survives mutated files")
  func detection() {
    let seed: UInt64 = 77
    var random = Random(state: seed)
    for _ in 0..<2_000 {
      let text = CSVFuzzTests.mutated(&random)
      do {
        let detected = try CSVDialectDetector.detect([.memory(text)])
        #expect(!detected.columns.isEmpty && !detected.description.isEmpty)
      } catch {
        #expect(error.kind == .input)
      }
    }
  }
}
