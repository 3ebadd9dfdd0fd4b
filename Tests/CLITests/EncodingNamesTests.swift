import TestSupport
import Testing

/// `ENCODING (…)` from SQL to the file.
@Suite struct EncodingNamesTests {
  @Test(
    "each encoding that SQL names is in the file, as inspect shows, and the answers are right",
    arguments: [
      "CONSTANT", "RLE", "DICTIONARY", "BITMAP", "BITPACKED", "DELTA", "PATCHED", "PLAIN", "ZSTD",
    ])
  func encoding(name: String) throws {
    let shell = try Shell()
    // One value can be constant only.
    let few = name == "CONSTANT" ? "5" : "i % 5"
    let text = name == "CONSTANT" ? "'same'" : "'v' || (i % 50)"
    let made = try shell.run(
      "-c",
      """
      CREATE TABLE t (few INTEGER, txt VARCHAR, id INTEGER)
      ENCODING (few \(name), txt \(name))
      """,
      "-c", "INSERT INTO t SELECT \(few), \(text), i FROM range(20000) r(i)")
    #expect(made.exitCode == 0, "\(made.errorOutput)")
    let segment = try #require(
      TemporaryDirectory.files(below: shell.warehouse).first { $0.hasSuffix(".seg") })
    let inspected = try Program.run([Program.stoa, "inspect", segment])
    #expect(inspected.exitCode == 0)
    let chunks = inspected.output.split(separator: "\n").filter { $0.contains("row group 0:") }
    #expect(chunks.count == 3)
    for chunk in chunks.prefix(2) {
      let encoding = chunk.split(separator: ", encoding ").last ?? ""
      #expect(encoding.contains(name), "\(chunk)")
    }
    let answer = try shell.run(
      "--csv", "-c",
      "SELECT count(*) AS n, sum(few) AS s, min(txt) AS a, max(txt) AS z FROM t WHERE few = 3 OR few = 5",
      "-c", "SELECT sum(id) AS i FROM t WHERE txt IN ('v7', 'same') AND few BETWEEN 1 AND 5")
    let expected =
      name == "CONSTANT"
      ? "n,s,a,z\n20000,100000,same,same\ni\n199990000\n"
      : "n,s,a,z\n4000,12000,v13,v8\ni\n3992800\n"
    #expect(answer.output == expected, "\(answer.errorOutput)")
  }
}
