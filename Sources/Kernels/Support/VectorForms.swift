import Vectors

/// How kernels deal with the four forms of a vector: each distinct stored value is computed once where that
/// is cheaper, and the result keeps the form.
enum VectorForms {
  typealias FlatKernel = (Vector) throws(StoaError) -> Vector

  /// Applies `kernel`, which takes a flat vector and maps NULL to NULL, to `vector` of any form.
  ///
  /// A dictionary may hold entries that no row uses, so an error there only means that the rows themselves
  /// must be asked.
  static func map(_ vector: Vector, _ kernel: FlatKernel) throws(StoaError) -> Vector {
    switch vector.form {
    case .flat: return try kernel(vector)
    case .constant:
      guard vector.count > 0 else { return try kernel(vector.flattened()) }
      let one = try kernel(vector.resizedConstant(count: 1).flattened())
      return one.constant(ofRow: 0, count: vector.count)
    case .dictionary:
      let entries = vector.child!
      guard entries.count > 0, entries.count <= vector.count else {
        return try kernel(vector.flattened())
      }
      let mapped: Vector
      do { mapped = try kernel(entries) } catch { return try kernel(vector.flattened()) }
      return vector.replacingDictionary(with: mapped)
    case .runs:
      guard vector.count > 0 else { return try kernel(vector.flattened()) }
      return vector.replacingRunValues(with: try kernel(vector.child!))
    }
  }

  /// Calls `kernel` with arguments that are all flat or constant without NULL, at least one of them flat.
  ///
  /// All constant: computed for one row. With `propagatesNull` a constant NULL makes a constant NULL, and
  /// one dictionary or run-length argument among constants is computed once per entry or run.
  static func apply(
    _ arguments: [Vector], rowCount: Int, resultType: LogicalType, propagatesNull: Bool,
    _ kernel: ([Vector], Int) throws(StoaError) -> Vector
  ) throws(StoaError) -> Vector {
    if propagatesNull, arguments.contains(where: \.isConstantNull) {
      return Vector(constant: .null, type: resultType, count: rowCount)
    }
    if rowCount > 0, arguments.allSatisfy({ $0.form == .constant }) {
      let one = try kernel(arguments.map { $0.resizedConstant(count: 1).flattened() }, 1)
      return one.constant(ofRow: 0, count: rowCount)
    }
    if propagatesNull, let only = soleVarying(arguments), arguments[only].form != .flat {
      return try map(arguments[only]) { (flat: Vector) throws(StoaError) -> Vector in
        var resized = arguments.map {
          $0.form == .constant ? $0.resizedConstant(count: flat.count) : $0
        }
        resized[only] = flat
        return try kernel(resized, flat.count)
      }
    }
    return try kernel(
      arguments.map { $0.form == .constant ? $0.plainConstant : $0.flattened() }, rowCount)
  }

  /// The number of the only argument that is not constant.
  private static func soleVarying(_ arguments: [Vector]) -> Int? {
    var found: Int?
    for (number, argument) in arguments.enumerated() where argument.form != .constant {
      guard found == nil else { return nil }
      found = number
    }
    return found
  }

  /// Rows that are not NULL in any of `arguments` (flat or constant); `nil` means all.
  static func commonValidity(_ arguments: [Vector]) -> Validity? {
    var mask: Validity?
    for argument in arguments where argument.form == .flat {
      mask = Validity.intersection(mask, argument.validity)
    }
    return mask
  }
}

extension Vector {
  /// A constant NULL becomes flat, because kernels that do not propagate NULL look for NULLs by row.
  fileprivate var plainConstant: Vector { isConstantNull ? flattened() : self }
}

/// Values of a flat or constant vector by row; the vector must outlive it.
struct RowReader<T: BitwiseCopyable> {
  let base: UnsafePointer<T>
  /// All ones for a flat vector, zero for a constant.
  let mask: Int

  @inline(__always)
  init(_ vector: Vector) {
    base = vector.base.assumingMemoryBound(to: T.self)
    mask = vector.form == .constant ? 0 : -1
  }

  @inline(__always)
  subscript(row: Int) -> T { base[row & mask] }
}

/// A new flat vector being filled by position: every slot is written by the kernel, NULLs as they come.
struct FlatResult<T: PhysicalValue> {
  let buffer: Buffer
  let values: UnsafeMutablePointer<T>

  init(count: Int) {
    buffer = Buffer(of: T.self, count: max(1, count))
    values = buffer.typed(T.self)
  }

  func vector(
    _ type: LogicalType, count: Int, validity: Validity? = nil, owners: [AnyObject] = []
  ) -> Vector {
    Vector(flat: buffer, type: type, count: count, validity: validity, owners: owners)
  }
}

/// NULLs found while computing: a bit per row, all valid at first.
struct NullMask {
  private var buffer: Buffer?
  private let count: Int
  private let initial: Validity?

  /// Starts with the rows that `initial` marks NULL.
  init(count: Int, startingWith initial: Validity? = nil) {
    self.count = count
    self.initial = initial
  }

  mutating func setNull(_ row: Int) {
    if buffer == nil { makeBuffer() }
    buffer!.typed(UInt64.self)[row >> 6] &= ~(1 << UInt64(truncatingIfNeeded: row & 63))
  }

  private mutating func makeBuffer() {
    let wordCount = Validity.wordCount(count)
    let made = Buffer(byteCount: max(1, wordCount) * 8)
    let words = made.typed(UInt64.self)
    for index in 0..<wordCount { words[index] = initial?.words[index] ?? .max }
    buffer = made
  }

  /// The mask, or `nil` when no row is NULL.
  var validity: Validity? {
    guard let buffer else { return initial }
    let mask = Validity(adopting: buffer, count: count)
    return mask.nullCount == 0 ? nil : mask
  }
}
