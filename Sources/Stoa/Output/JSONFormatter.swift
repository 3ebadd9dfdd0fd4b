import Kernels
import Vectors

/// JSON objects, one per row: in one array, or one to a line. Integers and decimals keep all their digits
/// (readers that want doubles may round them); what JSON has no number for (`nan`, `inf`) is a text.
/// Columns of the same name get `:1`, `:2` … after it, because objects need distinct keys.
public struct JSONFormatter: ResultFormatter {
  private let isArray: Bool
  private var keys: [[UInt8]] = []
  private var isNumber: [Bool] = []
  private var rowCount = 0

  /// A writer of one result: an array of objects, or an object per line.
  public init(isArray: Bool) { self.isArray = isArray }

  /// Writes the opening bracket of an array.
  public mutating func begin(_ columns: [ResultColumn], to bytes: inout [UInt8]) {
    var used: Set<String> = []
    for column in columns {
      var name = column.name
      var number = 1
      while !used.insert(name).inserted {
        name = "\(column.name):\(number)"
        number += 1
      }
      var key: [UInt8] = []
      JSONFormatter.appendString(Array(name.utf8)[...], to: &key)
      keys.append(key + [0x3A])
      isNumber.append(column.type.isNumeric || column.type == .boolean)
    }
    if isArray { bytes.append(0x5B) }
  }

  /// Writes rows.
  public mutating func append(_ batch: Batch, to bytes: inout [UInt8]) {
    var text: [UInt8] = []
    for row in 0..<batch.rowCount {
      if isArray { bytes.append(text: rowCount == 0 ? "" : ",\n") }
      rowCount += 1
      bytes.append(0x7B)
      for (index, column) in batch.columns.enumerated() {
        if index > 0 { bytes.append(0x2C) }
        bytes.append(contentsOf: keys[index])
        guard column.isValid(row) else {
          bytes.append(text: "null")
          continue
        }
        text.removeAll(keepingCapacity: true)
        TextFormatter.append(column, row: row, to: &text)
        if isNumber[index], JSONFormatter.isPlainValue(text) {
          bytes.append(contentsOf: text)
        } else {
          JSONFormatter.appendString(text[...], to: &bytes)
        }
      }
      bytes.append(0x7D)
      if !isArray { bytes.append(0x0A) }
    }
  }

  /// Writes the closing bracket of an array.
  public mutating func end(footer: String?, to bytes: inout [UInt8]) {
    if isArray { bytes.append(text: "]\n") }
  }

  /// Numbers and booleans, but neither `nan` nor `inf`.
  private static func isPlainValue(_ text: [UInt8]) -> Bool {
    guard let last = text.last else { return false }
    return (last >= 0x30 && last <= 0x39) || text.elementsEqual("true".utf8)
      || text.elementsEqual("false".utf8)
  }

  /// `text` in quotes, with what JSON wants escaped.
  static func appendString(_ text: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
    bytes.append(0x22)
    for byte in text {
      switch byte {
      case 0x22: bytes.append(text: "\\\"")
      case 0x5C: bytes.append(text: "\\\\")
      case 0x0A: bytes.append(text: "\\n")
      case 0x0D: bytes.append(text: "\\r")
      case 0x09: bytes.append(text: "\\t")
      case 0..<0x20:
        bytes.append(text: "\\u00")
        bytes.append(Array("0123456789abcdef".utf8)[Int(byte >> 4)])
        bytes.append(Array("0123456789abcdef".utf8)[Int(byte & 15)])
      default: bytes.append(byte)
      }
    }
    bytes.append(0x22)
  }
}
