import Vectors

// How kernels visit the rows of a vector that have a value, whatever its form. Everything is inlined
// into the calling kernel, which must be concrete in `T`.

/// Loops over the rows that are not NULL.
enum ValidRows {
  /// Calls `body` for every set bit, 64 rows at a time where all of them are set.
  @inline(__always)
  static func forEach(_ validity: Validity, _ body: (Int) -> Void) {
    let words = validity.words
    let count = validity.count
    var start = 0
    while start < count {
      var word = words[start >> 6]
      if word == .max {
        for row in start..<(start &+ 64) { body(row) }
      } else {
        while word != 0 {
          body(start &+ word.trailingZeroBitCount)
          word &= word &- 1
        }
      }
      start &+= 64
    }
    withExtendedLifetime(validity) {}
  }

  /// Calls `body` for every row that is NULL.
  @inline(__always)
  static func forEachNull(_ validity: Validity, _ body: (Int) -> Void) {
    let words = validity.words
    let count = validity.count
    var start = 0
    while start < count {
      var word = ~words[start >> 6]
      if count &- start < 64 { word &= (1 << UInt64(count &- start)) &- 1 }
      while word != 0 {
        body(start &+ word.trailingZeroBitCount)
        word &= word &- 1
      }
      start &+= 64
    }
    withExtendedLifetime(validity) {}
  }

  /// Calls `body` with row and value of every row that is not NULL.
  @inline(__always)
  static func forEach<T: BitwiseCopyable>(
    _ vector: Vector, as _: T.Type, _ body: (Int, T) -> Void
  ) {
    let count = vector.count
    switch vector.form {
    case .flat:
      let values = vector.base.assumingMemoryBound(to: T.self)
      if let validity = vector.validity {
        forEach(validity) { body($0, values[$0]) }
      } else {
        for row in 0..<count { body(row, values[row]) }
      }
    case .constant:
      guard vector.validity == nil else { return }
      let value = vector.base.assumingMemoryBound(to: T.self)[0]
      for row in 0..<count { body(row, value) }
    case .dictionary:
      let codes = vector.base.assumingMemoryBound(to: UInt32.self)
      let values = vector.child!.base.assumingMemoryBound(to: T.self)
      if let validity = vector.validity {
        forEach(validity) { body($0, values[Int(codes[$0])]) }
      } else {
        for row in 0..<count { body(row, values[Int(codes[row])]) }
      }
    case .runs:
      forEachRun(vector, as: T.self) { rows, value in
        for row in rows { body(row, value) }
      }
    }
    withExtendedLifetime(vector) {}
  }

  /// Calls `body` with the rows and the value of every run of a run-length vector that is not NULL.
  @inline(__always)
  static func forEachRun<T: BitwiseCopyable>(
    _ vector: Vector, as _: T.Type, _ body: (Range<Int>, T) -> Void
  ) {
    let ends = vector.base.assumingMemoryBound(to: UInt32.self)
    let child = vector.child!
    let values = child.base.assumingMemoryBound(to: T.self)
    var start = 0
    for run in 0..<child.count {
      let end = Int(ends[run])
      if child.validity?.isValid(run) ?? true { body(start..<end, values[run]) }
      start = end
    }
    withExtendedLifetime(vector) {}
  }

  /// How many rows have a value.
  static func count(_ vector: Vector) -> Int {
    switch vector.form {
    case .flat, .dictionary: return vector.count - (vector.validity?.nullCount ?? 0)
    case .constant: return vector.validity == nil ? vector.count : 0
    case .runs:
      guard let validity = vector.child!.validity else { return vector.count }
      return vector.withRunEnds { ends in
        var total = 0
        ValidRows.forEach(validity) { run in
          total += Int(ends[run]) - (run == 0 ? 0 : Int(ends[run - 1]))
        }
        return total
      }
    }
  }

  /// Calls `body` with every row that is not NULL, whatever the type.
  @inline(__always)
  static func forEachRow(_ vector: Vector, _ body: (Int) -> Void) {
    switch vector.form {
    case .flat, .dictionary:
      if let validity = vector.validity {
        forEach(validity, body)
      } else {
        for row in 0..<vector.count { body(row) }
      }
    case .constant:
      if vector.validity == nil { for row in 0..<vector.count { body(row) } }
    case .runs:
      let ends = vector.base.assumingMemoryBound(to: UInt32.self)
      let child = vector.child!
      var start = 0
      for run in 0..<child.count {
        let end = Int(ends[run])
        if child.validity?.isValid(run) ?? true { for row in start..<end { body(row) } }
        start = end
      }
    }
    withExtendedLifetime(vector) {}
  }
}
