import Storage

/// The worker of the row "points".
enum SimulationWorker {
  /// Runs seeds until there are `count` points. Of the runs one in eight looks at every call.
  static func run(seed: UInt64, count: Int, isTraced: Bool, rounds: Int?) {
    var left = count
    var number = seed
    while left > 0 {
      Report.at("seed \(number)")
      let isDense = number % 8 == 0
      let simulation = Simulation(
        seed: number, sparseness: isDense ? 1 : 12, isTraced: isTraced)
      simulation.run(rounds: rounds ?? (isDense ? 6 : 40))
      Report.count(simulation.pointCount)
      left -= simulation.pointCount
      number &+= 1
    }
  }
}
