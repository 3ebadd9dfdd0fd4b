/// Values of one column for the rows of a batch. Immutable once built, so workers share it freely; a class
/// because dictionaries are recognised by identity and because passing one costs one reference count.
///
/// Forms, and what the fields mean in each:
///
///   form        values                         validity                 child
///   flat        `count` values                 one bit per row          none
///   constant    one value                      one bit, or nil          none
///   dictionary  `count` UInt32 codes           one bit per row          the entries: flat, distinct or not
///   runs        UInt32 run ends, ascending     none (NULL is in child)  one value per run: flat
///
/// Invariants: codes of valid rows are below `child.count`, codes of NULL rows too (unless the dictionary is
/// empty, then all rows are NULL); the last run end is `count`; a NULL slot of a flat vector holds some
/// initialised value that kernels may compute with but must not report errors for.
public final class Vector: @unchecked Sendable {
  public enum Form: UInt8, Sendable { case flat, constant, dictionary, runs }

  public let type: LogicalType
  public let count: Int
  public let form: Form
  /// First value, code or run end; alive as long as the vector.
  public let base: UnsafeRawPointer
  /// NULLs by row; `nil` when there are none (or, for runs, when the child has them).
  public let validity: Validity?
  /// Dictionary entries or run values.
  public let child: Vector?
  /// Run ends, codes or values live here.
  public let storage: Buffer
  /// Whatever else must stay alive for string views: heaps, file buffers, other vectors.
  public let owners: [AnyObject]

  @usableFromInline init(
    type: LogicalType, count: Int, form: Form, base: UnsafeRawPointer, storage: Buffer,
    validity: Validity?, child: Vector?, owners: [AnyObject]
  ) {
    assert(validity == nil || validity!.count == (form == .constant ? 1 : count))
    self.type = type
    self.count = count
    self.form = form
    self.base = base
    self.storage = storage
    self.validity = validity
    self.child = child
    self.owners = owners
  }

  /// `count` values in `storage`. Bytes of long strings must belong to `owners`.
  public convenience init(
    flat storage: Buffer, type: LogicalType, count: Int, validity: Validity? = nil,
    owners: [AnyObject] = []
  ) {
    precondition(storage.byteCount >= count * type.physical.byteWidth, "buffer too small")
    precondition(validity == nil || validity!.count == count, "validity of another length")
    self.init(
      type: type, count: count, form: .flat, base: UnsafeRawPointer(storage.pointer),
      storage: storage, validity: validity.flatMap { $0.nullCount == 0 ? nil : $0 }, child: nil,
      owners: owners)
  }

  /// `count` times the same value.
  public convenience init(constant value: Value, type: LogicalType, count: Int) {
    let storage = Buffer(byteCount: 16, zeroed: true)
    var owners: [AnyObject] = []
    Vector.store(value, as: type.physical, at: storage.pointer, owners: &owners)
    self.init(
      type: type, count: count, form: .constant, base: UnsafeRawPointer(storage.pointer),
      storage: storage, validity: value.isNull ? .allNull(count: 1) : nil, child: nil,
      owners: owners)
  }

  /// One code per row into `dictionary`, a flat vector of the same type without NULLs.
  public convenience init(
    codes: Buffer, count: Int, dictionary: Vector, validity: Validity? = nil
  ) {
    precondition(dictionary.form == .flat, "dictionaries are flat")
    precondition(codes.byteCount >= count * 4, "buffer too small")
    precondition(validity == nil || validity!.count == count, "validity of another length")
    self.init(
      type: dictionary.type, count: count, form: .dictionary,
      base: UnsafeRawPointer(codes.pointer), storage: codes,
      validity: validity.flatMap { $0.nullCount == 0 ? nil : $0 }, child: dictionary, owners: [])
  }

  /// Run `i` covers rows up to `runEnds[i]` and has the value (or NULL) `values[i]`.
  public convenience init(runEnds: Buffer, values: Vector, count: Int) {
    precondition(values.form == .flat, "run values are flat")
    precondition(runEnds.byteCount >= values.count * 4, "buffer too small")
    let ends = runEnds.typed(UInt32.self)
    precondition(values.count == 0 ? count == 0 : Int(ends[values.count - 1]) == count)
    self.init(
      type: values.type, count: count, form: .runs, base: UnsafeRawPointer(runEnds.pointer),
      storage: runEnds, validity: nil, child: values, owners: [])
  }

  /// The same values under another logical type of the same physical type.
  public func retyped(_ type: LogicalType) -> Vector {
    precondition(type.physical == self.type.physical, "another physical type")
    return Vector(
      type: type, count: count, form: form, base: base, storage: storage, validity: validity,
      child: child?.retyped(type), owners: owners)
  }

  /// The same constant for another number of rows.
  public func resizedConstant(count: Int) -> Vector {
    precondition(form == .constant)
    return Vector(
      type: type, count: count, form: .constant, base: base, storage: storage, validity: validity,
      child: nil, owners: owners)
  }

  /// True when some row may be NULL; false is certain.
  public var mayHaveNulls: Bool { validity != nil || (form == .runs && child!.validity != nil) }

  /// A constant NULL.
  public var isConstantNull: Bool { form == .constant && validity != nil }
}

