import Kernels
import Vectors

/// Types without a fast way of their own: every field goes through the parser that casts use.
extension CSVColumnSink {
  func others(_ fields: CSVFields, _ firstRow: Int) {
    switch type {
    case .utinyint: converted(fields, firstRow, 0 as Int16) { unsigned($0, UInt8.self) }
    case .usmallint: converted(fields, firstRow, 0 as Int32) { unsigned($0, UInt16.self) }
    case .uinteger: converted(fields, firstRow, 0 as Int64) { unsigned($0, UInt32.self) }
    case .ubigint: converted(fields, firstRow, 0 as Int128) { unsigned($0, UInt64.self) }
    case .time: parsed(fields, firstRow, 0 as Int64, TextParser.parseTime)
    case .timestampTZ: parsed(fields, firstRow, 0 as Int64, TextParser.parseTimestampTZ)
    case .interval:
      parsed(fields, firstRow, 0 as Int128) { TextParser.parseInterval($0)?.packed }
    case .uuid: parsed(fields, firstRow, 0 as Int128, TextParser.parseUUID)
    case .enumeration(let labels):
      let codes = labels.codes
      parsed(fields, firstRow, 0 as Int32) {
        codes[Array($0)].map { Int32(truncatingIfNeeded: $0) }
      }
    case .blob:
      parsed(fields, firstRow, StringView()) { text in
        TextParser.parseBlob(text).map { self.heapView($0) }
      }
    default: assertionFailure("\(type) has a parser of its own")
    }
  }

  private func unsigned<U: FixedWidthInteger, T: FixedWidthInteger>(
    _ text: UnsafeBufferPointer<UInt8>, _: U.Type
  ) -> TextOutcome<T> {
    guard let value = TextParser.parseInt128(UnsafeRawBufferPointer(text)) else { return .invalid }
    return U(exactly: value).map { .value(T(truncatingIfNeeded: $0)) } ?? .outOfRange
  }

  private func parsed<T: BitwiseCopyable>(
    _ fields: CSVFields, _ firstRow: Int, _ placeholder: T,
    _ parse: (UnsafeRawBufferPointer) -> T?
  ) {
    converted(fields, firstRow, placeholder) { text in
      parse(UnsafeRawBufferPointer(text)).map { .value($0) } ?? .invalid
    }
  }

  private func converted<T: BitwiseCopyable>(
    _ fields: CSVFields, _ firstRow: Int, _ placeholder: T,
    _ convert: (UnsafeBufferPointer<UInt8>) -> TextOutcome<T>
  ) {
    let out = UnsafeMutableRawPointer(values.pointer).assumingMemoryBound(to: T.self) + firstRow
    eachField(fields) { row, start, end in
      out[row] = slow(firstRow &+ row, start, end, placeholder, convert)
    }
  }
}
