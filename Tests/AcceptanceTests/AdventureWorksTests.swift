import TestSupport
import Testing

/// A real warehouse, loaded from its files as they were published, through the command line.
@Suite struct AdventureWorksTests {
  static let folder = Program.sharedData("adventureworks")

  @Test(
    "AdventureWorks loads as published and answers twelve questions",
    .enabled(if: folder != nil, "the shared data is not on this machine"))
  func questions() throws {
    let folder = try #require(Self.folder)
    let scratch = try TemporaryDirectory()
    let warehouse = scratch.path + "/aw.stoa"
    let schema = try Program.run([Program.stoa, warehouse, "-f", folder + "/schema.sql"])
    #expect(schema.exitCode == 0, "\(schema.errorOutput)")

    let text = String(decoding: try TemporaryDirectory.bytes(folder + "/schema.sql"), as: UTF8.self)
    let tables = text.split(separator: "\n").filter { $0.hasPrefix("CREATE TABLE \"") }
      .map { String($0.split(separator: "\"")[1]) }
    #expect(tables.count >= 10)
    for table in tables {
      let load = try Program.run(
        [Program.stoa, "import", warehouse, "\(folder)/\(table).csv", table])
      #expect(load.exitCode == 0, "\(table): \(load.errorOutput)")
    }
    try expectAnswers(
      warehouse: warehouse, queries: folder + "/queries", answers: folder + "/queries", count: 12)
  }

  @Test(
    "A file with a header makes its own table",
    .enabled(if: folder != nil, "the shared data is not on this machine"),
    arguments: ["DimCustomer", "DimDate", "DimProduct", "FactInternetSales", "DimGeography"])
  func absentTable(name: String) throws {
    let folder = try #require(Self.folder)
    let scratch = try TemporaryDirectory()
    let warehouse = scratch.path + "/aw.stoa"
    let load = try Program.run([Program.stoa, "import", warehouse, "\(folder)/\(name).csv", name])
    #expect(load.exitCode == 0, "\(load.errorOutput)")
    let count = try Program.run(
      [Program.stoa, warehouse, "--mode", "csv", "-c", "SELECT count(*) AS n FROM \"\(name)\""])
    let lines = try TemporaryDirectory.bytes("\(folder)/\(name).csv").count { $0 == 10 }
    let hasHeader = name != "DimGeography"
    #expect(AnswerTable(csv: count.output).rows == [["\(lines - (hasHeader ? 1 : 0))"]])
  }
}

/// Runs every `.sql` of a folder and compares with the `.csv` of the same name.
func expectAnswers(
  warehouse: String, queries: String, answers: String, count: Int, settings: [String] = [],
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let names = TemporaryDirectory.names(queries).filter { $0.hasSuffix(".sql") }
  #expect(names.count == count, sourceLocation: sourceLocation)
  for name in names {
    let stem = name.dropLast(4)
    let sql = String(decoding: try TemporaryDirectory.bytes(queries + "/" + name), as: UTF8.self)
    let commands = (settings + [sql]).flatMap { ["-c", $0] }
    let run = try Program.run([Program.stoa, warehouse, "--mode", "csv"] + commands)
    #expect(run.exitCode == 0, "\(name): \(run.errorOutput)", sourceLocation: sourceLocation)
    let expected = String(
      decoding: try TemporaryDirectory.bytes("\(answers)/\(stem).csv"), as: UTF8.self)
    let difference = AnswerTable(csv: run.output).difference(
      from: AnswerTable(csv: expected), ordered: sql.lowercased().contains("order by"))
    #expect(difference == nil, "\(name)", sourceLocation: sourceLocation)
  }
}
