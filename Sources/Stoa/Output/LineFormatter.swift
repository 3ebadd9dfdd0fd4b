import Kernels
import Vectors

/// One `name = value` per line, an empty line between rows; for wide rows and long texts.
public struct LineFormatter: ResultFormatter {
  private let nullText: String
  private var labels: [String] = []
  private var rowCount = 0

  /// A writer of one result.
  public init(_ options: OutputOptions = OutputOptions()) { nullText = options.nullText }

  /// Measures the names.
  public mutating func begin(_ columns: [ResultColumn], to bytes: inout [UInt8]) {
    let widths = columns.map { DisplayWidth.of($0.name) }
    let widest = widths.max() ?? 0
    labels = zip(columns, widths).map { column, width in
      String(repeating: " ", count: widest - width) + column.name + " = "
    }
  }

  /// Writes rows.
  public mutating func append(_ batch: Batch, to bytes: inout [UInt8]) {
    for row in 0..<batch.rowCount {
      if rowCount > 0 { bytes.append(0x0A) }
      rowCount += 1
      for (index, column) in batch.columns.enumerated() {
        bytes.append(text: labels[index])
        if column.isValid(row) {
          TextFormatter.append(column, row: row, to: &bytes)
        } else {
          bytes.append(text: nullText)
        }
        bytes.append(0x0A)
      }
    }
  }

  /// Writes nothing.
  public mutating func end(footer: String?, to bytes: inout [UInt8]) {}
}
