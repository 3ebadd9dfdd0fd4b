import Vectors

// The first n of many rows: a heap of n row numbers, worst on top. Most rows lose against the worst
// with one comparison of 64-bit keys.

enum TopRows {
  static func select(
    _ limit: Int, columns: [Vector], specifications: [SortSpecification]
  ) -> [UInt32] {
    let count = columns.first?.count ?? 0
    guard limit > 0, count > 0 else { return [] }
    let sorter = RowSorter(columns, specifications)
    let keyBuffer = Buffer(byteCount: count * 8)
    let keys = keyBuffer.typed(UInt64.self)
    let isExact = sorter.encodePrefix(keys, count)
    var heap: [UInt32] = []
    heap.reserveCapacity(limit)
    func precedes(_ left: UInt32, _ right: UInt32) -> Bool {
      let a = keys[Int(left)]
      let b = keys[Int(right)]
      if a != b { return a < b }
      if !isExact {
        let order = sorter.comparator.compare(sorter.flat, Int(left), sorter.flat, Int(right))
        if order != 0 { return order < 0 }
      }
      return left < right
    }
    for row in 0..<count {
      let row = UInt32(truncatingIfNeeded: row)
      if heap.count < limit {
        heap.append(row)
        siftUp(&heap, precedes)
      } else if keys[Int(row)] <= keys[Int(heap[0])], precedes(row, heap[0]) {
        heap[0] = row
        siftDown(&heap, precedes)
      }
    }
    withExtendedLifetime(keyBuffer) {}
    return heap.sorted(by: precedes)
  }

  private static func siftUp(_ heap: inout [UInt32], _ precedes: (UInt32, UInt32) -> Bool) {
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard precedes(heap[parent], heap[child]) else { return }
      heap.swapAt(parent, child)
      child = parent
    }
  }

  private static func siftDown(_ heap: inout [UInt32], _ precedes: (UInt32, UInt32) -> Bool) {
    var parent = 0
    while true {
      var worst = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && precedes(heap[worst], heap[child]) {
        worst = child
      }
      if worst == parent { return }
      heap.swapAt(parent, worst)
      parent = worst
    }
  }
}

extension RowSorter {
  /// Keys of all rows; returns whether equal keys mean equal rows.
  func encodePrefix(_ keys: UnsafeMutablePointer<UInt64>, _ count: Int) -> Bool {
    var resumption: Resumption?
    if encode(keys, nil, count, from: 0, offset: 0, &resumption) == 0 {
      keys.update(repeating: 0, count: count)
    }
    return resumption == nil
  }
}
