import Vectors

// Least-significant-digit radix sort of integer keys with row numbers. One pass counts all digits of all keys;
// digits in which every key agrees are skipped. Stable.
//
// Where key and row number fit 64 bits together the row number rides in the low bits of the key, which
// halves the bytes moved; otherwise pairs of 16 bytes move.

/// A key with the row it came from.
struct KeyedRow: BitwiseCopyable {
  var key: UInt64
  var row: UInt32
}

/// Sorts with a scratch area of the same size.
enum RadixSort {
  /// Below this many, a comparison sort is faster than counting digits.
  static let minimalCount = 256
  /// Digits are at most this wide: 512 counters stay in the first-level cache, and 36 bits take 4 passes.
  static let digitBits = 9

  /// Sorts positions 0..<count by `keys` of `keyBits` bits and writes them to `positions`. `keyBits` and the
  /// bits of `count - 1` fit 64 bits together. Keys are spoiled unless `keepsKeys`, which leaves them sorted.
  static func sortPositions(
    _ keys: UnsafeMutablePointer<UInt64>, count: Int, keyBits: Int,
    into positions: UnsafeMutablePointer<UInt32>, keepsKeys: Bool
  ) {
    let rowBits = 64 - UInt64(truncatingIfNeeded: count - 1).leadingZeroBitCount
    let shift = UInt64(truncatingIfNeeded: rowBits)
    let rowMask: UInt64 = (1 << shift) &- 1
    let scratch = Buffer(byteCount: count * 8)
    var source = keys
    if count < minimalCount {
      for index in 0..<count {
        keys[index] = keys[index] << shift | UInt64(truncatingIfNeeded: index)
      }
      var words = UnsafeMutableBufferPointer(start: keys, count: count)
      words.sort()
    } else {
      var digits = DigitCounts(bitCount: keyBits)
      digits.count(count) { index in
        let key = keys[index]
        keys[index] = key << shift | UInt64(truncatingIfNeeded: index)
        return key
      }
      let passes = digits.passes(firstKey: keys[0] >> shift, count: count)
      var target = scratch.typed(UInt64.self)
      for pass in passes.dropLast(keepsKeys ? 0 : 1) {
        digits.scatter(pass, count, key: { source[$0] >> shift }) { target[$1] = source[$0] }
        swap(&source, &target)
      }
      if !keepsKeys, let last = passes.last {
        digits.scatter(last, count, key: { source[$0] >> shift }) {
          positions[$1] = UInt32(truncatingIfNeeded: source[$0] & rowMask)
        }
        return
      }
    }
    for index in 0..<count {
      let word = source[index]
      positions[index] = UInt32(truncatingIfNeeded: word & rowMask)
      keys[index] = word >> shift
    }
    withExtendedLifetime(scratch) {}
  }

  /// Sorts `pairs` by the low `bitCount` bits of their keys; higher ones are zero.
  static func sort(
    _ pairs: UnsafeMutablePointer<KeyedRow>, scratch: UnsafeMutablePointer<KeyedRow>, count: Int,
    bitCount: Int
  ) {
    if count < minimalCount {
      var buffer = UnsafeMutableBufferPointer(start: pairs, count: count)
      buffer.sort { $0.key != $1.key ? $0.key < $1.key : $0.row < $1.row }
      return
    }
    var digits = DigitCounts(bitCount: bitCount)
    digits.count(count) { pairs[$0].key }
    var source = pairs
    var target = scratch
    for pass in digits.passes(firstKey: pairs[0].key, count: count) {
      digits.scatter(pass, count, key: { source[$0].key }) { target[$1] = source[$0] }
      swap(&source, &target)
    }
    if source != pairs { pairs.update(from: source, count: count) }
  }
}

/// How often each digit of the keys occurs, for all digit positions.
private struct DigitCounts {
  private let passCount: Int
  private let width: UInt64
  private let bucketCount: Int
  private let mask: UInt64
  // Not withUnsafeTemporaryAllocation: Swift 6.3.1 miscompiles its heap path here (a trap after the call).
  private let area: Buffer
  private let counters: UnsafeMutablePointer<UInt32>

  init(bitCount: Int) {
    passCount = max(1, (bitCount + RadixSort.digitBits - 1) / RadixSort.digitBits)
    let bits = max(1, (bitCount + passCount - 1) / passCount)
    width = UInt64(truncatingIfNeeded: bits)
    bucketCount = 1 << bits
    mask = UInt64(truncatingIfNeeded: bucketCount - 1)
    area = Buffer(byteCount: passCount * bucketCount * 4, zeroed: true)
    counters = area.typed(UInt32.self)
  }

  @inline(__always)
  mutating func count(_ count: Int, key: (Int) -> UInt64) {
    for index in 0..<count {
      var bits = key(index)
      var offset = 0
      for _ in 0..<passCount {
        counters[offset &+ Int(truncatingIfNeeded: bits & mask)] &+= 1
        bits >>= width
        offset &+= bucketCount
      }
    }
    withExtendedLifetime(area) {}
  }

  /// Digit positions in which keys differ; their counters become starting places.
  mutating func passes(firstKey: UInt64, count: Int) -> [Int] {
    var active: [Int] = []
    for pass in 0..<passCount {
      let buckets = counters + pass * bucketCount
      let digit = Int(truncatingIfNeeded: firstKey >> (UInt64(pass) * width) & mask)
      if buckets[digit] == UInt32(truncatingIfNeeded: count) { continue }
      active.append(pass)
      var start: UInt32 = 0
      for bucket in 0..<bucketCount {
        let size = buckets[bucket]
        buckets[bucket] = start
        start &+= size
      }
    }
    withExtendedLifetime(area) {}
    return active
  }

  /// Calls `move` with every index and its place in the order of one digit.
  @inline(__always)
  mutating func scatter(_ pass: Int, _ count: Int, key: (Int) -> UInt64, move: (Int, Int) -> Void) {
    let buckets = counters + pass * bucketCount
    let shift = UInt64(pass) * width
    for index in 0..<count {
      let bucket = Int(truncatingIfNeeded: key(index) >> shift & mask)
      let position = buckets[bucket]
      buckets[bucket] = position &+ 1
      move(index, Int(position))
    }
    withExtendedLifetime(area) {}
  }
}
