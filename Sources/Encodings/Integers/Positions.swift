import CKernels
import Vectors

/// Loops over row positions that do not depend on values.
enum Positions {
  /// Writes every row of `rows`.
  static func fill(_ rows: Range<Int>, into out: UnsafeMutablePointer<UInt16>) {
    var value = UInt16(truncatingIfNeeded: rows.lowerBound)
    for index in 0..<rows.count {
      out[index] = value
      value &+= 1
    }
  }

  /// Appends `first + i` for every `mask[i] == 1` (bytes are 0 or 1); returns how many. Sparse masks cost per
  /// survivor, dense ones per row, neither branches on single rows.
  static func emit(
    _ mask: UnsafePointer<UInt8>, _ count: Int, first: Int, into out: UnsafeMutablePointer<UInt16>
  ) -> Int {
    if stoa_can_select() != 0 {
      return stoa_emit_flags(mask, count, UInt16(truncatingIfNeeded: first), out)
    }
    var passed = 0
    var start = 0
    let raw = UnsafeRawPointer(mask)
    while start &+ 64 <= count {
      var bits: UInt64 = 0
      for word in 0..<8 {
        let bytes = raw.loadUnaligned(fromByteOffset: start &+ word &* 8, as: UInt64.self)
        // The product gathers the lowest bit of each byte in the top byte.
        bits |= ((bytes &* 0x0102_0408_1020_4080) &>> 56) &<< UInt64(word &* 8)
      }
      passed = emit(bits, mask + start, first: first &+ start, out, passed)
      start &+= 64
    }
    while start < count {
      out[passed] = UInt16(truncatingIfNeeded: first &+ start)
      passed &+= Int(mask[start])
      start &+= 1
    }
    return passed
  }

  @inline(__always)
  private static func emit(
    _ bits: UInt64, _ mask: UnsafePointer<UInt8>, first: Int,
    _ out: UnsafeMutablePointer<UInt16>, _ start: Int
  ) -> Int {
    var passed = start
    let survivors = bits.nonzeroBitCount
    if survivors == 0 { return passed }
    if survivors == 64 {
      for index in 0..<64 { out[passed &+ index] = UInt16(truncatingIfNeeded: first &+ index) }
      return passed &+ 64
    }
    if survivors >= 20 {
      for index in 0..<64 {
        out[passed] = UInt16(truncatingIfNeeded: first &+ index)
        passed &+= Int(mask[index])
      }
      return passed
    }
    var rest = bits
    while rest != 0 {
      out[passed] = UInt16(truncatingIfNeeded: first &+ rest.trailingZeroBitCount)
      passed &+= 1
      rest &= rest &- 1
    }
    return passed
  }

  /// Appends the set bits of `words` within `rows`; returns how many.
  static func emit(
    words: UnsafePointer<UInt64>, inverted: Bool, rows: Range<Int>,
    into out: UnsafeMutablePointer<UInt16>
  ) -> Int {
    var passed = 0
    guard !rows.isEmpty else { return 0 }
    for index in (rows.lowerBound >> 6)...((rows.upperBound - 1) >> 6) {
      var rest = inverted ? ~words[index] : words[index]
      let first = index << 6
      if first < rows.lowerBound { rest &= UInt64.max << UInt64(rows.lowerBound - first) }
      if first + 64 > rows.upperBound { rest &= UInt64.max >> UInt64(first + 64 - rows.upperBound) }
      if rest == .max {
        for bit in 0..<64 { out[passed &+ bit] = UInt16(truncatingIfNeeded: first &+ bit) }
        passed &+= 64
        continue
      }
      // Many rows are written without a branch, few one by one.
      if rest.nonzeroBitCount >= 24 {
        for bit in 0..<64 {
          out[passed] = UInt16(truncatingIfNeeded: first &+ bit)
          passed &+= Int(truncatingIfNeeded: (rest &>> UInt64(truncatingIfNeeded: bit)) & 1)
        }
        continue
      }
      while rest != 0 {
        out[passed] = UInt16(truncatingIfNeeded: first &+ rest.trailingZeroBitCount)
        passed &+= 1
        rest &= rest &- 1
      }
    }
    return passed
  }

  /// Keeps the positions whose bit in `words` is set (clear when `inverted`); returns how many.
  static func keep(
    _ positions: UnsafeMutablePointer<UInt16>, _ count: Int, words: UnsafePointer<UInt64>,
    inverted: Bool
  ) -> Int {
    var kept = 0
    let flip: UInt64 = inverted ? 1 : 0
    for index in 0..<count {
      let row = Int(positions[index])
      positions[kept] = positions[index]
      kept &+= Int(
        truncatingIfNeeded: ((words[row >> 6] &>> UInt64(truncatingIfNeeded: row & 63)) & 1) ^ flip)
    }
    return kept
  }

  /// Index of the first of the ascending `positions[from..<count]` that is `limit` or more.
  @inline(__always)
  static func firstIndex(
    _ positions: UnsafePointer<UInt16>, from: Int, _ count: Int, notBelow limit: Int
  ) -> Int {
    if count == from || Int(positions[count &- 1]) < limit { return count }
    // Gallop: selections are read front to back, so the answer is near when they are sparse.
    var low = from
    var step = 16
    while low &+ step < count && Int(positions[low &+ step]) < limit {
      low &+= step
      step &<<= 1
    }
    var high = min(low &+ step, count)
    while low < high {
      let middle = (low &+ high) >> 1
      if Int(positions[middle]) < limit { low = middle &+ 1 } else { high = middle }
    }
    return low
  }
}
