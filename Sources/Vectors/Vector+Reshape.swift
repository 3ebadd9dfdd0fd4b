/// Changing the form or the rows of a vector without computing on its values.
extension Vector {
  /// The same rows as a flat vector; itself when flat already.
  public func flattened() -> Vector {
    switch form {
    case .flat: return self
    case .constant:
      guard validity == nil else { return Vector.nulls(type: type, count: count) }
      let target = Buffer(byteCount: max(1, count * type.physical.byteWidth))
      switch type.physical.byteWidth {
      case 1: Vector.fill(base, target, count, UInt8.self)
      case 2: Vector.fill(base, target, count, UInt16.self)
      case 4: Vector.fill(base, target, count, UInt32.self)
      case 8: Vector.fill(base, target, count, UInt64.self)
      default: Vector.fill(base, target, count, SIMD2<UInt64>.self)
      }
      return Vector(flat: target, type: type, count: count, owners: owners)
    case .dictionary:
      if child!.count == 0 { return Vector.nulls(type: type, count: count) }
      return withCodes { child!.gathered($0, count: count, validity: validity) }
    case .runs: return flattenedRuns()
    }
  }

  /// A flat vector of NULLs.
  public static func nulls(type: LogicalType, count: Int) -> Vector {
    let buffer = Buffer(byteCount: max(1, count * type.physical.byteWidth), zeroed: true)
    return Vector(
      flat: buffer, type: type, count: count, validity: count == 0 ? nil : .allNull(count: count))
  }

  /// The rows of `range`, sharing nothing that could be written; O(range) copies, no per-row dispatch.
  public func slice(_ range: Range<Int>) -> Vector {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "slice out of range")
    if range.lowerBound == 0 && range.upperBound == count { return self }
    switch form {
    case .constant: return resizedConstant(count: range.count)
    case .flat, .dictionary:
      let width = form == .flat ? type.physical.byteWidth : 4
      return Vector(
        type: type, count: range.count, form: form, base: base + range.lowerBound * width,
        storage: storage, validity: validity?.slice(range), child: child, owners: owners)
    case .runs: return sliceRuns(range)
    }
  }

  /// The rows at `positions`, in that order, repeats allowed; each must be below `count`. Constants stay
  /// constant, dictionaries keep their dictionary, runs become a dictionary over their run values.
  public func gather(_ positions: UnsafePointer<UInt32>, count: Int) -> Vector {
    gatherAny(positions, count: count)
  }

  /// The same for positions within a row group.
  public func gather(_ positions: UnsafePointer<UInt16>, count: Int) -> Vector {
    gatherAny(positions, count: count)
  }

  private func gatherAny<Index: FixedWidthInteger & UnsignedInteger>(
    _ positions: UnsafePointer<Index>, count: Int
  ) -> Vector {
    switch form {
    case .constant: return resizedConstant(count: count)
    case .flat:
      return gathered(positions, count: count, validity: nil)
    case .dictionary:
      let target = Buffer(byteCount: max(1, count * 4))
      Vector.gatherValues(base, positions, target, count, UInt32.self)
      return Vector(
        codes: target, count: count, dictionary: child!,
        validity: validity?.gather(positions, count: count))
    case .runs: return runsAsDictionary(positions, count: count)
    }
  }

  /// Flat rows at `positions`; `validity`, when given, applies to the result and replaces this vector's.
  private func gathered<Index: FixedWidthInteger & UnsignedInteger>(
    _ positions: UnsafePointer<Index>, count: Int, validity given: Validity?
  ) -> Vector {
    let target = Buffer(byteCount: max(1, count * type.physical.byteWidth))
    switch type.physical.byteWidth {
    case 1: Vector.gatherValues(base, positions, target, count, UInt8.self)
    case 2: Vector.gatherValues(base, positions, target, count, UInt16.self)
    case 4: Vector.gatherValues(base, positions, target, count, UInt32.self)
    case 8: Vector.gatherValues(base, positions, target, count, UInt64.self)
    default: Vector.gatherValues(base, positions, target, count, SIMD2<UInt64>.self)
    }
    let mask = given ?? validity?.gather(positions, count: count)
    return Vector(
      flat: target, type: type, count: count, validity: mask,
      owners: type.physical == .string ? stringOwners : [])
  }

  /// What keeps the string bytes of this vector alive, for vectors that copy its views.
  public var stringOwners: [AnyObject] {
    type.physical == .string ? (child.map { $0.stringOwners } ?? []) + owners : []
  }

  @inline(__always)
  private static func gatherValues<Index: FixedWidthInteger & UnsignedInteger, T: BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ positions: UnsafePointer<Index>, _ target: Buffer, _ count: Int,
    _: T.Type
  ) {
    let from = source.assumingMemoryBound(to: T.self)
    let to = target.typed(T.self)
    for row in 0..<count { to[row] = from[Int(truncatingIfNeeded: positions[row])] }
  }

  @inline(__always)
  private static func fill<T: BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ target: Buffer, _ count: Int, _: T.Type
  ) {
    target.typed(T.self).update(repeating: source.assumingMemoryBound(to: T.self)[0], count: count)
  }

  private func flattenedRuns() -> Vector {
    let codes = runCodes(0..<count)
    return codes.withCodes { child!.gathered($0, count: count, validity: nil) }
  }

  /// Run numbers of `rows` as a dictionary vector over the run values (NULL runs give NULL rows).
  private func runCodes(_ rows: Range<Int>) -> Vector {
    let target = Buffer(byteCount: max(1, rows.count * 4))
    let codes = target.typed(UInt32.self)
    withRunEnds { ends in
      var row = rows.lowerBound
      var run = rows.isEmpty ? 0 : self.run(containing: row)
      while row < rows.upperBound {
        let end = min(Int(ends[run]), rows.upperBound)
        (codes + (row - rows.lowerBound)).update(repeating: UInt32(run), count: end - row)
        row = end
        run += 1
      }
    }
    let mask = child!.validity?.gather(UnsafePointer(codes), count: rows.count)
    return Vector(
      codes: target, count: rows.count, dictionary: child!.ignoringNulls, validity: mask)
  }

  /// The same slots with no NULL marked; the caller carries the NULLs elsewhere.
  public var ignoringNulls: Vector {
    validity == nil
      ? self
      : Vector(
        type: type, count: count, form: form, base: base, storage: storage, validity: nil,
        child: child, owners: owners)
  }

  private func runsAsDictionary<Index: FixedWidthInteger & UnsignedInteger>(
    _ positions: UnsafePointer<Index>, count: Int
  ) -> Vector {
    let all = runCodes(0..<self.count)
    return all.gatherAny(positions, count: count)
  }

  private func sliceRuns(_ range: Range<Int>) -> Vector {
    guard !range.isEmpty else { return Vector.nulls(type: type, count: 0) }
    let first = run(containing: range.lowerBound)
    let last = run(containing: range.upperBound - 1)
    let target = Buffer(byteCount: (last - first + 1) * 4)
    let out = target.typed(UInt32.self)
    withRunEnds { ends in
      for run in first...last {
        out[run - first] = UInt32(min(Int(ends[run]), range.upperBound) - range.lowerBound)
      }
    }
    return Vector(runEnds: target, values: child!.slice(first..<(last + 1)), count: range.count)
  }
}
