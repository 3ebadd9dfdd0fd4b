import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A temporary file without a name: it goes away with the last descriptor, whatever happens to the program.
/// Several workers write and read it at the same time; what is written lives in this process only, so it
/// carries neither version nor checksum. Queries and loads use it alike.
public final class SpillFile: @unchecked Sendable {
  private let descriptor: Int32
  private let directory: String
  private let monitor = Monitor()
  private var end = 0

  /// - Throws: `.io` when the directory does not allow it.
  public init(directory: String) throws(StoaError) {
    self.directory = directory
    var template = Array("\(directory)/stoa-spill-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { mkstemp($0.baseAddress!) }
    guard made >= 0 else { throw SpillFile.failure("create a temporary file", in: directory) }
    _ = template.withUnsafeBufferPointer { unlink($0.baseAddress!) }
    descriptor = made
  }

  deinit { close(descriptor) }

  private static func failure(_ action: String, in directory: String) -> StoaError {
    StoaError(
      .io, "cannot \(action): \(String(cString: strerror(errno)))",
      hint: "Set temp_directory to a place with room", path: directory)
  }

  /// Appends `bytes`; returns where they begin.
  public func append(_ bytes: UnsafeRawBufferPointer) throws(StoaError) -> Int {
    let start = monitor.withLock {
      defer { end += bytes.count }
      return end
    }
    var written = 0
    while written < bytes.count {
      let count = pwrite(
        descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(start + written))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw SpillFile.failure("write a temporary file", in: directory) }
      written += count
    }
    return start
  }

  /// Reads `byteCount` bytes at `offset`.
  public func read(at offset: Int, byteCount: Int) throws(StoaError) -> Buffer {
    let buffer = Buffer(byteCount: byteCount)
    var filled = 0
    while filled < byteCount {
      let count = pread(
        descriptor, buffer.pointer + filled, byteCount - filled, off_t(offset + filled))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw SpillFile.failure("read a temporary file", in: directory) }
      filled += count
    }
    return buffer
  }

  /// Writes all rows of `batch`.
  func write(_ batch: Batch) throws(StoaError) -> SpilledBatch {
    var columns: [SpilledColumn] = []
    for column in batch.columns { columns.append(try write(column.flattened())) }
    return SpilledBatch(file: self, columns: columns, rowCount: batch.rowCount)
  }

  private func write(_ flat: Vector) throws(StoaError) -> SpilledColumn {
    var spilled = SpilledColumn(type: flat.type)
    let valueBytes = flat.count * flat.type.physical.byteWidth
    spilled.values = try append(UnsafeRawBufferPointer(start: flat.base, count: valueBytes))
    spilled.byteCount = valueBytes
    if let validity = flat.validity {
      let count = Validity.wordCount(flat.count) * 8
      spilled.validity = try append(UnsafeRawBufferPointer(start: validity.words, count: count))
      spilled.byteCount += count
    }
    if flat.type.physical == .string {
      let strings = SpillFile.longStrings(flat)
      spilled.stringByteCount = strings.byteCount
      spilled.byteCount += strings.byteCount
      spilled.strings = try append(strings.bytes)
      withExtendedLifetime(strings) {}
    }
    withExtendedLifetime(flat) {}
    return spilled
  }

  /// The bytes of all strings that do not fit their views, in row order.
  private static func longStrings(_ flat: Vector) -> Buffer {
    flat.withValues(as: StringView.self) { views in
      var byteCount = 0
      for row in 0..<flat.count where !views[row].isInline && flat.isValid(row) {
        byteCount += views[row].byteCount
      }
      let buffer = Buffer(byteCount: byteCount)
      var offset = 0
      for row in 0..<flat.count where !views[row].isInline && flat.isValid(row) {
        views[row].withBytes {
          guard let base = $0.baseAddress else { return }
          (buffer.pointer + offset).copyMemory(from: base, byteCount: $0.count)
        }
        offset += views[row].byteCount
      }
      return buffer
    }
  }
}

/// Where a column of a spilled batch lies.
struct SpilledColumn {
  var type: LogicalType
  var values = 0
  var validity: Int?
  var strings = 0
  var stringByteCount = 0
  var byteCount = 0

  init(type: LogicalType) { self.type = type }
}

/// A batch in a spill file.
struct SpilledBatch {
  let file: SpillFile
  let columns: [SpilledColumn]
  let rowCount: Int

  var byteCount: Int { columns.reduce(0) { $0 + $1.byteCount } }

  /// The rows, as flat vectors.
  func read() throws(StoaError) -> Batch {
    var vectors: [Vector] = []
    for column in columns { vectors.append(try read(column)) }
    return Batch(columns: vectors, rowCount: rowCount)
  }

  private func read(_ column: SpilledColumn) throws(StoaError) -> Vector {
    let width = column.type.physical.byteWidth
    let values = try file.read(at: column.values, byteCount: rowCount * width)
    var validity: Validity?
    if let offset = column.validity {
      let words = try file.read(at: offset, byteCount: Validity.wordCount(rowCount) * 8)
      validity = Validity(adopting: words, count: rowCount)
    }
    var owners: [AnyObject] = []
    if column.type.physical == .string && column.stringByteCount > 0 {
      let bytes = try file.read(at: column.strings, byteCount: column.stringByteCount)
      owners.append(bytes)
      let views = values.typed(StringView.self)
      var offset = 0
      for row in 0..<rowCount where !views[row].isInline && validity?.isValid(row) ?? true {
        let byteCount = views[row].byteCount
        views[row] = StringView(bytes.pointer + offset, byteCount: byteCount)
        offset += byteCount
      }
      if let validity {
        for row in 0..<rowCount where !validity.isValid(row) { views[row] = StringView() }
      }
    }
    return Vector(
      flat: values, type: column.type, count: rowCount, validity: validity, owners: owners)
  }
}
