import BenchmarkSupport

extension SSBGenerator {
  /// Writes the five files into `directory`, which must exist, with `threadCount` threads. The bytes do not
  /// depend on the number of threads.
  public func write(
    to directory: String, threadCount: Int
  ) throws(BenchmarkError) -> [WrittenFile] {
    var files: [WrittenFile] = []
    for table in SSBTable.allCases {
      files.append(
        try write(table, to: directory + "/" + table.fileName, threadCount: threadCount))
    }
    return files
  }

  /// Writes one file.
  public func write(
    _ table: SSBTable, to path: String, threadCount: Int
  ) throws(BenchmarkError) -> WrittenFile {
    try WrittenFile.write(
      path, unitCount: scale.unitCount(table), threadCount: threadCount
    ) { range, buffer in append(table, range, to: buffer) }
  }
}
