import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// What a row of the soak counts. All but the first must stay zero.
struct Tally: Sendable {
  /// Points, kills, reads, files damaged.
  var count = 0
  /// Faults by name, in the order they are printed.
  var faults: [(name: String, count: Int)]

  init(_ names: [String]) { faults = names.map { ($0, 0) } }

  var isClean: Bool { faults.allSatisfy { $0.count == 0 } }

  mutating func add(_ name: String, _ count: Int = 1) {
    if let index = faults.firstIndex(where: { $0.name == name }) {
      faults[index].count += count
    } else {
      faults.append((name, count))
    }
  }

  mutating func add(_ other: Tally) {
    count += other.count
    for fault in other.faults { add(fault.name, fault.count) }
  }

  /// `0 lost, 0 duplicate, …`.
  var text: String { faults.map { "\($0.count) \($0.name)" }.joined(separator: ", ") }
}

/// Lines from a worker to the process that counts, one system call each:
/// `at WHAT` says what is being done, `count N`, `fault NAME`, `! text` describes a fault.
enum Report {
  static func line(_ text: String) {
    let bytes = Array((text.split(separator: "\n").joined(separator: " | ") + "\n").utf8)
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { write(1, $0.baseAddress! + done, bytes.count - done) }
      // Nobody listens any more.
      guard count > 0 else { exit(3) }
      done += count
    }
  }

  static func at(_ text: String) { line("at \(text)") }
  static func count(_ number: Int) { line("count \(number)") }

  static func fault(_ name: String, _ description: String) {
    line("fault \(name)")
    line("! \(name): \(description)")
  }
}
