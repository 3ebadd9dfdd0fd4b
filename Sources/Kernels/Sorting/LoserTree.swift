// Which of k sorted runs has the smallest head: a tournament tree that remembers the loser of each match, so
// that a run that advances plays log2(k) matches. Knuth, "The Art of Computer Programming", volume 3, 5.4.1.

/// Merges sorted runs numbered 0..<runCount. The caller keeps the runs; `precedes(a, b)` says whether the
/// head of run `a` comes strictly before that of run `b`, and an exhausted run must precede nothing.
public struct LoserTree: Sendable {
  /// Node 0 holds the winner, nodes 1..<size the losers; leaves are implied.
  @usableFromInline var nodes: [Int]
  @usableFromInline let runCount: Int

  /// Plays all matches.
  @inlinable public init(runCount: Int, precedes: (Int, Int) -> Bool) {
    self.runCount = runCount
    nodes = [Int](repeating: -1, count: max(1, runCount))
    for run in stride(from: runCount - 1, through: 0, by: -1) { enter(run, precedes) }
  }

  /// The run with the smallest head; of equal heads the run with the lowest number. −1 without runs.
  @inlinable public var winner: Int { nodes[0] }

  /// Call after the winner's run has advanced (or ended).
  @inlinable public mutating func replay(precedes: (Int, Int) -> Bool) {
    var winner = nodes[0]
    var node = (winner + runCount) / 2
    while node > 0 {
      if LoserTree.beats(nodes[node], winner, precedes) { swap(&nodes[node], &winner) }
      node /= 2
    }
    nodes[0] = winner
  }

  /// First round: a run climbs until it meets an empty node, and waits there.
  @inlinable mutating func enter(_ run: Int, _ precedes: (Int, Int) -> Bool) {
    var winner = run
    var node = (run + runCount) / 2
    while node > 0 {
      if nodes[node] < 0 {
        nodes[node] = winner
        return
      }
      if LoserTree.beats(nodes[node], winner, precedes) { swap(&nodes[node], &winner) }
      node /= 2
    }
    nodes[0] = winner
  }

  @inlinable static func beats(_ left: Int, _ right: Int, _ precedes: (Int, Int) -> Bool) -> Bool {
    if precedes(left, right) { return true }
    if precedes(right, left) { return false }
    return left < right
  }
}
