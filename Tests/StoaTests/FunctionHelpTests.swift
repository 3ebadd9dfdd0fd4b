import Stoa
import TestSupport
import Testing

@Suite("Help of functions")
struct FunctionHelpTests {
  private func rows(_ session: Session, _ sql: String) throws -> [[String?]] {
    let result = try session.execute(sql)
    var rows: [[String?]] = []
    while let row = try result.nextRow() {
      rows.append(result.columns.indices.map { row.text($0) })
    }
    return rows
  }

  @Test("every example is SQL that runs and gives what it promises")
  func examples() throws {
    let directory = try TemporaryDirectory()
    let warehouse = try Warehouse.open(directory.path + "/w")
    let session = warehouse.makeSession()
    for help in FunctionHelp.all {
      let isQuery = [.aggregate, .window, .table].contains(help.kind)
      let sql = isQuery ? help.example : "SELECT \(help.example)"
      do {
        let answer = try rows(session, sql)
        #expect(!answer.isEmpty, "\(sql)")
        if let result = help.result {
          #expect(answer.first?.first.map { $0 ?? "NULL" } == result, "\(sql)")
        }
      } catch let error as StoaError {
        // Regular expressions may be left out of a build.
        #expect(error.kind == .unsupported && error.message.contains("regular"), "\(sql): \(error)")
      }
      #expect(!help.text.isEmpty && !help.text.contains("\n") && !help.text.hasSuffix("."))
      #expect(!help.signatures.isEmpty && help.signatures.allSatisfy { $0 != "\(help.name)(…)" })
    }
    try warehouse.close()
  }

  @Test("names, parts of names and slips are found")
  func names() {
    #expect(FunctionHelp.named("CHAR_LENGTH").map(\.name) == ["length"])
    #expect(FunctionHelp.containing("regexp_").count >= 6)
    #expect(FunctionHelp.suggestion(for: "lenght") == "length")
  }

  @Test("stoa_functions() has a row per name and form")
  func table() throws {
    let directory = try TemporaryDirectory()
    let warehouse = try Warehouse.open(directory.path + "/w")
    let session = warehouse.makeSession()
    let names = try rows(
      session,
      "SELECT count(DISTINCT name) > 250, count(*) FILTER (WHERE description = '') "
        + "FROM stoa_functions()")
    #expect(names == [["true", "0"]])
    let kinds = try rows(
      session, "SELECT DISTINCT kind FROM stoa_functions() ORDER BY kind")
    #expect(kinds == [["aggregate"], ["operator"], ["scalar"], ["table"], ["window"]])
    #expect(
      try rows(
        session, "SELECT signature, alias_of FROM stoa_functions() WHERE name = 'char_length'")
        == [["length(VARCHAR) → BIGINT", "length"], ["length(BLOB) → BIGINT", "length"]])
    try warehouse.close()
  }
}
