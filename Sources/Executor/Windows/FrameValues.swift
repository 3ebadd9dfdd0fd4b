import Kernels
import SQL
import Vectors

/// first_value, last_value and nth_value: the value of one row of the frame.
enum FrameValues {
  static func evaluate(
    _ function: WindowProgram.Function, _ section: WindowSection
  ) throws(StoaError) -> Vector {
    let values = section.vector(function.arguments[0])
    let bounds = try section.bounds(of: function)
    let kept = function.call.ignoresNulls ? KeptRows.notNull(values) : nil
    let count = section.rowCount
    let positions = RowNumbers(count: count)
    var isPresent = [UInt8](repeating: 0, count: count + 1)
    switch function.call.function {
    case .firstValue:
      for row in 0..<count {
        place(first(bounds, kept, row), row, positions, &isPresent)
      }
    case .lastValue:
      for row in 0..<count {
        place(last(bounds, kept, row), row, positions, &isPresent)
      }
    default:
      let numbers = section.vector(function.arguments[1]).flattened()
      try numbers.withValues(as: Int64.self) { (wanted) throws(StoaError) in
        for row in 0..<count {
          guard numbers.isValid(row) else {
            place(nil, row, positions, &isPresent)
            continue
          }
          guard wanted[row] > 0 else {
            throw StoaError(.evaluation, "argument of nth_value must be greater than zero")
          }
          place(nth(bounds, kept, row, wanted[row]), row, positions, &isPresent)
        }
      }
    }
    return isPresent.withUnsafeBufferPointer {
      values.picked(positions, isPresent: $0.baseAddress, count: count)
    }
  }

  @inline(__always)
  private static func place(
    _ found: Int?, _ row: Int, _ positions: RowNumbers, _ isPresent: inout [UInt8]
  ) {
    positions.pointer[row] = UInt32(truncatingIfNeeded: found ?? row)
    isPresent[row] = found == nil ? 0 : 1
  }

  @inline(__always)
  private static func first(_ bounds: WindowBounds, _ kept: KeptRows?, _ row: Int) -> Int? {
    var found: Int?
    bounds.forEachPart(row) { lower, upper in
      guard found == nil, lower < upper else { return }
      guard let kept else {
        found = lower
        return
      }
      let range = kept.range(lower, upper)
      if range.lower < range.upper { found = kept.positions[range.lower] }
    }
    return found
  }

  @inline(__always)
  private static func last(_ bounds: WindowBounds, _ kept: KeptRows?, _ row: Int) -> Int? {
    var found: Int?
    bounds.forEachPart(row) { lower, upper in
      guard lower < upper else { return }
      guard let kept else {
        found = upper - 1
        return
      }
      let range = kept.range(lower, upper)
      if range.lower < range.upper { found = kept.positions[range.upper - 1] }
    }
    return found
  }

  @inline(__always)
  private static func nth(
    _ bounds: WindowBounds, _ kept: KeptRows?, _ row: Int, _ number: Int64
  ) -> Int? {
    var found: Int?
    var left = number
    bounds.forEachPart(row) { lower, upper in
      guard found == nil, lower < upper else { return }
      let range = kept?.range(lower, upper) ?? (lower: lower, upper: upper)
      let size = Int64(range.upper - range.lower)
      if left <= size {
        let place = range.lower + Int(left) - 1
        found = kept.map { $0.positions[place] } ?? place
      } else {
        left -= size
      }
    }
    return found
  }
}
