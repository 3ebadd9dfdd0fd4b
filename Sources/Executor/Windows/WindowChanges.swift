import Kernels
import Vectors

/// Where sort keys change along sorted rows: for each row, how many leading keys it shares with the row before.
final class WindowChanges {
  /// 0 for the first row, else 1 + the number of leading keys that are equal. So partitions over `n` keys
  /// begin where this is at most `n`.
  let levels: UnsafeMutablePointer<UInt16>
  private let buffer: Buffer

  private static let blockRowCount = 4096

  /// - Parameters:
  ///   - order: rows of `keys` in sorted order; `nil` when they are.
  ///   - count: number of rows when there is no order.
  init(
    keys: [Vector], order: [UInt32]?, _ cancellation: CancellationFlag, count: Int = 0
  ) throws(StoaError) {
    let count = order?.count ?? count
    buffer = Buffer(of: UInt16.self, count: max(1, count))
    levels = buffer.typed(UInt16.self)
    let all = UInt16(truncatingIfNeeded: min(keys.count + 1, Int(UInt16.max)))
    levels.update(repeating: all, count: count)
    // The first key that differs has the last word.
    for (number, key) in keys.enumerated().reversed() where key.form != .constant {
      let level = UInt16(truncatingIfNeeded: min(number + 1, Int(UInt16.max)))
      var start = 0
      while start < count {
        try cancellation.check()
        // One row of overlap, to compare with.
        let first = max(0, start - 1)
        let end = min(start + WindowChanges.blockRowCount, count)
        let block: Vector
        if let order {
          block = order.withUnsafeBufferPointer {
            key.gather($0.baseAddress! + first, count: end - first)
          }
        } else {
          block = key.slice(first..<end)
        }
        WindowChanges.mark(block.flattened(), level, levels + first)
        start = end
      }
    }
    if count > 0 { levels[0] = 0 }
  }

  /// Sets `level` for each row but the first that differs from the one before.
  private static func mark(
    _ block: Vector, _ level: UInt16, _ levels: UnsafeMutablePointer<UInt16>
  ) {
    func compared<T: BitwiseCopyable>(_: T.Type, _ equal: (T, T) -> Bool) {
      mark(block, level, levels, T.self, equal)
    }
    switch block.type.physical {
    case .bool: compared(UInt8.self, ==)
    case .int8: compared(Int8.self, ==)
    case .int16: mark(block, level, levels, Int16.self) { $0 == $1 }
    case .int32: mark(block, level, levels, Int32.self) { $0 == $1 }
    case .int64: mark(block, level, levels, Int64.self) { $0 == $1 }
    case .int128 where block.type == .interval:
      mark(block, level, levels, Int128.self) {
        $0 >> Interval.lengthShift == $1 >> Interval.lengthShift
      }
    case .int128: mark(block, level, levels, Int128.self) { $0 == $1 }
    case .float32:
      mark(block, level, levels, Float.self) { $0 == $1 || ($0.isNaN && $1.isNaN) }
    case .float64:
      mark(block, level, levels, Double.self) { $0 == $1 || ($0.isNaN && $1.isNaN) }
    case .string: mark(block, level, levels, StringView.self) { $0 == $1 }
    }
  }

  @inline(__always)
  private static func mark<T: BitwiseCopyable>(
    _ block: Vector, _ level: UInt16, _ levels: UnsafeMutablePointer<UInt16>, _: T.Type,
    _ equal: (T, T) -> Bool
  ) {
    let count = block.count
    let values = block.base.assumingMemoryBound(to: T.self)
    if let validity = block.validity {
      var before = validity.isValid(0)
      for row in 1..<max(1, count) {
        let valid = validity.isValid(row)
        let isEqual = valid == before && (!valid || equal(values[row - 1], values[row]))
        if !isEqual { levels[row] = level }
        before = valid
      }
    } else {
      for row in 1..<max(1, count) where !equal(values[row - 1], values[row]) {
        levels[row] = level
      }
    }
    withExtendedLifetime(block) {}
  }
}
