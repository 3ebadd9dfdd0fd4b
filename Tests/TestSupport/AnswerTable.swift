/// An answer read from CSV (header, NULL as an empty field), for comparison with another one.
public struct AnswerTable: Sendable {
  public var header: [String]
  public var rows: [[String]]

  /// Reads RFC 4180 text; quotes around a field are removed.
  public init(csv: String) {
    var records: [[String]] = []
    var record: [String] = []
    var field: [UInt8] = []
    var isQuoted = false
    var isInside = false
    var hasContent = false
    func finishField() {
      record.append(String(decoding: field, as: UTF8.self))
      field = []
      isQuoted = false
    }
    for byte in csv.utf8 {
      hasContent = true
      if isInside {
        if byte == UInt8(ascii: "\"") { isInside = false } else { field.append(byte) }
      } else if byte == UInt8(ascii: "\"") {
        if isQuoted { field.append(byte) }
        isQuoted = true
        isInside = true
      } else if byte == UInt8(ascii: ",") {
        finishField()
      } else if byte == UInt8(ascii: "\n") {
        finishField()
        records.append(record)
        record = []
        hasContent = false
      } else if byte != UInt8(ascii: "\r") {
        field.append(byte)
      }
    }
    if hasContent {
      finishField()
      records.append(record)
    }
    header = records.first ?? []
    rows = Array(records.dropFirst())
  }

  /// The first difference to `expected`, or nil. Numbers are equal within 1e-9 of the larger; without
  /// `ordered` rows are compared as a multiset.
  public func difference(from expected: AnswerTable, ordered: Bool) -> String? {
    guard rows.count == expected.rows.count else {
      return "\(rows.count) rows, expected \(expected.rows.count)"
    }
    let mine = ordered ? rows : AnswerTable.sorted(rows)
    let theirs = ordered ? expected.rows : AnswerTable.sorted(expected.rows)
    for (index, pair) in zip(mine, theirs).enumerated() {
      guard pair.0.count == pair.1.count else {
        return "row \(index): \(pair.0), expected \(pair.1)"
      }
      for (left, right) in zip(pair.0, pair.1) where !AnswerTable.areEqual(left, right) {
        return "row \(index): \(pair.0), expected \(pair.1)"
      }
    }
    return nil
  }

  /// Equal texts, or equal numbers within 1e-9 relative.
  public static func areEqual(_ left: String, _ right: String) -> Bool {
    if left == right { return true }
    guard let a = Double(left), let b = Double(right) else { return false }
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b))
  }

  private static func sorted(_ rows: [[String]]) -> [[String]] {
    func key(_ row: [String]) -> [String] {
      row.map { field in
        guard let number = Double(field) else { return field }
        return number == number.rounded() && abs(number) < 1e15
          ? "\(Int(number))" : "\(Float(number))"
      }
    }
    return rows.sorted { key($0).lexicographicallyPrecedes(key($1)) }
  }
}
