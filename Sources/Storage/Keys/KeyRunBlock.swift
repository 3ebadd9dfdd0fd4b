import Vectors

/// Up to 1,024 entries of a key run, ascending by key and, among equal keys, by position.
///
///   offset  size  field
///        0     1  keyWidth, 0…64 bits
///        1     1  positionWidth, 0…32 bits
///        2     2  entryCount, 1…1,024
///        4     4  leastPosition
///        8     8  leastStep
///       16     *  entryCount − 1 steps from key to key, each less leastStep, keyWidth bits, lowest bits first,
///                 filled up to 8 bytes
///        *     *  entryCount positions, each less leastPosition, positionWidth bits, likewise
///
/// The first key stands in the fences. Invariant: no sum wraps, and the rest of the last word is zero.
enum KeyRunBlock {
  static let capacity = 1024
  static let headerByteCount = 16

  /// Bytes of `count` values of `width` bits.
  static func packedByteCount(_ count: Int, _ width: Int) -> Int { (count * width + 63) / 64 * 8 }

  /// Appends one block.
  /// - Parameter count: 1…1,024.
  static func append(
    keys: UnsafePointer<UInt64>, positions: UnsafePointer<UInt32>, count: Int,
    to bytes: inout [UInt8]
  ) {
    var leastStep = UInt64.max
    var longestStep: UInt64 = 0
    for index in 1..<max(1, count) {
      let step = keys[index] &- keys[index &- 1]
      leastStep = min(leastStep, step)
      longestStep = max(longestStep, step)
    }
    if count == 1 { leastStep = 0 }
    var leastPosition = UInt32.max
    var lastPosition: UInt32 = 0
    for index in 0..<count {
      leastPosition = min(leastPosition, positions[index])
      lastPosition = max(lastPosition, positions[index])
    }
    let keyWidth = 64 - (longestStep &- min(leastStep, longestStep)).leadingZeroBitCount
    let positionWidth = 32 - (lastPosition &- leastPosition).leadingZeroBitCount
    let start = bytes.count
    let stepByteCount = packedByteCount(count - 1, keyWidth)
    let byteCount =
      headerByteCount + stepByteCount + packedByteCount(count, positionWidth)
    bytes.append(contentsOf: repeatElement(0, count: byteCount))
    bytes.withUnsafeMutableBytes { all in
      guard let base = all.baseAddress.map({ $0 + start }) else { return }
      base.storeBytes(of: UInt8(truncatingIfNeeded: keyWidth), as: UInt8.self)
      base.storeBytes(of: UInt8(truncatingIfNeeded: positionWidth), toByteOffset: 1, as: UInt8.self)
      base.storeBytes(
        of: UInt16(truncatingIfNeeded: count).littleEndian, toByteOffset: 2, as: UInt16.self)
      base.storeBytes(of: leastPosition.littleEndian, toByteOffset: 4, as: UInt32.self)
      base.storeBytes(of: leastStep.littleEndian, toByteOffset: 8, as: UInt64.self)
      pack(count - 1, keyWidth, base + headerByteCount) {
        keys[$0 &+ 1] &- keys[$0] &- leastStep
      }
      pack(count, positionWidth, base + headerByteCount + stepByteCount) {
        UInt64(positions[$0] &- leastPosition)
      }
    }
  }

  @inline(__always)
  private static func pack(
    _ count: Int, _ width: Int, _ target: UnsafeMutableRawPointer, _ value: (Int) -> UInt64
  ) {
    guard width > 0 else { return }
    var word: UInt64 = 0
    var used = 0
    var place = target
    for index in 0..<count {
      let bits = value(index)
      word |= bits << UInt64(used)
      used &+= width
      guard used >= 64 else { continue }
      place.storeBytes(of: word.littleEndian, as: UInt64.self)
      place += 8
      used &-= 64
      word = used > 0 ? bits >> UInt64(width &- used) : 0
    }
    if used > 0 { place.storeBytes(of: word.littleEndian, as: UInt64.self) }
  }

