/// Where a row of a load came from, in 64 bits: file number and line, or the number of a row without a file. Carried
/// as a hidden column through the sort of tables with keys, so that violations can name lines.
struct RowOrigin: Comparable, Hashable {
  let bits: Int64

  init(file: Int, line: UInt64) {
    bits = Int64(truncatingIfNeeded: file) << 40 | Int64(truncatingIfNeeded: line & 0xFF_FFFF_FFFF)
  }

  init(bits: Int64) { self.bits = bits }

  var file: Int { Int(bits >> 40) }
  var line: UInt64 { UInt64(bits & 0xFF_FFFF_FFFF) }

  static func < (left: RowOrigin, right: RowOrigin) -> Bool { left.bits < right.bits }
}

/// Names origins in messages.
struct RowOrigins {
  /// Paths by file number; empty when rows come from statements or programs.
  let files: [String]

  /// `line 7`, `line 7 of b.csv` when there are several files, or `row 7`.
  func text(_ origin: RowOrigin) -> String {
    guard !files.isEmpty else { return "row \(origin.line)" }
    let line = "line \(origin.line)"
    return files.count > 1 && files.indices.contains(origin.file)
      ? "\(line) of \(files[origin.file])" : line
  }

  func path(_ origin: RowOrigin) -> String? {
    files.indices.contains(origin.file) ? files[origin.file] : nil
  }

  func line(_ origin: RowOrigin) -> UInt64? { files.isEmpty ? nil : origin.line }
}
