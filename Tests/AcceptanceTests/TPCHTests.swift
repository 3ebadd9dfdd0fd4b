import BenchmarkSupport
import TPCHGenerator
import TestSupport
import Testing

/// TPC-H at scale 0.01 in the variant of the shared data: files made by the generator, answers of two engines.
@Suite struct TPCHTests {
  static let folder = Program.sharedData("tpch-sf0.01")

  @Test(
    "The generator's rows are those of the shared data, and 22 queries give right answers whatever is set",
    .enabled(if: folder != nil, "the shared data is not on this machine"))
  func twentyTwo() throws {
    let folder = try #require(Self.folder)
    let scratch = try TemporaryDirectory()
    let warehouse = scratch.path + "/tpch.stoa"
    try load(warehouse, scratch.path)
    try compareRows(warehouse, folder)
    let settings = [
      [], ["SET threads = 1"], ["SET spill_always = true"],
      ["SET batch_size = 3", "SET threads = 1"],
      // Not `optimizer = false`: five tables multiplied never end.
      ["SET disabled_rules = 'join_order,transitive_predicates,semi_join_pushdown'"],
      [
        "SET disabled_rules = 'constant_folding,cast_simplification,projection_merging,"
          + "outer_join_simplification,mark_join_simplification,transitive_predicates,"
          + "semi_join_pushdown,column_pruning,join_elimination,distinct_removal,sort_removal,"
          + "limit_pushdown,semi_join_reduction,top_n,chunk_aggregates'"
      ],
    ]
    for settings in settings {
      try expectAnswers(
        warehouse: warehouse, queries: folder + "/queries", answers: folder + "/expected",
        count: 22, settings: settings)
    }
  }

  private func load(_ warehouse: String, _ directory: String) throws {
    let generator = TPCHGenerator(scale: try TPCHScale(factor: 0.01), pool: TextPool(.duckDB))
    _ = try generator.write(to: directory, threadCount: 2)
    let statements =
      TPCHSchema.createStatements
      + TPCHTable.allCases.map { TPCHSchema.copyStatement($0, directory: directory) }
    let run = try Program.run(
      [Program.stoa, warehouse], input: statements.joined(separator: ";\n") + ";\n")
    #expect(run.exitCode == 0, "\(run.errorOutput)")
  }

  /// Every row of the shared files is in the table, and no other.
  private func compareRows(_ warehouse: String, _ folder: String) throws {
    for table in TPCHTable.allCases {
      let name = table.rawValue
      let script = """
        CREATE TABLE shared_\(name) AS SELECT * FROM \(name) LIMIT 0;
        COPY shared_\(name) FROM '\(folder)/\(table.fileName).zst' (DELIMITER '|', HEADER false);
        SELECT count(*) FROM (SELECT * FROM shared_\(name) EXCEPT SELECT * FROM \(name));
        SELECT (SELECT count(*) FROM shared_\(name)) - (SELECT count(*) FROM \(name));
        DROP TABLE shared_\(name);
        """
      let run = try Program.run(
        [Program.stoa, warehouse, "--mode", "csv", "--no-header"], input: script)
      #expect(run.exitCode == 0, "\(name): \(run.errorOutput)")
      #expect(run.output.hasSuffix("0\n0\n"), "\(name): \(run.output)")
    }
  }
}
