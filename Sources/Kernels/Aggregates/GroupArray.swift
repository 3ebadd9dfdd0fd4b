import Vectors

/// One value per group, growing by doubling. Kernels take `base` once per batch.
final class GroupArray<Element: BitwiseCopyable> {
  /// First value; changes when the array grows.
  private(set) var base: UnsafeMutablePointer<Element>
  private(set) var count = 0
  private var capacity = 0
  private let initial: Element

  /// An empty array whose new values will be `initial`.
  init(_ initial: Element) {
    self.initial = initial
    base = .allocate(capacity: 1)
  }

  deinit { base.deallocate() }

  var isEmpty: Bool { count == 0 }
  var byteCount: Int { capacity * MemoryLayout<Element>.stride }

  /// Grows to `newCount` values; never shrinks.
  func resize(to newCount: Int) {
    guard newCount > count else { return }
    if newCount > capacity {
      let grown = max(newCount, capacity * 2)
      let target = UnsafeMutablePointer<Element>.allocate(capacity: grown)
      target.update(from: base, count: count)
      base.deallocate()
      base = target
      capacity = grown
    }
    (base + count).update(repeating: initial, count: newCount - count)
    count = newCount
  }

  /// A copy of the groups of `range` as a vector of a type of the same width, without NULLs.
  func vector(_ range: Range<Int>, _ type: LogicalType) -> Vector {
    precondition(type.physical.byteWidth == MemoryLayout<Element>.stride, "another width")
    let buffer = Buffer(byteCount: max(1, range.count * MemoryLayout<Element>.stride))
    buffer.typed(Element.self).update(from: base + range.lowerBound, count: range.count)
    return Vector(flat: buffer, type: type, count: range.count)
  }
}
