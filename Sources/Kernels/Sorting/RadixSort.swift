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

/// Sorts in place with a scratch area of the same size.
enum RadixSort {
  /// Below this many, a comparison sort is faster than counting digits.
  static let minimalCount = 256
  /// Digits are at most this wide: 512 counters stay in the first-level cache, and 36 bits take 4 passes.
  static let digitBits = 9

  /// Sorts `words` by the bits from `lowBit` up to `highBit`; the bits below ride along, higher ones are zero.
  static func sort(
    _ words: UnsafeMutablePointer<UInt64>, scratch: UnsafeMutablePointer<UInt64>, count: Int,
    lowBit: Int, highBit: Int
  ) {
    if count < minimalCount {
      var buffer = UnsafeMutableBufferPointer(start: words, count: count)
      buffer.sort()
      return
    }
    run(words, scratch, count, lowBit: lowBit, highBit: highBit) { $0 }
  }

  /// Sorts `pairs` by the low `bitCount` bits of their keys; higher ones are zero.
  static func sort(
    _ pairs: UnsafeMutablePointer<KeyedRow>, scratch: UnsafeMutablePointer<KeyedRow>, count: Int,
    bitCount: Int
  ) {
    if count < minimalCount {
      var buffer = UnsafeMutableBufferPointer(start: pairs, count: count)
      buffer.sort {
        $0.key != $1.key ? $0.key < $1.key : $0.row < $1.row
      }
      return
    }
    run(pairs, scratch, count, lowBit: 0, highBit: bitCount) { $0.key }
  }

  @inline(__always)
  private static func run<Element: BitwiseCopyable>(
    _ elements: UnsafeMutablePointer<Element>, _ scratch: UnsafeMutablePointer<Element>,
    _ count: Int, lowBit: Int, highBit: Int, _ key: (Element) -> UInt64
  ) {
    let bitCount = highBit - lowBit
    guard bitCount > 0 else { return }
    let passCount = (bitCount + digitBits - 1) / digitBits
    let width = (bitCount + passCount - 1) / passCount
    let bucketCount = 1 << width
    let mask = UInt64(truncatingIfNeeded: bucketCount - 1)
    // Not withUnsafeTemporaryAllocation: Swift 6.3.1 miscompiles its heap path here (a trap after the call).
    let area = Buffer(byteCount: passCount * bucketCount * 4, zeroed: true)
    let counters = area.typed(UInt32.self)
    for index in 0..<count {
      var bits = key(elements[index]) >> UInt64(truncatingIfNeeded: lowBit)
      var offset = 0
      for _ in 0..<passCount {
        counters[offset &+ Int(truncatingIfNeeded: bits & mask)] &+= 1
        bits >>= UInt64(truncatingIfNeeded: width)
        offset &+= bucketCount
      }
    }
    var source = elements
    var target = scratch
    for pass in 0..<passCount {
      let buckets = counters + pass * bucketCount
      let shift = UInt64(truncatingIfNeeded: lowBit + pass * width)
      if buckets[Int(key(source[0]) >> shift & mask)] == UInt32(truncatingIfNeeded: count) { continue }
      var start: UInt32 = 0
      for bucket in 0..<bucketCount {
        let size = buckets[bucket]
        buckets[bucket] = start
        start &+= size
      }
      for index in 0..<count {
        let element = source[index]
        let bucket = Int(key(element) >> shift & mask)
        let position = buckets[bucket]
        buckets[bucket] = position &+ 1
        target[Int(position)] = element
      }
      swap(&source, &target)
    }
    if source != elements { elements.update(from: source, count: count) }
    withExtendedLifetime(area) {}
  }
}
