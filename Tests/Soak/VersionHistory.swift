/// What the versions held that retention keeps.
struct VersionHistory: Sendable {
  struct Version: Sendable {
    var commit: UInt64
    var model: Model
  }

  /// Versions that can be read; empty while nobody can say.
  private(set) var known: [Version] = []
  private var isKept = false

  /// A statement sets how long versions are kept. Where it fails nobody knows.
  mutating func changes(_ operation: Operation, failed: Bool) {
    let keeps = operation.text.contains("hour")
    if failed || !keeps || !isKept { known = [] }
    isKept = keeps && !failed
  }

  /// - Parameter commit: the newest one, of this state.
  mutating func add(_ model: Model, at commit: UInt64) {
    guard isKept, known.last.map({ $0.commit < commit }) ?? true else { return }
    known.append(Version(commit: commit, model: model))
    // Old ones and new ones, not all.
    if known.count > 40 { known.remove(at: known.count / 2) }
  }

  /// The warehouse was opened again at commit `last`.
  mutating func lose(after last: UInt64, isKept: Bool) {
    self.isKept = isKept
    known.removeAll { $0.commit > last || !isKept }
  }
}
