import Kernels
import Vectors

/// Comma-separated values after RFC 4180, lines ending in a line feed. Texts are quoted when they hold the
/// delimiter, a quote or a line break, when they are empty (so that NULL differs), or when they equal the
/// NULL token. Without a token, texts are quoted too that readers may take for NULL, ours among them.
public struct CSVFormatter: ResultFormatter {
  private let delimiter: [UInt8]
  private let nullToken: [UInt8]
  private let hasToken: Bool
  private let hasHeader: Bool

  private static let nullWords = ["NULL", "null", "\\N"].map { Array($0.utf8) }

  /// A writer of one result.
  public init(_ options: OutputOptions = OutputOptions()) {
    delimiter = Array(options.delimiter.utf8)
    nullToken = Array((options.nullToken ?? "").utf8)
    hasToken = options.nullToken != nil
    hasHeader = options.hasHeader
  }

  /// Writes the line of names, unless it is switched off.
  public mutating func begin(_ columns: [ResultColumn], to bytes: inout [UInt8]) {
    guard hasHeader, !columns.isEmpty else { return }
    for (index, column) in columns.enumerated() {
      if index > 0 { bytes.append(contentsOf: delimiter) }
      let start = bytes.count
      bytes.append(text: column.name)
      quoteIfNeeded(from: start, &bytes)
    }
    bytes.append(0x0A)
  }

  /// Writes rows.
  public mutating func append(_ batch: Batch, to bytes: inout [UInt8]) {
    for row in 0..<batch.rowCount {
      for (index, column) in batch.columns.enumerated() {
        if index > 0 { bytes.append(contentsOf: delimiter) }
        guard column.isValid(row) else {
          bytes.append(contentsOf: nullToken)
          continue
        }
        let start = bytes.count
        TextFormatter.append(column, row: row, to: &bytes)
        if column.type == .varchar || hasToken { quoteIfNeeded(from: start, &bytes) }
      }
      bytes.append(0x0A)
    }
  }

  /// Writes nothing; rows stand alone.
  public mutating func end(footer: String?, to bytes: inout [UInt8]) {}

  private func quoteIfNeeded(from start: Int, _ bytes: inout [UInt8]) {
    let field = bytes[start...]
    let first = delimiter.first
    let isSpecial = field.contains { $0 == first || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }
    let looksNull =
      hasToken
      ? field.elementsEqual(nullToken)
      : field.isEmpty || field.count <= 4 && Self.nullWords.contains { $0.elementsEqual(field) }
    guard isSpecial || looksNull else { return }
    let text = Array(field)
    bytes.removeSubrange(start...)
    bytes.append(0x22)
    for byte in text {
      if byte == 0x22 { bytes.append(0x22) }
      bytes.append(byte)
    }
    bytes.append(0x22)
  }
}
