import Kernels
import SQL
import Vectors

/// The frames of all rows of a section: from `lower` to before `upper`, in rows of the section, less what is
/// excluded. Never reaches beyond the partition.
final class WindowBounds {
  let lower: RowNumbers
  let upper: RowNumbers
  /// Within a partition neither end ever goes back, and nothing is excluded.
  private(set) var isMonotone = true
  /// EXCLUDE: rows from `from` to before `to` are left out, but for the row itself where `keepsRow`.
  private(set) var excluded: (from: RowNumbers, to: RowNumbers, keepsRow: Bool)?

  /// - Throws: `.evaluation` when an offset is NULL or negative.
  init(_ function: WindowProgram.Function, _ section: WindowSection) throws(StoaError) {
    lower = RowNumbers(count: section.rowCount)
    upper = RowNumbers(count: section.rowCount)
    let frame = function.call.frame
    let partitions = section.boundaries(function.partitionCount)
    let usesPeers = frame.unit != .rows || frame.exclusion == .group || frame.exclusion == .ties
    let peers = usesPeers ? section.boundaries(function.peerCount) : partitions
    let start = try FrameOffset(frame.start, function.startOffset, "starting", frame, section)
    let end = try FrameOffset(frame.end, function.endOffset, "ending", frame, section)
    switch frame.unit {
    case .rows: fillRows(start, end, partitions)
    case .groups: fillGroups(start, end, partitions, peers)
    case .range:
      let keys = try function.rangeKey.map { (slot) throws(StoaError) in
        try RangeKeys(section.vector(slot), frame, section.rowCount)
      }
      try fillRange(start, end, partitions, peers, keys)
    }
    try section.context.cancellation.check()
    finish(partitions)
    exclude(frame.exclusion, peers, section.rowCount)
  }

  /// An empty frame ends where it begins.
  private func finish(_ partitions: WindowSection.Boundaries) {
    for partition in 0..<partitions.count {
      var before: (UInt32, UInt32) = (0, 0)
      for row in partitions.starts[partition]..<partitions.starts[partition + 1] {
        let from = lower.pointer[row]
        let to = max(from, upper.pointer[row])
        upper.pointer[row] = to
        if from < before.0 || to < before.1 { isMonotone = false }
        before = (from, to)
      }
    }
  }

  private func exclude(
    _ exclusion: WindowFrame.Exclusion, _ peers: WindowSection.Boundaries, _ rowCount: Int
  ) {
    guard exclusion != .none else { return }
    isMonotone = false
    let from = RowNumbers(count: rowCount)
    let to = RowNumbers(count: rowCount)
    if exclusion == .currentRow {
      for row in 0..<rowCount {
        from.pointer[row] = UInt32(truncatingIfNeeded: row)
        to.pointer[row] = UInt32(truncatingIfNeeded: row + 1)
      }
    } else {
      for group in 0..<peers.count {
        let start = peers.starts[group]
        let end = peers.starts[group + 1]
        (from.pointer + start).update(
          repeating: UInt32(truncatingIfNeeded: start), count: end - start)
        (to.pointer + start).update(repeating: UInt32(truncatingIfNeeded: end), count: end - start)
      }
    }
    excluded = (from, to, exclusion == .ties)
  }

  /// Parts of the frame of `row`, in order; parts may be empty.
  @inline(__always)
  func forEachPart(_ row: Int, _ body: (Int, Int) -> Void) {
    let from = lower[row]
    let to = upper[row]
    guard let excluded else { return body(from, to) }
    let first = excluded.from[row]
    let last = excluded.to[row]
    body(from, max(from, min(to, first)))
    if excluded.keepsRow, from <= row, row < to { body(row, row + 1) }
    body(min(to, max(from, last)), to)
  }

  // MARK: ROWS

