// `micro` times kernels and encodings; `micro upkeep [rows]` streams rows and counts what flush and merge write.
if CommandLine.arguments.dropFirst().first == "upkeep" {
  UpkeepBenchmark.run(
    rowCount: CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 5_000_000)
} else {
  EncodingsBenchmark.run()
  KernelsBenchmark.run()
}
