import Kernels
import SQL
import Vectors

/// Functions that number rows or divide partitions, whatever the frame.
enum RankingFunctions {
  /// - Parameters:
  ///   - carry: what is known of the partition that the section's first row goes on with.
  ///   - done: rows of that partition before the section.
  ///   - size: rows of that partition; 0 when the section is made of whole partitions.
  static func evaluate(
    _ function: WindowProgram.Function, _ section: WindowSection,
    _ carry: WindowCarry = WindowCarry(), done: Int = 0, size: Int = 0
  ) throws(StoaError) -> Vector {
    switch function.call.function {
    case .rowNumber: return integers(section, rowNumbers(function, section, carry))
    case .rank, .denseRank: return integers(section, ranks(function, section, carry))
    case .percentRank where size > 0:
      return portions(section, ranks(function, section, carry), size)
    case .cumeDist where size > 0: return portions(function, section, done, size)
    case .ntile where size > 0: return try tiles(function, section, carry, done, size)
    case .percentRank, .cumeDist: return shares(function, section)
    case .ntile: return try tiles(function, section)
    case .lag, .lead, .firstValue, .lastValue, .nthValue, .aggregate:
      throw StoaError(.inconsistency, "\(function.call.function.name) ranks nothing")
    }
  }

  private static func integers(_ section: WindowSection, _ buffer: Buffer) -> Vector {
    Vector(flat: buffer, type: .bigint, count: section.rowCount)
  }

  private static func rowNumbers(
    _ function: WindowProgram.Function, _ section: WindowSection, _ carry: WindowCarry
  ) -> Buffer {
    let count = section.rowCount
    let buffer = Buffer(of: Int64.self, count: max(1, count))
    let out = buffer.typed(Int64.self)
    let levels = section.levels
    let keyCount = function.partitionCount
    var number = carry.number
    for row in 0..<count {
      number = Int(levels[row]) <= keyCount ? 1 : number &+ 1
      out[row] = number
    }
    carry.number = number
    return buffer
  }

  private static func ranks(
    _ function: WindowProgram.Function, _ section: WindowSection, _ carry: WindowCarry
  ) -> Buffer {
    let count = section.rowCount
    let buffer = Buffer(of: Int64.self, count: max(1, count))
    let out = buffer.typed(Int64.self)
    let levels = section.levels
    let isDense = function.call.function == .denseRank
    var number = carry.number
    var rank = carry.rank
    for row in 0..<count {
      let level = Int(levels[row])
      if level <= function.partitionCount {
        (number, rank) = (1, 1)
      } else {
        number &+= 1
        if level <= function.peerCount { rank = isDense ? rank &+ 1 : number }
      }
      out[row] = rank
    }
    (carry.number, carry.rank) = (number, rank)
    return buffer
  }

  /// percent_rank in a partition of `size` rows, from ranks.
  private static func portions(_ section: WindowSection, _ ranks: Buffer, _ size: Int) -> Vector {
    let buffer = Buffer(of: Double.self, count: max(1, section.rowCount))
    let out = buffer.typed(Double.self)
    let source = ranks.typed(Int64.self)
    for row in 0..<section.rowCount {
      out[row] = size > 1 ? Double(source[row] - 1) / Double(size - 1) : 0
    }
    return Vector(flat: buffer, type: .double, count: section.rowCount)
  }

  /// cume_dist in a partition of `size` rows of which `done` came before; peers are not cut.
  private static func portions(
    _ function: WindowProgram.Function, _ section: WindowSection, _ done: Int, _ size: Int
  ) -> Vector {
    let buffer = Buffer(of: Double.self, count: max(1, section.rowCount))
    let out = buffer.typed(Double.self)
    let peers = section.boundaries(function.peerCount)
    for group in 0..<peers.count {
      let end = peers.starts[group + 1]
      (out + peers.starts[group]).update(
        repeating: Double(done + end) / Double(size), count: end - peers.starts[group])
    }
    return Vector(flat: buffer, type: .double, count: section.rowCount)
  }

