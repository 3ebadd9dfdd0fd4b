import Kernels
import Vectors

// Flat JSON: one object after the other (a line each, or however), or one array of objects. Objects are cut off the input
// by counting brackets outside of strings, so only one has to fit into memory.
//
// Columns are the names of members in order of first appearance in a sample; a column has the narrowest type that all
// its sampled values fit: BOOLEAN, BIGINT, HUGEINT, DOUBLE, DATE, TIMESTAMP, else VARCHAR. Members that are
// missing are NULL.

/// Objects of JSON files, as rows.
public final class JSONReader {
  /// A column: the member's name and what its values become.
  public struct Column: Sendable, Hashable {
    public var name: String
    public var type: LogicalType
  }

  /// Objects looked at to find columns, unless said otherwise.
  public static let defaultSampleCount = 20_480
  private static let maximalObjectByteCount = 1 << 28

  private let inputs: [TextInput]
  private let columns: [Column]
  private let places: [String: Int]
  private var nextInput = 0
  private var source: (any ByteSource)?
  private var buffer: [UInt8] = []
  private var start = 0
  private var isAtEnd = false
  private var isArray = false
  private var isArrayClosed = false
  private var rowInFile = 0

  /// - Parameter columns: members to read; others are left out.
  public init(_ inputs: [TextInput], columns: [Column]) {
    self.inputs = inputs
    self.columns = columns
    places = Dictionary(
      columns.enumerated().map { ($0.element.name, $0.offset) },
      uniquingKeysWith: { first, _ in first })
  }

  /// Columns of the files.
  /// - Throws: `.input` when they hold no objects.
  public static func detect(
    _ inputs: [TextInput], sampleCount: Int = JSONReader.defaultSampleCount
  ) throws(StoaError) -> [Column] {
    let reader = JSONReader(inputs, columns: [])
    var names: [String] = []
    var guesses: [String: JSONTypeGuess] = [:]
    var count = 0
    while count < sampleCount, let members = try reader.nextObject() {
      for (name, cell) in members {
        if guesses[name] == nil { names.append(name) }
        guesses[name, default: JSONTypeGuess()].add(cell)
      }
      count += 1
    }
    guard !names.isEmpty else {
      throw StoaError(.input, "there is no JSON object with members", path: inputs.first?.name)
    }
    return names.map { Column(name: $0, type: guesses[$0]?.type ?? .varchar) }
  }

  /// The next rows, at most `capacity`; `nil` at the end of the last file.
  public func next(capacity: Int) throws(StoaError) -> Batch? {
    var values = columns.map { _ in [Value]() }
    var count = 0
    while count < capacity, let members = try nextObject() {
      var cells = [JSONCell](repeating: .null, count: columns.count)
      for (name, cell) in members { if let place = places[name] { cells[place] = cell } }
      for (index, cell) in cells.enumerated() {
        values[index].append(try value(cell, columns[index]))
      }
      count += 1
    }
    if count == 0 { return nil }
    let vectors = zip(columns, values).map { Vector.make($0.type, $1) }
    return Batch(columns: vectors, rowCount: count)
  }

  private func value(_ cell: JSONCell, _ column: Column) throws(StoaError) -> Value {
    switch (cell, column.type) {
    case (.null, _): return .null
    case (.boolean(let flag), .boolean): return .boolean(flag)
    case (.boolean(let flag), _): return try converted(flag ? "true" : "false", column)
    case (.number(let text), _): return try converted(text, column)
    case (.string(let text), _): return try converted(text, column)
    case (.nested(let text), _): return try converted(text, column)
    }
  }

  private func converted(_ text: String, _ column: Column) throws(StoaError) -> Value {
    if column.type == .varchar { return .string(text) }
    do throws(StoaError) {
      return try Cast.apply(.string(text), from: .varchar, to: column.type)
    } catch {
      throw StoaError(
        .input, "row \(rowInFile) is no \(column.type): '\(text.prefix(100))'",
        hint: "The types were found by looking at the first rows; look at more with sample_size",
        path: fileName, column: column.name)
    }
  }

  private var fileName: String? { nextInput > 0 ? inputs[nextInput - 1].name : nil }

  // MARK: cutting objects

  private func nextObject() throws(StoaError) -> [(name: String, cell: JSONCell)]? {
    while true {
      if source == nil {
        guard nextInput < inputs.count else { return nil }
        try open()
      }
      if let members = try objectOfFile() { return members }
      source = nil
    }
  }

  private func open() throws(StoaError) {
    source = try inputs[nextInput].open()
    nextInput += 1
    buffer = []
    start = 0
    isAtEnd = false
    isArrayClosed = false
    rowInFile = 0
    // A byte-order mark says nothing.
    if try byte(at: 2) != nil, buffer.starts(with: [0xEF, 0xBB, 0xBF]) { start = 3 }
    isArray = try firstByte() == 0x5B
    if isArray { start += 1 }
  }

  /// The byte `offset` places on; `nil` past the end of the file.
  private func byte(at offset: Int) throws(StoaError) -> UInt8? {
    while start + offset >= buffer.count {
      guard try readMore() else { return nil }
    }
    return buffer[start + offset]
  }

