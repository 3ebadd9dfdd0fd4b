import BenchmarkSupport

/// What one engine did.
struct EngineReport {
  var name: String
  var version = ""
  var load: LoadReport?
  /// Median seconds by [thread count][query].
  var medians: [Int: [Double]] = [:]
  /// CPU seconds of the median repetitions' mean by [thread count][query].
  var cpuSeconds: [Int: [Double]] = [:]
  var peakBytes = 0.0
}

struct LoadReport {
  var seconds = 0.0
  var cpuSeconds = 0.0
  var rows = 0.0
  var byteCount = 0.0
}

/// Markdown tables of all engines.
struct Report {
  var title: String
  var scale: Double
  var repeats: Int
  var queries: [String]
  var engines: [EngineReport]
  /// Processor, and how busy the machine was: medians of a busy machine say little, CPU times still do.
  var machine: String

  /// The engine that ratios are relative to.
  private var subject: EngineReport? { engines.first }

  func markdown() -> String {
    var text = "\(title), scale \(number(scale, 2)), medians of \(repeats) runs\n"
    text += "\(machine)\n"
    let threadCounts = Set(engines.flatMap { $0.medians.keys }).sorted()
    for threads in threadCounts { text += "\n" + timeTable(threads) }
    return text + "\n" + loadTable(threadCounts)
  }

  private func timeTable(_ threads: Int) -> String {
    let shown = engines.filter { $0.medians[threads] != nil }
    let rivals = shown.filter { $0.name != subject?.name }
    var header = ["\(threads) thread\(threads == 1 ? "" : "s"), ms"] + shown.map(\.name)
    header += rivals.map { "\(subject?.name ?? "") / \($0.name)" }
    var rows: [[String]] = []
    for (index, query) in queries.enumerated() {
      let times = shown.map { $0.medians[threads]![index] }
      rows.append([query] + cells(times, shown, rivals, threads, decimals: 2))
    }
    let sums = shown.map { $0.medians[threads]!.reduce(0, +) }
    rows.append(["sum"] + cells(sums, shown, rivals, threads, decimals: 1))
    let means = shown.map { geometricMean($0.medians[threads]!) }
    rows.append(["geometric mean"] + cells(means, shown, rivals, threads, decimals: 2))
    let cpu = shown.map { ($0.cpuSeconds[threads] ?? []).reduce(0, +) }
    rows.append(["CPU time, sum"] + cells(cpu, shown, rivals, threads, decimals: 1))
    return markdownTable(header, rows)
  }

  /// Milliseconds of every engine, then ratios of the subject to the others.
  private func cells(
    _ seconds: [Double], _ shown: [EngineReport], _ rivals: [EngineReport], _ threads: Int,
    decimals: Int
  ) -> [String] {
    var cells = seconds.map { number($0 * 1000, decimals) }
    guard let own = shown.firstIndex(where: { $0.name == subject?.name }) else {
      return cells + rivals.map { _ in "" }
    }
    for (index, engine) in shown.enumerated() where engine.name != subject?.name {
      cells.append(seconds[index] > 0 ? number(seconds[own] / seconds[index], 2) : "")
    }
    return cells
  }

  private func loadTable(_ threadCounts: [Int]) -> String {
    let header = [
      "", "load s", "million rows/s", "CPU s", "MB on disk", "peak MB of queries", "version",
    ]
    let rows = engines.map { engine in
      let load = engine.load ?? LoadReport()
      return [
        engine.name, number(load.seconds, 2),
        load.seconds > 0 ? number(load.rows / load.seconds / 1e6, 2) : "",
        number(load.cpuSeconds, 2), number(load.byteCount / 1e6, 1),
        number(engine.peakBytes / 1e6, 1), engine.version,
      ]
    }
    return markdownTable(header, rows)
  }

  private func geometricMean(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    return exponential(values.reduce(0) { $0 + logarithm(max($1, 1e-9)) } / Double(values.count))
  }
}

/// `value` with `decimals` digits after the point.
func number(_ value: Double, _ decimals: Int) -> String {
  guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
  let power = (0..<decimals).reduce(1.0) { result, _ in result * 10 }
  let scaled = Int((abs(value) * power).rounded())
  let whole = scaled / Int(power)
  let sign = value < 0 && scaled != 0 ? "-" : ""
  guard decimals > 0 else { return "\(sign)\(whole)" }
  let fraction = String(scaled % Int(power))
  return "\(sign)\(whole)." + String(repeating: "0", count: decimals - fraction.count) + fraction
}
