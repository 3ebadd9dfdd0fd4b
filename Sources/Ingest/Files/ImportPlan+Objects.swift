import Catalog
import Formats
import Vectors

// JSON objects, one to a line: fields go by the names of the columns, so nothing is detected.
extension ImportPlan {
  /// As told, else when all files are named so; compressed ones have one more ending.
  static func isJSONLines(_ inputs: [TextInput], _ options: CSVOptions) -> Bool {
    options.isJSONLines
      ?? inputs.allSatisfy { input in
        [".jsonl", ".jsonlines", ".ndjson"].contains { ending in
          let name = input.name.lowercased()
          return name.hasSuffix(ending) || name.hasSuffix(ending + ".zst")
        }
      }
  }

  /// - Parameter isGiven: whether the columns are named; then other keys are left out, otherwise they are errors.
  /// - Throws: `.usage` for an option that only delimited text has.
  static func objects(
    _ positions: [Int], of table: TableDefinition, isGiven: Bool, _ options: CSVOptions
  ) throws(StoaError) -> (DetectedCSV, targets: [Int?]) {
    let isDelimited =
      options.delimiter != nil || options.longDelimiter != nil || options.quote != nil
      || options.escape != nil || options.hasHeader != nil || options.nullTokens != nil
      || options.skippedLineCount > 0 || !options.types.isEmpty || options.columnNames != nil
    guard !isDelimited else {
      throw StoaError(
        .usage, "objects of FORMAT jsonlines go by the names of the columns and have no dialect",
        hint: "Leave out DELIMITER, QUOTE, ESCAPE, HEADER, NULL, SKIP, NAMES and TYPES")
    }
    var keys = positions.map { table.columns[$0].name }
    var columns = positions.map {
      CSVColumn(name: table.columns[$0].name, type: table.columns[$0].type)
    }
    var targets: [Int?] = positions
    if keys.count == 1 {
      // With a second field that nobody reads, a blank line is none of the rows.
      keys.append("")
      columns.append(CSVColumn(name: "", type: .varchar))
      targets.append(nil)
    }
    let fields = ObjectFields(keys: keys, skipsOthers: isGiven)
    let detected = DetectedCSV(
      dialect: fields.dialect(maximalLineByteCount: options.maximalLineByteCount),
      columns: columns, sampledRowCount: 0, isWholeInput: false, oddRowCount: 0,
      hasCarriageReturns: false)
    return (detected, targets)
  }
}
