import Storage
import Synchronization

/// Copies the files at chosen moments of the calls it watches.
final class Recorder: Sendable {
  private struct State {
    var random = SplitMix64(seed: 0)
    var points: [(system: SimulatedFileSystem, moment: String)] = []
  }

  private let state = Mutex(State())

  /// Copies at about one of `sparseness` moments, by kill or power loss; 1 copies at all of them, both ways.
  func watch(_ system: SimulatedFileSystem, sparseness: Int, seed: UInt64) {
    state.withLock { $0.random = SplitMix64(seed: seed) }
    system.observe { [unowned self, unowned system] moment, call in
      let (isChosen, choice) = state.withLock { state in
        (state.random.next() % UInt64(sparseness) == 0, state.random.next())
      }
      guard isChosen else { return }
      // The moment after a call is the one before the next, for a kill.
      if sparseness == 1 ? moment != .before : choice & 1 == 0 {
        add(system.afterKill(), "killed \(moment) \(call)")
      }
      if sparseness == 1 || choice & 1 == 1 {
        add(system.afterPowerLoss(seed: choice), "power lost (\(choice)) \(moment) \(call)")
      }
    }
  }

  func stop(_ system: SimulatedFileSystem) { system.observe(nil) }

  private func add(_ system: SimulatedFileSystem, _ moment: String) {
    state.withLock { $0.points.append((system, moment)) }
  }

  /// The copies since the last call.
  func take() -> [(system: SimulatedFileSystem, moment: String)] {
    state.withLock { state in
      defer { state.points = [] }
      return state.points
    }
  }
}