  private func readMore() throws(StoaError) -> Bool {
    guard !isAtEnd, let source else { return false }
    if start > 1 << 20 {
      buffer.removeFirst(start)
      start = 0
    }
    let size = 1 << 18
    let old = buffer.count
    buffer.append(contentsOf: repeatElement(0, count: size))
    var failure: StoaError?
    let count = buffer.withUnsafeMutableBytes { bytes -> Int in
      guard let base = bytes.baseAddress else { return 0 }
      do throws(StoaError) {
        return try source.read(into: base + old, count: size)
      } catch {
        failure = error
        return 0
      }
    }
    buffer.removeLast(size - count)
    if let failure { throw failure }
    if count == 0 { isAtEnd = true }
    return count > 0
  }

  /// The next byte that is no white space.
  private func firstByte() throws(StoaError) -> UInt8? {
    while let byte = try byte(at: 0) {
      guard byte == 0x20 || (0x09...0x0D).contains(byte) else { return byte }
      start += 1
    }
    return nil
  }

  private func objectOfFile() throws(StoaError) -> [(name: String, cell: JSONCell)]? {
    guard var first = try firstByte() else {
      guard !isArray || isArrayClosed else { throw refusal("the array does not end") }
      return nil
    }
    if isArray {
      if isArrayClosed { throw refusal("there is more after the array") }
      if first == 0x5D {
        start += 1
        isArrayClosed = true
        return try objectOfFile()
      }
      if rowInFile > 0 {
        guard first == 0x2C else { throw refusal("expected , or ]") }
        start += 1
        guard let next = try firstByte() else { throw refusal("the array does not end") }
        first = next
      }
    } else if rowInFile > 0, first == 0x2C {
      throw refusal("objects are not separated by commas outside of an array")
    }
    guard first == 0x7B else { throw refusal("expected an object: {…}") }
    let count = try objectByteCount()
    rowInFile += 1
    let range = start..<start + count
    start += count
    let result = buffer.withUnsafeBufferPointer { bytes in
      var parser = JSONObjectParser(UnsafeBufferPointer(rebasing: bytes[range]))
      return Result { () throws(JSONObjectParser.Failure) in try parser.members() }
    }
    switch result {
    case .success(let members): return members
    case .failure(let failure):
      throw refusal("\(failure.reason) at byte \(failure.offset + 1) of it")
    }
  }

  /// Bytes from the opening bracket at `start` to the one that closes it.
  private func objectByteCount() throws(StoaError) -> Int {
    var depth = 0
    var isInString = false
    var offset = 0
    while let byte = try byte(at: offset) {
      offset += 1
      if isInString {
        if byte == 0x5C {
          offset += 1
        } else if byte == 0x22 {
          isInString = false
        }
        continue
      }
      switch byte {
      case 0x22: isInString = true
      case 0x7B, 0x5B: depth += 1
      case 0x7D, 0x5D:
        depth -= 1
        if depth == 0 { return offset }
      default: break
      }
      guard offset <= JSONReader.maximalObjectByteCount else {
        throw refusal("an object is larger than 256 MB")
      }
    }
    rowInFile += 1
    throw refusal("the object does not end")
  }

  private func refusal(_ reason: String) -> StoaError {
    StoaError(.input, "no valid JSON in row \(max(1, rowInFile)): \(reason)", path: fileName)
  }
}

/// The narrowest type of the values seen.
private struct JSONTypeGuess {
  private enum Kind: Int { case nothing, boolean, integer, huge, double, date, timestamp, text }

  private var kind = Kind.nothing

  var type: LogicalType {
    switch kind {
    case .nothing, .text: .varchar
    case .boolean: .boolean
    case .integer: .bigint
    case .huge: .hugeint
    case .double: .double
    case .date: .date
    case .timestamp: .timestamp
    }
  }

  mutating func add(_ cell: JSONCell) {
    guard kind != .text else { return }
    let other = JSONTypeGuess.kind(of: cell)
    if other == .nothing || other == kind { return }
    if kind == .nothing {
      kind = other
      return
    }
    let numbers = Kind.integer.rawValue...Kind.double.rawValue
    let times = Kind.date.rawValue...Kind.timestamp.rawValue
    let pair = [kind.rawValue, other.rawValue]
    let isOneFamily = pair.allSatisfy(numbers.contains) || pair.allSatisfy(times.contains)
    kind = isOneFamily ? (kind.rawValue > other.rawValue ? kind : other) : .text
  }

  private static func kind(of cell: JSONCell) -> Kind {
    switch cell {
    case .null: return .nothing
    case .boolean: return .boolean
    case .nested: return .text
    case .number(let text):
      if Int64(text) != nil { return .integer }
      if Int128(text) != nil { return .huge }
      return .double
    case .string(let text):
      guard text.utf8.count >= 8, text.utf8.count <= 32,
        text.utf8.first.map({ (0x30...0x39).contains($0) }) ?? false
      else { return .text }
      if text.utf8.count <= 10, fits(text, .date) { return .date }
      return fits(text, .timestamp) ? .timestamp : .text
    }
  }

  private static func fits(_ text: String, _ type: LogicalType) -> Bool {
    do throws(StoaError) {
      return try !Cast.apply(.string(text), from: .varchar, to: type).isNull
    } catch {
      return false
    }
  }
}
