import TestSupport
import Testing

/// A hundredth of `make soak`.
@Suite("Soak") struct SoakTests {
  @Test(
    "Nothing is lost, doubled, unopenable, wrong or hangs",
    arguments: ["points 200", "kills 8", "reads 800", "damage 60"])
  func row(_ row: String) throws {
    let words = row.split(separator: " ").map(String.init)
    let full = ["points": 20_000.0, "kills": 1000, "reads": 100_000, "damage": 5000]
    let scale = (Double(words[1]) ?? 1) / (full[words[0]] ?? 1)
    let result = try Program.run(
      [Program.built("soak"), words[0], "--scale", String(scale)], timeoutSeconds: 300)
    #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)")
    print(result.output)
  }
}