  /// ntile in a partition of `size` rows of which `done` came before.
  private static func tiles(
    _ function: WindowProgram.Function, _ section: WindowSection, _ carry: WindowCarry,
    _ done: Int, _ size: Int
  ) throws(StoaError) -> Vector {
    if carry.tileCount == nil {
      carry.tileCount = .some(
        section.vector(function.arguments[0]).value(at: 0).integer.map {
          Int64(truncatingIfNeeded: $0)
        })
    }
    guard let tileCount = carry.tileCount ?? nil else {
      return Vector.nulls(type: .bigint, count: section.rowCount)
    }
    guard tileCount > 0 else {
      throw StoaError(.evaluation, "argument of ntile must be greater than zero")
    }
    let (least, larger) = Int64(size).quotientAndRemainder(dividingBy: tileCount)
    let buffer = Buffer(of: Int64.self, count: max(1, section.rowCount))
    let out = buffer.typed(Int64.self)
    // The first tiles have a row more.
    let inLarger = larger * (least + 1)
    for row in 0..<section.rowCount {
      let place = Int64(done + row)
      out[row] =
        place < inLarger ? place / (least + 1) + 1 : larger + (place - inLarger) / max(1, least) + 1
    }
    return Vector(flat: buffer, type: .bigint, count: section.rowCount)
  }

  /// percent_rank: rows of earlier peer groups among the other rows; cume_dist: rows up to the last peer among all.
  private static func shares(
    _ function: WindowProgram.Function, _ section: WindowSection
  ) -> Vector {
    let buffer = Buffer(of: Double.self, count: max(1, section.rowCount))
    let out = buffer.typed(Double.self)
    let partitions = section.boundaries(function.partitionCount)
    let peers = section.boundaries(function.peerCount)
    let isCumulative = function.call.function == .cumeDist
    var group = 0
    for partition in 0..<partitions.count {
      let start = partitions.starts[partition]
      let end = partitions.starts[partition + 1]
      while group < peers.count, peers.starts[group] < end {
        let from = peers.starts[group]
        let to = peers.starts[group + 1]
        let share: Double
        if isCumulative {
          share = Double(to - start) / Double(end - start)
        } else {
          share = end - start > 1 ? Double(from - start) / Double(end - start - 1) : 0
        }
        (out + from).update(repeating: share, count: to - from)
        group += 1
      }
    }
    return Vector(flat: buffer, type: .double, count: section.rowCount)
  }

  /// Tiles of equal size, the first ones with a row more; the number of tiles is that of the partition's first row.
  private static func tiles(
    _ function: WindowProgram.Function, _ section: WindowSection
  ) throws(StoaError) -> Vector {
    let tileCounts = section.vector(function.arguments[0]).flattened()
    let buffer = Buffer(of: Int64.self, count: max(1, section.rowCount))
    let out = buffer.typed(Int64.self)
    let partitions = section.boundaries(function.partitionCount)
    var nulls: [Range<Int>] = []
    try tileCounts.withValues(as: Int64.self) { (counts) throws(StoaError) in
      for partition in 0..<partitions.count {
        let start = partitions.starts[partition]
        let end = partitions.starts[partition + 1]
        guard tileCounts.isValid(start) else {
          nulls.append(start..<end)
          (out + start).update(repeating: 0, count: end - start)
          continue
        }
        guard counts[start] > 0 else {
          throw StoaError(.evaluation, "argument of ntile must be greater than zero")
        }
        fillTiles(out + start, Int64(end - start), counts[start])
      }
    }
    var validity: Validity?
    if !nulls.isEmpty {
      var isValid = [UInt8](repeating: 1, count: section.rowCount)
      for range in nulls { for row in range { isValid[row] = 0 } }
      validity = Validity.make(fromBytes: isValid, count: section.rowCount)
    }
    return Vector(flat: buffer, type: .bigint, count: section.rowCount, validity: validity)
  }

  private static func fillTiles(
    _ out: UnsafeMutablePointer<Int64>, _ rowCount: Int64, _ tileCount: Int64
  ) {
    let (size, larger) = rowCount.quotientAndRemainder(dividingBy: tileCount)
    var row = 0
    var tile: Int64 = 1
    while Int64(row) < rowCount {
      let rows = Int(size + (tile <= larger ? 1 : 0))
      (out + row).update(repeating: tile, count: rows)
      row += rows
      tile += 1
    }
  }
}
