import BenchmarkSupport

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

  func markdown() -> String { markdownTable(header, rows) }

  /// Load average and processors, since a busy machine's times say little.
  static func machine() -> String {
    var loads = [0.0]
    getloadavg(&loads, 1)
    return "\(sysconf(Int32(_SC_NPROCESSORS_ONLN))) processors, load average \(number(loads[0], 1))"
  }
}