  private func fillRows(
    _ start: FrameOffset, _ end: FrameOffset, _ partitions: WindowSection.Boundaries
  ) {
    for partition in 0..<partitions.count {
      let first = partitions.starts[partition]
      let last = partitions.starts[partition + 1]
      func place(_ row: Int, _ distance: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: min(max(row + distance, first), last))
      }
      switch start.bound {
      case .unboundedPreceding, .unboundedFollowing:
        (lower.pointer + first).update(
          repeating: UInt32(truncatingIfNeeded: first), count: last - first)
      case .currentRow: for row in first..<last { lower.pointer[row] = place(row, 0) }
      case .preceding: for row in first..<last { lower.pointer[row] = place(row, -start[row]) }
      case .following: for row in first..<last { lower.pointer[row] = place(row, start[row]) }
      }
      switch end.bound {
      case .unboundedPreceding, .unboundedFollowing:
        (upper.pointer + first).update(
          repeating: UInt32(truncatingIfNeeded: last), count: last - first)
      case .currentRow: for row in first..<last { upper.pointer[row] = place(row, 1) }
      case .preceding: for row in first..<last { upper.pointer[row] = place(row, 1 - end[row]) }
      case .following: for row in first..<last { upper.pointer[row] = place(row, end[row] + 1) }
      }
    }
  }

  // MARK: GROUPS

  private func fillGroups(
    _ start: FrameOffset, _ end: FrameOffset, _ partitions: WindowSection.Boundaries,
    _ peers: WindowSection.Boundaries
  ) {
    var group = 0
    for partition in 0..<partitions.count {
      let last = partitions.starts[partition + 1]
      let firstGroup = group
      while group < peers.count, peers.starts[group] < last { group += 1 }
      let groups = firstGroup..<group
      // The first row of a group; of one past the end, the end of the partition.
      func edge(_ number: Int) -> UInt32 {
        peers.starts.pointer[min(max(number, groups.lowerBound), groups.upperBound)]
      }
      for number in groups {
        for row in peers.starts[number]..<peers.starts[number + 1] {
          switch start.bound {
          case .unboundedPreceding, .unboundedFollowing:
            lower.pointer[row] = edge(groups.lowerBound)
          case .currentRow: lower.pointer[row] = edge(number)
          case .preceding: lower.pointer[row] = edge(number - start[row])
          case .following: lower.pointer[row] = edge(number + start[row])
          }
          switch end.bound {
          case .unboundedPreceding, .unboundedFollowing:
            upper.pointer[row] = edge(groups.upperBound)
          case .currentRow: upper.pointer[row] = edge(number + 1)
          case .preceding: upper.pointer[row] = edge(number - end[row] + 1)
          case .following: upper.pointer[row] = edge(number + end[row] + 1)
          }
        }
      }
    }
  }

  // MARK: RANGE

  private func fillRange(
    _ start: FrameOffset, _ end: FrameOffset, _ partitions: WindowSection.Boundaries,
    _ peers: WindowSection.Boundaries, _ keys: RangeKeys?
  ) throws(StoaError) {
    var group = 0
    for partition in 0..<partitions.count {
      let first = partitions.starts[partition]
      let last = partitions.starts[partition + 1]
      if start.bound == .unboundedPreceding {
        (lower.pointer + first).update(
          repeating: UInt32(truncatingIfNeeded: first), count: last - first)
      }
      if end.bound == .unboundedFollowing {
        (upper.pointer + first).update(
          repeating: UInt32(truncatingIfNeeded: last), count: last - first)
      }
      while group < peers.count, peers.starts[group] < last {
        let from = peers.starts[group]
        let to = peers.starts[group + 1]
        if start.bound == .currentRow {
          (lower.pointer + from).update(
            repeating: UInt32(truncatingIfNeeded: from), count: to - from)
        }
        if end.bound == .currentRow {
          (upper.pointer + from).update(repeating: UInt32(truncatingIfNeeded: to), count: to - from)
        }
        group += 1
      }
      guard let keys else { continue }
      if start.isOffset { try keys.fill(lower.pointer, start, first..<last, isUpper: false) }
      if end.isOffset { try keys.fill(upper.pointer, end, first..<last, isUpper: true) }
    }
  }
}

/// One end of a frame with the offsets of all rows.
struct FrameOffset {
  let bound: WindowFrame.Bound
  /// `nil` without offset.
  let values: Vector?
  /// All ones when there is an offset for each row, zero for a constant one.
  private let mask: Int
  /// ROWS and GROUPS.
  private let counts: UnsafePointer<Int64>?

  /// - Throws: `.evaluation` when an offset is NULL or negative.
  init(
    _ bound: WindowFrame.Bound, _ slot: WindowProgram.Slot?, _ name: String, _ frame: WindowFrame,
    _ section: WindowSection
  ) throws(StoaError) {
    self.bound = bound
    guard let slot, section.rowCount > 0 else {
      (values, mask, counts) = (nil, 0, nil)
      return
    }
    let given = section.vector(slot)
    let values = given.form == .constant ? given : given.flattened()
    self.values = values
    mask = values.form == .constant ? 0 : -1
    counts = frame.unit == .range ? nil : values.base.assumingMemoryBound(to: Int64.self)
    if values.mayHaveNulls {
      throw StoaError(.evaluation, "frame \(name) offset must not be null")
    }
    for row in 0..<(mask == 0 ? 1 : values.count) where FrameOffset.isNegative(values, row) {
      throw StoaError(.evaluation, "frame \(name) offset must not be negative")
    }
  }

  var isOffset: Bool { values != nil }
  var isConstant: Bool { mask == 0 }

  /// The offset of a row, of ROWS and GROUPS; far beyond any partition it does not grow further.
  subscript(row: Int) -> Int {
    guard let counts else { return 0 }
    return Int(min(counts[row & mask], 1 << 40))
  }

  private static func isNegative(_ vector: Vector, _ row: Int) -> Bool {
    switch vector.value(at: row) {
    case .integer(let number) where vector.type == .interval:
      Interval(packed: number).comparableMicroseconds < 0
    case .integer(let number): number < 0
    case .double(let number): number < 0 || number.isNaN
    default: false
    }
  }
}
