import Testing
import Vectors

@testable import SQL

#if canImport(Glibc)
  import Glibc
#endif

/// Plans as EXPLAIN prints them, in `Tests/PlanGoldens`, reviewed like code. Each record is a query in lines
/// that begin with `> `, then the plan, then an empty line; `#` begins a comment, `@off rule` before a query
/// switches a rule off for it (`@off all` for the whole optimizer). With STOA_UPDATE_GOLDENS set, the files
/// are written anew instead of compared.
@Suite struct PlanGoldenTests {
  @Test(
    "Star queries: dimensions are hashed, the fact streams past them, what only filters is a semi join"
  )
  func star() throws { try check("star.txt", try FixtureCatalog.star()) }

  @Test("Each rule does its rewriting")
  func rules() throws { try check("rules.txt", try FixtureCatalog.shop()) }

  @Test("Correlated subqueries become joins")
  func subqueries() throws { try check("subqueries.txt", try FixtureCatalog.shop()) }

  @Test("TPC-H: join orders, decorrelation and factored conditions")
  func orders() throws { try check("orders.txt", try FixtureCatalog.orders()) }

  @Test("Window functions share sorts; conditions and limits go below them")
  func windows() throws { try check("windows.txt", try FixtureCatalog.shop()) }

  @Test("Changes are one query of row changes")
  func changes() throws { try check("changes.txt", try FixtureCatalog.changes()) }

  private func check(_ file: String, _ catalog: FixtureCatalog) throws {
    let path = PlanGoldenTests.folder + file
    let records = GoldenRecord.parse(try PlanGoldenTests.read(path))
    #expect(!records.isEmpty)
    var written = ""
    for var record in records {
      let plan: String
      do throws(StoaError) {
        plan = try catalog.explain(record.query, record.options)
      } catch {
        plan = "ERROR \(error)"
      }
      if getenv("STOA_UPDATE_GOLDENS") == nil {
        #expect(plan == record.plan, "\(record.query)")
      }
      record.plan = plan
      written += record.text
    }
    if getenv("STOA_UPDATE_GOLDENS") != nil { try PlanGoldenTests.write(written, path) }
  }

  private static let folder: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(2)
    return parts.joined(separator: "/") + "/PlanGoldens/"
  }()

  private static func read(_ path: String) throws -> String {
    let file = try #require(fopen(path, "r"), "cannot read \(path)")
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func write(_ text: String, _ path: String) throws {
    let file = try #require(fopen(path, "w"), "cannot write \(path)")
    fputs(text, file)
    fclose(file)
  }
}

/// One query with its plan.
struct GoldenRecord {
  var head: [String] = []
  var queryLines: [String] = []
  var plan = ""
  var options = OptimizerOptions()

  var query: String { queryLines.joined(separator: "\n") }

  var text: String {
    (head + queryLines.map { "> \($0)" } + [plan]).joined(separator: "\n") + "\n\n"
  }

  static func parse(_ text: String) -> [GoldenRecord] {
    var records: [GoldenRecord] = []
    var record = GoldenRecord()
    var plan: [String] = []
    func finish() {
      guard !record.queryLines.isEmpty else { return }
      record.plan = plan.joined(separator: "\n")
      records.append(record)
      record = GoldenRecord()
      plan = []
    }
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if line.isEmpty {
        finish()
      } else if line.hasPrefix("> ") {
        record.queryLines.append(String(line.dropFirst(2)))
      } else if record.queryLines.isEmpty {
        record.head.append(line)
        guard line.hasPrefix("@off ") else { continue }
        let rule = String(line.dropFirst(5))
        if rule == "all" {
          record.options.isOn = false
        } else {
          record.options.disabledRules.insert(rule)
        }
      } else {
        plan.append(line)
      }
    }
    finish()
    return records
  }
}
