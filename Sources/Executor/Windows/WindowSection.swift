import Kernels
import SQL
import Vectors

/// Row numbers of a section, one per row or more.
final class RowNumbers {
  let pointer: UnsafeMutablePointer<UInt32>
  private let buffer: Buffer

  init(count: Int) {
    buffer = Buffer(of: UInt32.self, count: max(1, count))
    pointer = buffer.typed(UInt32.self)
  }

  subscript(index: Int) -> Int { Int(pointer[index]) }
}

/// Whole partitions in sorted order, rows numbered from 0; small enough for memory. Functions are evaluated over
/// all its rows at once.
final class WindowSection {
  let rowCount: Int
  let program: WindowProgram
  let context: ExecutionContext
  private let columns: [Vector]
  private let order: [UInt32]?
  private let rows: Range<Int>
  private let changes: WindowChanges
  /// Columns that functions read, in order of the section's rows.
  private var read: [Int: Vector] = [:]
  private var boundaries: [Int: Boundaries] = [:]
  private var frames: [FrameKey: WindowBounds] = [:]

  /// What makes the bounds of two functions equal.
  private struct FrameKey: Hashable {
    var frame: WindowFrame
    var partitionCount: Int
    var peerCount: Int
  }

  /// First rows of stretches of rows that agree, and at the end the number of rows.
  struct Boundaries {
    let starts: RowNumbers
    /// Number of stretches.
    let count: Int
  }

  /// - Parameters:
  ///   - order: rows of `columns` in sorted order; `nil` when they are.
  ///   - rows: places in that order.
  init(
    _ program: WindowProgram, columns: [Vector], order: [UInt32]?, rows: Range<Int>,
    changes: WindowChanges, context: ExecutionContext
  ) {
    self.program = program
    self.columns = columns
    self.order = order
    self.rows = rows
    self.changes = changes
    self.context = context
    rowCount = rows.count
  }

  /// How many leading sort keys each row shares with the one before, as in `WindowChanges`.
  var levels: UnsafeMutablePointer<UInt16> { changes.levels + rows.lowerBound }

  /// Stored column `number` of the rows of `range`, in any form.
  func slice(_ number: Int, _ range: Range<Int>) -> Vector {
    if let known = read[number] { return known.slice(range) }
    let first = rows.lowerBound + range.lowerBound
    guard let order else { return columns[number].slice(first..<(first + range.count)) }
    return order.withUnsafeBufferPointer {
      columns[number].gather($0.baseAddress! + first, count: range.count)
    }
  }

  /// Values by row of the section.
  func vector(_ slot: WindowProgram.Slot) -> Vector {
    switch slot {
    case .constant(let one): return one.resizedConstant(count: rowCount)
    case .column(let number):
      if let known = read[number] { return known }
      let made = slice(number, 0..<rowCount)
      read[number] = made
      return made
    }
  }

  /// Stretches of rows that agree on the first `keyCount` sort items.
  func boundaries(_ keyCount: Int) -> Boundaries {
    if let known = boundaries[keyCount] { return known }
    let starts = RowNumbers(count: rowCount + 1)
    let levels = levels
    var count = 0
    for row in 0..<rowCount {
      starts.pointer[count] = UInt32(truncatingIfNeeded: row)
      count &+= Int(levels[row]) <= keyCount || row == 0 ? 1 : 0
    }
    starts.pointer[count] = UInt32(truncatingIfNeeded: rowCount)
    let made = Boundaries(starts: starts, count: count)
    boundaries[keyCount] = made
    return made
  }

  /// The frame of each row for `function`.
  func bounds(of function: WindowProgram.Function) throws(StoaError) -> WindowBounds {
    let key = FrameKey(
      frame: function.call.frame, partitionCount: function.partitionCount,
      peerCount: function.peerCount)
    if let known = frames[key] { return known }
    let made = try WindowBounds(function, self)
    frames[key] = made
    return made
  }

  /// Rows as they come, of which nothing is compared.
  static func unordered(
    _ program: WindowProgram, _ batch: Batch, _ context: ExecutionContext
  ) throws(StoaError) -> WindowSection {
    let changes = try WindowChanges(
      keys: [], order: nil, context.cancellation, count: batch.rowCount)
    return WindowSection(
      program, columns: batch.columns, order: nil, rows: 0..<batch.rowCount, changes: changes,
      context: context)
  }

  /// The rows with the values of every function.
  func evaluated() throws(StoaError) -> WindowPart {
    var results: [Vector] = []
    for function in program.functions {
      try context.cancellation.check()
      results.append(try evaluate(function))
    }
    frames = [:]
    boundaries = [:]
    return WindowPart(section: self, results: results)
  }

  /// The values of one function.
  func evaluate(_ function: WindowProgram.Function) throws(StoaError) -> Vector {
    switch function.call.function {
    case .rowNumber, .rank, .denseRank, .percentRank, .cumeDist, .ntile:
      return try RankingFunctions.evaluate(function, self)
    case .lag, .lead: return try ShiftFunctions.evaluate(function, self)
    case .firstValue, .lastValue, .nthValue: return try FrameValues.evaluate(function, self)
    case .aggregate(let aggregate):
      return try WindowAggregates(function, aggregate, self).evaluate()
    }
  }
}

extension Vector {
  /// The rows at `positions`, NULL where `isPresent` is zero (positions there are any valid ones).
  func picked(
    _ positions: RowNumbers, isPresent: UnsafePointer<UInt8>?, count: Int
  ) -> Vector {
    let gathered = gather(positions.pointer, count: count)
    guard let isPresent, let mask = Validity.make(fromBytes: isPresent, count: count) else {
      return gathered
    }
    if gathered.form == .dictionary, let entries = gathered.child, entries.count > 0 {
      return Vector(
        codes: gathered.storage, count: count, dictionary: entries,
        validity: Validity.intersection(gathered.validity, mask))
    }
    let flat = gathered.flattened()
    return Vector(
      flat: flat.storage, type: flat.type, count: count,
      validity: Validity.intersection(flat.validity, mask), owners: flat.stringOwners)
  }
}
