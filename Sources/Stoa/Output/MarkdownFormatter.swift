import Kernels
import Vectors

/// A Markdown table, numbers to the right. Vertical bars are escaped, line breaks become `<br>`.
public struct MarkdownFormatter: ResultFormatter {
  private let nullText: String

  /// A writer of one result.
  public init(_ options: OutputOptions = OutputOptions()) { nullText = options.nullText }

  /// Writes the lines of names and alignments.
  public mutating func begin(_ columns: [ResultColumn], to bytes: inout [UInt8]) {
    guard !columns.isEmpty else { return }
    for column in columns {
      bytes.append(text: "| ")
      appendEscaped(Array(column.name.utf8), to: &bytes)
      bytes.append(0x20)
    }
    bytes.append(text: "|\n")
    for column in columns { bytes.append(text: column.type.isNumeric ? "|---:" : "|---") }
    bytes.append(text: "|\n")
  }

  /// Writes rows.
  public mutating func append(_ batch: Batch, to bytes: inout [UInt8]) {
    var text: [UInt8] = []
    for row in 0..<batch.rowCount {
      for column in batch.columns {
        text.removeAll(keepingCapacity: true)
        if column.isValid(row) {
          TextFormatter.append(column, row: row, to: &text)
        } else {
          text.append(text: nullText)
        }
        bytes.append(text: "| ")
        appendEscaped(text, to: &bytes)
        bytes.append(0x20)
      }
      bytes.append(text: "|\n")
    }
  }

  /// Writes nothing.
  public mutating func end(footer: String?, to bytes: inout [UInt8]) {}

  private func appendEscaped(_ text: [UInt8], to bytes: inout [UInt8]) {
    for byte in text {
      switch byte {
      case 0x7C: bytes.append(text: "\\|")
      case 0x0A: bytes.append(text: "<br>")
      case 0x0D: break
      default: bytes.append(byte)
      }
    }
  }
}
