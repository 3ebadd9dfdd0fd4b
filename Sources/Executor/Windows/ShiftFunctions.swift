import Kernels
import SQL
import Vectors

/// lag and lead: the value some rows before or after, within the partition.
enum ShiftFunctions {
  static func evaluate(
    _ function: WindowProgram.Function, _ section: WindowSection
  ) throws(StoaError) -> Vector {
    let values = section.vector(function.arguments[0])
    let offsets = section.vector(function.arguments[1])
    let otherwise = function.arguments.count > 2 ? section.vector(function.arguments[2]) : nil
    let count = section.rowCount
    let positions = RowNumbers(count: count)
    var isPresent = [UInt8](repeating: 0, count: count + 1)
    let kept = function.call.ignoresNulls ? KeptRows.notNull(values) : nil
    fill(positions, &isPresent, function, section, offsets, kept)
    let picked = isPresent.withUnsafeBufferPointer {
      values.picked(positions, isPresent: $0.baseAddress, count: count)
    }
    guard let otherwise else { return nullWhereUnknown(picked, offsets) }
    return nullWhereUnknown(
      merged(picked, otherwise, isPresent, function.call.resultType), offsets)
  }

  /// Finds the row for each row; rows that are out of the partition stay absent.
  private static func fill(
    _ positions: RowNumbers, _ isPresent: inout [UInt8], _ function: WindowProgram.Function,
    _ section: WindowSection, _ offsets: Vector, _ kept: KeptRows?
  ) {
    let partitions = section.boundaries(function.partitionCount)
    let sign = function.call.function == .lead ? 1 : -1
    let flat = offsets.form == .constant ? offsets : offsets.flattened()
    let mask = flat.form == .constant ? 0 : -1
    if flat.isConstantNull {
      positions.pointer.update(repeating: 0, count: section.rowCount)
      return
    }
    flat.withValues(as: Int64.self) { shifts in
      for partition in 0..<partitions.count {
        let start = partitions.starts[partition]
        let end = partitions.starts[partition + 1]
        for row in start..<end {
          positions.pointer[row] = UInt32(truncatingIfNeeded: row)
          // Any distance past the partition is as good as another.
          let shift = sign * Int(min(max(shifts[row & mask], -1 << 40), 1 << 40))
          guard let target = target(of: row, shift, start..<end, kept) else { continue }
          positions.pointer[row] = UInt32(truncatingIfNeeded: target)
          isPresent[row] = 1
        }
      }
    }
  }

  @inline(__always)
  private static func target(
    of row: Int, _ shift: Int, _ partition: Range<Int>, _ kept: KeptRows?
  ) -> Int? {
    guard let kept else {
      let target = row + shift
      return target >= partition.lowerBound && target < partition.upperBound ? target : nil
    }
    if shift == 0 { return row }
    // Of the rows with a value, the first after this one is number 1, the last before it number −1.
    let isKept = kept.before[row + 1] > kept.before[row]
    let number =
      shift < 0 ? kept.before[row] + shift : kept.before[row] + shift - (isKept ? 0 : 1)
    guard number >= kept.before[partition.lowerBound], number < kept.before[partition.upperBound]
    else { return nil }
    return kept.positions[number]
  }

  /// `picked` where a row was found, else `otherwise`.
  private static func merged(
    _ picked: Vector, _ otherwise: Vector, _ isPresent: [UInt8], _ type: LogicalType
  ) -> Vector {
    let count = picked.count
    var builder = VectorBuilder(type: type, capacity: 2 * count)
    builder.append(picked)
    builder.append(otherwise)
    let both = builder.finish()
    let choice = RowNumbers(count: count)
    for row in 0..<count {
      choice.pointer[row] = UInt32(truncatingIfNeeded: isPresent[row] != 0 ? row : count + row)
    }
    return both.gather(choice.pointer, count: count)
  }

  /// An offset that is NULL makes the result NULL.
  private static func nullWhereUnknown(_ result: Vector, _ offsets: Vector) -> Vector {
    guard offsets.mayHaveNulls else { return result }
    let flat = offsets.flattened()
    let identity = RowNumbers(count: result.count)
    var isPresent = [UInt8](repeating: 0, count: result.count + 1)
    for row in 0..<result.count {
      identity.pointer[row] = UInt32(truncatingIfNeeded: row)
      isPresent[row] = flat.isValid(row) ? 1 : 0
    }
    return isPresent.withUnsafeBufferPointer {
      result.picked(identity, isPresent: $0.baseAddress, count: result.count)
    }
  }
}
