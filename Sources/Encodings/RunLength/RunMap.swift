import Vectors

/// Which run a row belongs to, and where runs end. A bit per run start, with the number of starts before every word of 64
/// rows, answers the first question by counting bits (a rank index); the second is an array.
final class RunMap {
  let runCount: Int
  /// The last row of each run.
  let lasts: UnsafePointer<UInt16>
  private let buffer: Buffer
  private let words: UnsafePointer<UInt64>
  private let ranks: UnsafePointer<UInt32>
  private let index: Buffer

  /// From run lengths minus one; `nil` when they do not add up to `rowCount`.
  init?(_ lengths: Buffer, _ runCount: Int, rowCount: Int) {
    self.runCount = runCount
    buffer = Buffer(byteCount: max(1, runCount * 2))
    index = Buffer(byteCount: 1024 * 12, zeroed: true)
    let lasts = buffer.typed(UInt16.self)
    let starts = index.typed(UInt64.self)
    let ranks = (index.pointer + 1024 * 8).assumingMemoryBound(to: UInt32.self)
    self.lasts = UnsafePointer(lasts)
    words = UnsafePointer(starts)
    self.ranks = UnsafePointer(ranks)
    let source = lengths.typed(UInt32.self)
    var row = 0
    for run in 0..<runCount {
      guard row < rowCount else { return nil }
      starts[row >> 6] |= 1 &<< UInt64(truncatingIfNeeded: row & 63)
      row &+= Int(source[run]) &+ 1
      lasts[run] = UInt16(truncatingIfNeeded: row &- 1)
    }
    guard row == rowCount else { return nil }
    var before: UInt32 = 0
    for word in 0..<1024 {
      ranks[word] = before
      before &+= UInt32(truncatingIfNeeded: starts[word].nonzeroBitCount)
    }
  }

  /// The run that covers `row`, which is below the row count.
  @inline(__always)
  func run(of row: Int) -> Int {
    let upTo = words[row >> 6] & (UInt64.max &>> UInt64(truncatingIfNeeded: 63 &- (row & 63)))
    return Int(ranks[row >> 6]) &+ upTo.nonzeroBitCount &- 1
  }

  /// The run of each position, kept within bounds whatever the positions are.
  func locate(
    _ positions: UnsafePointer<UInt16>, _ count: Int, _ runs: UnsafeMutablePointer<UInt16>
  ) {
    for index in 0..<count {
      runs[index] = UInt16(truncatingIfNeeded: run(of: Int(positions[index])))
    }
  }

  /// Keeps the positions whose run has a 1 in `passes`; returns how many.
  func keep(
    _ positions: UnsafeMutablePointer<UInt16>, _ count: Int, _ passes: UnsafePointer<UInt8>
  ) -> Int {
    var kept = 0
    for index in 0..<count {
      let row = positions[index]
      positions[kept] = row
      kept &+= Int(passes[run(of: Int(row))])
    }
    return kept
  }
}
