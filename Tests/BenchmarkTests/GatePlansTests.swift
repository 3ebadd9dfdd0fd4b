import Catalog
import GatePlans
import SSBGenerator
import Stoa
import Testing
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Plans built by hand against what SQL makes of the same queries, at scale 0.01.
@Suite("Plans of the gate")
struct GatePlansTests {
  @Test("Plans built by hand give SQL's answers, with one worker and with two")
  func answers() throws {
    var template = Array("/tmp/stoa-gate-XXXXXX".utf8CString)
    let made = try #require(mkdtemp(&template))
    let directory = String(cString: made)
    defer { system("rm -rf '\(directory)'") }
    _ = try SSBGenerator(scale: SSBScale(factor: 0.01)).write(to: directory, threadCount: 2)
    let warehouse = try Warehouse.open(directory + "/ssb.stoa")
    let session = warehouse.makeSession()
    for statement in SSBSchema.createStatements { try session.execute(statement).drain() }
    for table in SSBTable.allCases {
      try session.execute(SSBSchema.copyStatement(table, directory: directory)).drain()
    }
    let runner = try PlanRunner(path: directory + "/ssb.stoa")
    for name in ["Q1.1", "Q2.1", "Q3.1", "Q4.1"] {
      let query = try #require(SSBQueries.all.first { $0.name == name })
      let expected = try session.execute(query.sql).allRows().map { row in
        row.columns.indices.map { row.text($0) ?? "NULL" }
      }
      #expect(!expected.isEmpty, "\(name)")
      for threads in [1, 2] {
        runner.threads = threads
        #expect(try runner.rows(of: query.sql) == expected, "\(name), \(threads) workers")
      }
    }
    try runner.close()
    session.close()
    try warehouse.close()
  }

  @Test("A query without a plan is an error")
  func unknown() {
    #expect(throws: StoaError.self) { try GatePlans.plan(named: "Q1.2", CatalogState()) }
  }
}