extension Vector {
  /// Calls `body` with the flat, constant (one) or run (via `child`) values as `T`; pointers are valid
  /// during the call only.
  @inlinable @inline(__always)
  public func withValues<T: BitwiseCopyable, R, E: Error>(
    as type: T.Type, _ body: (UnsafePointer<T>) throws(E) -> R
  ) throws(E) -> R {
    precondition(form == .flat || form == .constant, "neither flat nor constant")
    precondition(MemoryLayout<T>.stride == self.type.physical.byteWidth, "another physical type")
    defer { withExtendedLifetime(self) {} }
    return try body(base.assumingMemoryBound(to: T.self))
  }

  /// Calls `body` with the codes of a dictionary vector.
  @inlinable @inline(__always)
  public func withCodes<R, E: Error>(_ body: (UnsafePointer<UInt32>) throws(E) -> R) throws(E) -> R
  {
    precondition(form == .dictionary, "not a dictionary vector")
    defer { withExtendedLifetime(self) {} }
    return try body(base.assumingMemoryBound(to: UInt32.self))
  }

  /// Calls `body` with the run ends of a run-length vector; there are `child!.count` of them.
  @inlinable @inline(__always)
  public func withRunEnds<R, E: Error>(_ body: (UnsafePointer<UInt32>) throws(E) -> R) throws(E)
    -> R
  {
    precondition(form == .runs, "not a run-length vector")
    defer { withExtendedLifetime(self) {} }
    return try body(base.assumingMemoryBound(to: UInt32.self))
  }

  /// Whether `row` has a value. Not for loops over all rows of run-length vectors (binary search).
  public func isValid(_ row: Int) -> Bool {
    switch form {
    case .flat, .dictionary: validity?.isValid(row) ?? true
    case .constant: validity == nil
    case .runs: child!.isValid(run(containing: row))
    }
  }

  /// The run that covers `row`.
  public func run(containing row: Int) -> Int {
    withRunEnds { ends in
      var low = 0
      var high = child!.count - 1
      while low < high {
        let middle = (low + high) / 2
        if Int(ends[middle]) > row { high = middle } else { low = middle + 1 }
      }
      return low
    }
  }

  /// The value of one row, boxed. For edges (results, messages, tests), not for loops over a table.
  public func value(at row: Int) -> Value {
    precondition(row >= 0 && row < count, "row out of range")
    switch form {
    case .flat: return isValid(row) ? Vector.load(type, at: base, index: row) : .null
    case .constant: return validity == nil ? Vector.load(type, at: base, index: 0) : .null
    case .dictionary:
      guard isValid(row) else { return .null }
      return child!.value(at: withCodes { Int($0[row]) })
    case .runs: return child!.value(at: run(containing: row))
    }
  }

  /// All values, boxed; for tests and small results.
  public var allValues: [Value] { (0..<count).map { value(at: $0) } }

  static func load(_ type: LogicalType, at base: UnsafeRawPointer, index: Int) -> Value {
    func at<T: BitwiseCopyable>(_: T.Type) -> T { base.assumingMemoryBound(to: T.self)[index] }
    switch type.physical {
    case .bool: return .boolean(at(UInt8.self) != 0)
    case .int8: return .integer(Int128(at(Int8.self)))
    case .int16: return .integer(Int128(at(Int16.self)))
    case .int32: return .integer(Int128(at(Int32.self)))
    case .int64: return .integer(Int128(at(Int64.self)))
    case .int128: return .integer(at(Int128.self))
    case .float32: return .double(Double(at(Float.self)))
    case .float64: return .double(at(Double.self))
    case .string:
      let view = at(StringView.self)
      return type == .blob ? .bytes(view.withBytes { Array($0) }) : .string(view.string)
    }
  }

  /// Writes `value` (zero for NULL) as `physical`. A value of another kind is a programming error.
  static func store(
    _ value: Value, as physical: PhysicalType, at target: UnsafeMutableRawPointer,
    owners: inout [AnyObject]
  ) {
    switch (value, physical) {
    case (.null, _):
      target.initializeMemory(as: UInt8.self, repeating: 0, count: physical.byteWidth)
    case (.boolean(let bool), .bool): target.storeBytes(of: bool ? 1 : 0, as: UInt8.self)
    case (.integer(let v), .int8): target.storeBytes(of: Int8(v), as: Int8.self)
    case (.integer(let v), .int16): target.storeBytes(of: Int16(v), as: Int16.self)
    case (.integer(let v), .int32): target.storeBytes(of: Int32(v), as: Int32.self)
    case (.integer(let v), .int64): target.storeBytes(of: Int64(v), as: Int64.self)
    case (.integer(let v), .int128): target.storeBytes(of: v, as: Int128.self)
    case (.double(let v), .float32): target.storeBytes(of: Float(v), as: Float.self)
    case (.double(let v), .float64): target.storeBytes(of: v, as: Double.self)
    case (.string(let text), .string):
      let heap = StringHeap()
      target.storeBytes(of: heap.add(text), as: StringView.self)
      owners.append(heap)
    case (.bytes(let bytes), .string):
      let heap = StringHeap()
      target.storeBytes(of: bytes.withUnsafeBytes { heap.add($0) }, as: StringView.self)
      owners.append(heap)
    default: preconditionFailure("value \(value) does not fit \(physical)")
    }
  }
}
