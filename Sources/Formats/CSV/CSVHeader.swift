import Vectors

/// Headers of several files that are loaded together: columns are matched by name, so that a file whose columns stand
/// in another order is read right and one with other columns is refused.
enum CSVHeader {
  /// Begins comments in front of the header.
  static let commentMark = UInt8(ascii: "#")

  /// Whether `text` begins with comments: lines that begin with `#`, the last of which has not as many delimiters as
  /// the line behind it (else it is a header such as `#id,name`).
  static func hasComments(_ text: ArraySlice<UInt8>, newline: UInt8, delimiters: [UInt8]) -> Bool {
    var lines = text.prefix(64 << 10).split(separator: newline, omittingEmptySubsequences: false)[
      ...]
    var comment: ArraySlice<UInt8>?
    while let line = lines.first, line.first == commentMark {
      comment = line
      lines.removeFirst()
    }
    guard let comment, let next = lines.first, !next.isEmpty else { return false }
    func count(_ delimiter: UInt8, in line: ArraySlice<UInt8>) -> Int {
      line.count { $0 == delimiter }
    }
    guard let likely = delimiters.max(by: { count($0, in: next) < count($1, in: next) }),
      count(likely, in: next) > 0
    else { return comment.dropFirst().first == UInt8(ascii: " ") }
    return count(likely, in: next) != count(likely, in: comment)
  }

  /// A field of a header as a name: without blanks around it.
  static func name(_ text: [UInt8]) -> String {
    text.withUnsafeBufferPointer { String(decoding: NumberText.trimmed($0), as: UTF8.self) }
  }

  /// Per field of the header row the position of its name in `expected`; `nil` when the order is the same.
  /// - Throws: `.input` when a name is missing or there is one too many.
  static func order(
    _ row: [UInt8], _ dialect: CSVDialect, expected: [String], path: String?, first: String?,
    line: UInt64
  ) throws(StoaError) -> [Int]? {
    let fields = SampleTokenizer(row, dialect).rows(limit: 1).first?.fields ?? []
    var names = fields.map { name(Array(row[$0.start..<$0.end])).lowercased() }
    // A delimiter at the end of the line is no column.
    if names.count == expected.count + 1, names.last == "" { names.removeLast() }
    let wanted = expected.map { $0.lowercased() }
    if names == wanted { return nil }
    let hint = "Load files with different columns one after the other, naming the columns"
    let origin = first.map { " of \($0)" } ?? ""
    if let missing = wanted.indices.first(where: { !names.contains(wanted[$0]) }) {
      throw StoaError(
        .input, "the header lacks column \"\(expected[missing])\"\(origin)", hint: hint, path: path,
        line: line)
    }
    let order = names.compactMap { wanted.firstIndex(of: $0) }
    guard order.count == names.count, order.count == wanted.count else {
      let extra = names.first { !wanted.contains($0) } ?? names.last ?? ""
      throw StoaError(
        .input, "the header has a column \"\(extra)\" that is not in that\(origin)", hint: hint,
        path: path, line: line)
    }
    return order
  }
}
