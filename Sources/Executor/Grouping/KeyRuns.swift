import Vectors

/// The rows of a batch as stretches that agree on all group keys: what sorted columns give, whose chunks are run-length
/// encoded or constant. A stretch is looked up once, and aggregates take it as a whole.
struct KeyRuns {
  /// The row after each stretch's last.
  let ends: [Int]
  /// The keys, one row per stretch. Neighbours may be equal.
  let keys: [Vector]

  var count: Int { ends.count }

  /// Shorter stretches than this on average are not worth slicing the arguments: a slice costs as much as adding some
  /// fifty rows one by one.
  private static let averageLength = 64

  /// `nil` when some key is neither run-length nor constant, or the stretches are short.
  init?(_ keys: [Vector], count: Int) {
    var runCount = 1
    for key in keys {
      switch key.form {
      case .flat, .dictionary: return nil
      case .constant: break
      case .runs: runCount += key.child?.count ?? 0
      }
    }
    guard count > 0, runCount * KeyRuns.averageLength <= count else { return nil }
    let ends = KeyRuns.ends(of: keys, count: count)
    self.ends = ends
    self.keys = keys.map { KeyRuns.values(of: $0, at: ends) }
  }

  /// Every row at which some key's run ends, ascending.
  private static func ends(of keys: [Vector], count: Int) -> [Int] {
    var all = [count]
    for key in keys where key.form == .runs {
      key.withRunEnds { ends in
        for run in 0..<(key.child?.count ?? 0) { all.append(Int(ends[run])) }
      }
    }
    all.sort()
    var distinct: [Int] = []
    for end in all where end > (distinct.last ?? 0) { distinct.append(end) }
    return distinct
  }

  /// The key of each stretch.
  private static func values(of key: Vector, at ends: [Int]) -> Vector {
    guard key.form == .runs, let child = key.child else {
      return key.resizedConstant(count: ends.count)
    }
    var positions: [UInt32] = []
    key.withRunEnds { runEnds in
      var run = 0
      for end in ends {
        while Int(runEnds[run]) < end { run += 1 }
        positions.append(UInt32(truncatingIfNeeded: run))
      }
    }
    let values = child.gather(positions, count: positions.count)
    // Strings stay run-length, as the array of groups takes them by dictionary and not one by one.
    guard key.type.physical == .string else { return values }
    let each = Buffer(of: UInt32.self, count: positions.count)
    for index in positions.indices { each.typed(UInt32.self)[index] = UInt32(index + 1) }
    return Vector(runEnds: each, values: values.flattened(), count: positions.count)
  }
}

extension AggregateState {
  /// Adds the rows of `batch` stretch by stretch; `values` are its evaluated arguments.
  func add(_ runs: KeyRuns, _ values: [Vector], _ batch: Batch) throws(StoaError) {
    var numbers = [UInt32](repeating: 0, count: runs.count)
    try grouping.assign(runs.keys, count: runs.count, into: &numbers)
    try resize()
    var rowNumbers: Buffer?
    for call in calls {
      if let summarizing = call.summarizing {
        let arguments = call.arguments.map { values[$0] }
        var start = 0
        for (run, end) in runs.ends.enumerated() {
          try summarizing.updateSingle(
            arguments.map { $0.slice(start..<end) }, count: end - start, group: Int(numbers[run]))
          start = end
        }
      } else {
        let expanded = rowNumbers ?? runs.expanded(numbers)
        rowNumbers = expanded
        try addGrouped(call, values, batch, UnsafePointer(expanded.typed(UInt32.self)))
      }
    }
    for rows in kept {
      let expanded = rowNumbers ?? runs.expanded(numbers)
      rowNumbers = expanded
      try rows.add(values, batch, groups: UnsafePointer(expanded.typed(UInt32.self)))
    }
  }
}

extension KeyRuns {
  /// One number per row, from one per stretch.
  fileprivate func expanded(_ numbers: [UInt32]) -> Buffer {
    let buffer = Buffer(of: UInt32.self, count: max(1, ends.last ?? 0))
    let target = buffer.typed(UInt32.self)
    var start = 0
    for (run, end) in ends.enumerated() {
      (target + start).update(repeating: numbers[run], count: end - start)
      start = end
    }
    return buffer
  }
}
