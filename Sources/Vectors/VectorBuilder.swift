/// Collects values of one column until `finish` makes a flat vector of them. Appending a boxed `Value` is for
/// edges; `append(vector)` and `withSpace` are for batches.
public struct VectorBuilder: ~Copyable {
  public let type: LogicalType
  public private(set) var count = 0
  private var buffer: Buffer
  private var capacity: Int
  private var invalidRows: [Int] = []
  private var heap: StringHeap?
  private var owners: [AnyObject] = []

  public init(type: LogicalType, capacity: Int = 64) {
    self.type = type
    self.capacity = max(1, capacity)
    buffer = Buffer(byteCount: self.capacity * type.physical.byteWidth)
  }

  /// Bytes held so far, for the memory budget.
  public var byteCount: Int { buffer.byteCount + (heap?.byteCount ?? 0) + invalidRows.count * 8 }

  /// Appends one boxed value; it must be NULL or of the kind of `type` and in its range.
  public mutating func append(_ value: Value) {
    reserve(1)
    let target = buffer.pointer + count * type.physical.byteWidth
    if case .string(let text) = value {
      target.storeBytes(of: makeView(text), as: StringView.self)
    } else if case .bytes(let bytes) = value {
      target.storeBytes(of: makeView(bytes), as: StringView.self)
    } else {
      Vector.store(value, as: type.physical, at: target, owners: &owners)
      if value.isNull { invalidRows.append(count) }
    }
    count += 1
  }

  /// Appends one string given by its bytes, copying them when they do not fit a view.
  public mutating func append(bytes: UnsafeRawBufferPointer) {
    reserve(1)
    if heap == nil { heap = StringHeap() }
    buffer.typed(StringView.self)[count] = heap!.add(bytes)
    count += 1
  }

  @inlinable public mutating func append<T: PhysicalValue>(_ value: T) {
    withSpace(1, as: T.self) { $0[0] = value }
  }

  public mutating func appendNull() { append(Value.null) }

  /// Appends all rows of `vector`, which has the same physical type. String bytes are shared, not copied.
  public mutating func append(_ vector: Vector) {
    precondition(vector.type.physical == type.physical, "another physical type")
    guard vector.count > 0 else { return }
    reserve(vector.count)
    let flat = vector.flattened()
    let width = type.physical.byteWidth
    (buffer.pointer + count * width).copyMemory(from: flat.base, byteCount: flat.count * width)
    if let validity = flat.validity {
      for row in 0..<flat.count where !validity.isValid(row) { invalidRows.append(count + row) }
    }
    if type.physical == .string { keepAlive(flat.stringOwners) }
    withExtendedLifetime(flat) {}
    count += vector.count
  }

  /// Room for `added` values that `body` must all write; they count as valid until `setNull`.
  @inlinable public mutating func withSpace<T: BitwiseCopyable>(
    _ added: Int, as type: T.Type, _ body: (UnsafeMutablePointer<T>) -> Void
  ) {
    body(space(added).assumingMemoryBound(to: T.self))
  }

  @usableFromInline mutating func space(_ added: Int) -> UnsafeMutableRawPointer {
    reserve(added)
    defer { count += added }
    return buffer.pointer + count * type.physical.byteWidth
  }

  /// Marks a row appended earlier as NULL. Rows must be marked in ascending order, each once.
  public mutating func setNull(_ row: Int) { invalidRows.append(row) }

  /// Objects that own bytes of string views written through `withSpace`.
  public mutating func keepAlive(_ added: [AnyObject]) {
    for owner in added where !(owners.last === owner) { owners.append(owner) }
  }

  /// The vector of everything appended; the builder is spent.
  public consuming func finish() -> Vector {
    if let heap { owners.append(heap) }
    var validity: Validity?
    if !invalidRows.isEmpty {
      let wordCount = Validity.wordCount(count)
      let mask = Buffer(byteCount: wordCount * 8)
      let words = mask.typed(UInt64.self)
      words.update(repeating: .max, count: wordCount)
      for row in invalidRows { words[row >> 6] &= ~(1 << UInt64(row & 63)) }
      validity = Validity(adopting: mask, count: count)
    }
    return Vector(flat: buffer, type: type, count: count, validity: validity, owners: owners)
  }

  private mutating func makeView(_ text: String) -> StringView {
    if heap == nil { heap = StringHeap() }
    return heap!.add(text)
  }

  private mutating func makeView(_ bytes: [UInt8]) -> StringView {
    if heap == nil { heap = StringHeap() }
    return bytes.withUnsafeBytes { heap!.add($0) }
  }

  private mutating func reserve(_ added: Int) {
    guard count + added > capacity else { return }
    let grown = max(count + added, capacity * 2)
    let target = Buffer(byteCount: grown * type.physical.byteWidth)
    target.pointer.copyMemory(from: buffer.pointer, byteCount: count * type.physical.byteWidth)
    buffer = target
    capacity = grown
  }
}

extension Vector {
  /// A flat vector of boxed values; for tests, literals and small tables.
  public static func make(_ type: LogicalType, _ values: [Value]) -> Vector {
    var builder = VectorBuilder(type: type, capacity: values.count)
    for value in values { builder.append(value) }
    return builder.finish()
  }

  /// A flat vector without NULLs from an array of its physical type.
  public static func make<T: PhysicalValue>(_ type: LogicalType, _ values: [T]) -> Vector {
    precondition(type.physical == T.physicalType, "another physical type")
    let buffer = Buffer(of: T.self, count: max(1, values.count))
    for (row, value) in values.enumerated() { buffer.typed(T.self)[row] = value }
    return Vector(flat: buffer, type: type, count: values.count)
  }
}