  /// Unpacks a block whose checksum was verified.
  /// - Parameters:
  ///   - count: entries it must have; the targets have room for them.
  ///   - positionLimit: above every position.
  /// - Returns: false when the bytes are no such block.
  static func decode(
    _ bytes: UnsafeRawBufferPointer, firstKey: UInt64, count: Int, positionLimit: UInt64,
    keys: UnsafeMutablePointer<UInt64>, positions: UnsafeMutablePointer<UInt32>
  ) -> Bool {
    guard bytes.count >= headerByteCount, count >= 1, let base = bytes.baseAddress else {
      return false
    }
    let keyWidth = Int(base.load(as: UInt8.self))
    let positionWidth = Int(base.load(fromByteOffset: 1, as: UInt8.self))
    let stored = UInt16(littleEndian: base.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
    guard keyWidth <= 64, positionWidth <= 32, Int(stored) == count else { return false }
    let stepByteCount = packedByteCount(count - 1, keyWidth)
    guard
      bytes.count == headerByteCount + stepByteCount + packedByteCount(count, positionWidth)
    else { return false }
    let leastPosition = UInt64(
      UInt32(littleEndian: base.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
    let leastStep = UInt64(
      littleEndian: base.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    // Sums that wrap show in the order of the keys, those of positions in their size.
    var isAscending = true
    var key = firstKey
    keys[0] = key
    unpack(count - 1, keyWidth, base + headerByteCount) { index, bits in
      let next = key &+ leastStep &+ bits
      if next < key { isAscending = false }
      key = next
      keys[index &+ 1] = next
    }
    var largest: UInt64 = 0
    unpack(count, positionWidth, base + headerByteCount + stepByteCount) { index, bits in
      let position = leastPosition &+ bits
      largest = max(largest, position)
      positions[index] = UInt32(truncatingIfNeeded: position)
    }
    return isAscending && largest < positionLimit
  }

  @inline(__always)
  private static func unpack(
    _ count: Int, _ width: Int, _ source: UnsafeRawPointer, _ body: (Int, UInt64) -> Void
  ) {
    guard width > 0 else {
      for index in 0..<count { body(index, 0) }
      return
    }
    let mask: UInt64 = .max >> UInt64(64 &- width)
    var bit = 0
    for index in 0..<count {
      // Safe because the caller compared the byte count: the last value ends within the last word.
      let place = source + (bit &>> 6) &* 8
      let shift = bit & 63
      var value = UInt64(littleEndian: place.loadUnaligned(as: UInt64.self)) &>> UInt64(shift)
      if shift &+ width > 64 {
        let next = UInt64(littleEndian: place.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        value |= next &<< UInt64(64 &- shift)
      }
      body(index, value & mask)
      bit &+= width
    }
  }
}

/// A key run in memory: the sorted keys of one row group until its segment is finished.
struct KeyRunPart: Sendable {
  private(set) var bytes: [UInt8] = []
  private(set) var firstKeys: [UInt64] = []
  /// Where each block begins in `bytes`.
  private(set) var offsets: [UInt32] = []
  let entryCount: Int

  var byteCount: Int { bytes.count + firstKeys.count * 12 }

  /// - Parameter sorted: ascending keys; their rows become the positions.
  init(_ sorted: KeyNumbers) {
    entryCount = sorted.count
    sorted.keys.withUnsafeBufferPointer { keys in
      sorted.rows.withUnsafeBufferPointer { rows in
        guard let keyBase = keys.baseAddress, let rowBase = rows.baseAddress else { return }
        for start in stride(from: 0, to: keys.count, by: KeyRunBlock.capacity) {
          firstKeys.append(keys[start])
          offsets.append(UInt32(truncatingIfNeeded: bytes.count))
          KeyRunBlock.append(
            keys: keyBase + start, positions: rowBase + start,
            count: min(KeyRunBlock.capacity, keys.count - start), to: &bytes)
        }
      }
    }
  }

  /// Unpacks block `number`; false when it is not what was written.
  func decode(
    _ number: Int, keys: UnsafeMutablePointer<UInt64>, positions: UnsafeMutablePointer<UInt32>
  ) -> Bool {
    let start = Int(offsets[number])
    let end = number + 1 < offsets.count ? Int(offsets[number + 1]) : bytes.count
    let count = min(KeyRunBlock.capacity, entryCount - number * KeyRunBlock.capacity)
    return bytes.withUnsafeBytes { all in
      KeyRunBlock.decode(
        UnsafeRawBufferPointer(rebasing: all[start..<end]), firstKey: firstKeys[number],
        count: count, positionLimit: UInt64(SegmentFooter.rowGroupCapacity), keys: keys,
        positions: positions)
    }
  }
}
