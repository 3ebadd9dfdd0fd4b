/// Putting results computed once per dictionary entry, run or constant back into the form they came from.
extension Vector {
  /// The same codes over other entries, as many as the dictionary has; NULL entries make their rows NULL.
  public func replacingDictionary(with entries: Vector) -> Vector {
    precondition(form == .dictionary && entries.count == child!.count, "another dictionary")
    let flat = entries.flattened()
    var mask = validity
    if let entryValidity = flat.validity {
      mask = .intersection(mask, withCodes { entryValidity.gather($0, count: count) })
    }
    return Vector(
      type: flat.type, count: count, form: .dictionary, base: base, storage: storage,
      validity: mask.flatMap { $0.nullCount == 0 ? nil : $0 }, child: flat.ignoringNulls,
      owners: [])
  }

  /// The same runs with other values, one per run.
  public func replacingRunValues(with values: Vector) -> Vector {
    precondition(form == .runs && values.count == child!.count, "another number of runs")
    let flat = values.flattened()
    return Vector(
      type: flat.type, count: count, form: .runs, base: base, storage: storage, validity: nil,
      child: flat, owners: [])
  }

  /// The value of one row of a flat or constant vector, `count` times.
  public func constant(ofRow row: Int, count: Int) -> Vector {
    precondition(row >= 0 && row < self.count, "row out of range")
    if form == .constant { return resizedConstant(count: count) }
    guard form == .flat else { return flattened().constant(ofRow: row, count: count) }
    let buffer = Buffer(byteCount: 16, zeroed: true)
    let width = type.physical.byteWidth
    buffer.pointer.copyMemory(from: base + row * width, byteCount: width)
    return Vector(
      type: type, count: count, form: .constant, base: UnsafeRawPointer(buffer.pointer),
      storage: buffer, validity: isValid(row) ? nil : .allNull(count: 1), child: nil,
      owners: stringOwners)
  }
}
