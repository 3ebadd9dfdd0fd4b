#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The table of results: a line per measurement, medians of its runs.
struct Report {
  private var rows: [[String]] = []
  private let header = ["", "Stoa", "SQLite", "DuckDB", "asked"]

  /// - Parameter figures: as they are to be shown.
  mutating func add(
    _ what: String, _ stoa: String, sqlite: String = "", duckDB: String = "", asked: String
  ) {
    rows.append([what, stoa, sqlite, duckDB, asked])
    note(
      "  \(what): \(stoa)\(sqlite.isEmpty ? "" : ", SQLite \(sqlite)")\(duckDB.isEmpty ? "" : ", DuckDB \(duckDB)")"
    )
  }

  func markdown() -> String {
    let all = [header] + rows
    let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    func line(_ cells: [String]) -> String {
      let padded = cells.enumerated().map { index, cell in
        let blanks = String(repeating: " ", count: widths[index] - cell.count)
        return index == 0 ? cell + blanks : blanks + cell
      }
      return "| " + padded.joined(separator: " | ") + " |\n"
    }
    let rule = widths.enumerated().map { index, width in
      String(repeating: "-", count: width + (index == 0 ? 2 : 1)) + (index == 0 ? "" : ":")
    }
    return line(header) + "|" + rule.joined(separator: "|") + "|\n" + rows.map(line).joined()
  }

  /// Load average and processors, since a busy machine's times say little.
  static func machine() -> String {
    var loads = [0.0]
    getloadavg(&loads, 1)
    return "\(sysconf(Int32(_SC_NPROCESSORS_ONLN))) processors, load average \(number(loads[0], 1))"
  }
}
