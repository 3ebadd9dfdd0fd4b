import Stoa
import Storage

/// Files flipped, cut, swapped, stale or of another warehouse: the right answer or an error that names the file, never
/// another answer; and VERIFY says that something is wrong. Then `recover`, plain or with salvage, makes it writable: at a
/// state there was, or with rows there were.
struct Damage {
  static let faults = ["wrong answers", "traps", "unseen by VERIFY", "wrongly recovered"]

  private let seed: UInt64
  private var random: SplitMix64
  private let judge: Judge
  /// The closed warehouse, the files as they were before, and those of another one.
  private var whole = SimulatedFileSystem()
  private var earlier: [SimulatedFileSystem] = []
  private var foreign = SimulatedFileSystem()
  /// Files of the warehouse that no commit needs.
  private var strangers: Set<String> = []
  /// All states there were, the last one last.
  private var states = [Model()]
  /// All rows there were.
  private var knownRows: Set<SalvagedRow> = []

  init(seed: UInt64) throws {
    self.seed = seed
    random = SplitMix64(seed: seed)
    judge = Judge(options: Judge.options(seed))
    let other = Judge(options: Judge.options(seed &+ 1))
    var ignored: [Model] = []
    var noFiles: [SimulatedFileSystem] = []
    try Damage.fill(foreign, other, seed, &ignored, &noFiles)
    try Damage.fill(whole, judge, seed, &states, &earlier)
    for state in states { knownRows.formUnion(SalvagedRow.all(in: state)) }
    for row in try judge.open(whole.afterKill()).session.execute("VERIFY").allRows() {
      if let name = row.text(1), row.text(5)?.contains("need") == true {
        strangers.insert("w/" + name)
      }
    }
  }

  private static func fill(
    _ system: SimulatedFileSystem, _ judge: Judge, _ seed: UInt64, _ states: inout [Model],
    _ earlier: inout [SimulatedFileSystem]
  ) throws {
    var workload = Workload(seed: seed, prefix: "a", size: .small)
    let place = try judge.open(system)
    if seed % 3 == 0 { try place.session.execute("SET retention = '1 hour'") }
    for number in 0..<40 {
      let operation = workload.next(states.last ?? Model())
      try? place.run(operation, backup: "backup\(number)")
      let now = try Model.read(place.session).model
      if now != states.last { states.append(now) }
      if number % 4 == 3 { earlier.append(system.afterKill()) }
    }
    try place.warehouse.close()
  }

  mutating func run(count: Int) {
    for number in 0..<count {
      damage(number)
      Report.count(1)
    }
  }

  private mutating func below(_ limit: Int) -> Int { Int(random.next() % UInt64(max(1, limit))) }

  private mutating func damage(_ number: Int) {
    let files = whole.files.filter { $0.path.hasPrefix("w/") && !$0.contents.isEmpty }
    let file = files[below(files.count)]
    // Nobody reads those, nor does VERIFY.
    if strangers.contains(file.path) { return }
    var (what, bytes) = ("", file.contents)
    switch below(10) {
    case 0..<5:
      let (offset, bit) = (below(bytes.count), below(8))
      bytes[offset] ^= 1 << UInt8(bit)
      what = "bit \(bit) of byte \(offset)"
    case 5, 6:
      bytes.removeLast(1 + (below(2) == 0 ? below(min(64, bytes.count)) : below(bytes.count)))
      what = "cut to \(bytes.count)"
    case 7:
      let other = files[below(files.count)]
      bytes = other.contents
      what = "replaced by \(other.path)"
    case 8:
      let old = earlier[below(earlier.count)]
      bytes = old.files.first { $0.path == file.path }?.contents ?? bytes
      what = "an earlier one"
    default:
      let kind = file.path.split(separator: "/").dropLast().joined(separator: "/")
      let others = foreign.files.filter {
        $0.path == file.path || (kind != "w" && $0.path.hasPrefix(kind) && !$0.contents.isEmpty)
      }
      if !others.isEmpty { bytes = others[below(others.count)].contents }
      what = "of another warehouse"
    }
    guard bytes != file.contents, !isHarmless(file.path, file.contents, bytes, what) else { return }
    let place = "seed \(seed), number \(number): \(file.path) \(what)"
    Report.at(place)
    let broken = whole.afterKill()
    broken.overwrite(file.path, with: bytes)
    if below(2) == 0 {
      recover(broken.afterKill(), file.path, salvages: below(3) > 0, place)
    }
    check(broken, file.path, place)
  }

  // MARK: Recovery

  private mutating func recover(
    _ system: SimulatedFileSystem, _ path: String, salvages: Bool, _ place: String
  ) {
    let place = "\(place), \(salvages ? "salvaged" : "recovered")"
    func fault(_ text: String) { Report.fault("wrongly recovered", "\(place): \(text)") }
    let report: RecoverReport
    do {
      report = try Recoverer.run("w", fileSystem: system, salvages: salvages, now: { 2_000_000 })
    } catch {
      // Without salvage there may be no checkpoint to go on from.
      if salvages || error.kind != .corruption { fault("\(error)") }
      return
    }
    do {
      let found = try judge.open(system)
      if let refusal = found.store.refusal { return fault("writing is refused: \(refusal)") }
      if salvages {
        let rows = try SalvagedRow.read(found.session)
        let invented = rows.filter { !knownRows.contains($0) }
        if !invented.isEmpty {
          fault("\(invented.count) rows are new: \(invented.prefix(3)); \(report.text)")
        }
        try verify(found, path, fault)
      } else if !path.hasSuffix(".seg"),
        !report.lines.contains(where: { $0.object.hasSuffix(".seg") })
      {
        // Else the report says whose rows cannot be read: segments are damaged, or are gone because commits that are
        // lost wrote their rows anew.
        let (model, _) = try Model.read(found.session)
        if !states.contains(model) {
          fault("\(states[states.count - 1].difference(to: model)); \(report.text)")
        }
        try verify(found, path, fault)
      }
      try found.session.execute("CREATE TABLE zp99 (id BIGINT PRIMARY KEY)")
      try found.session.execute("INSERT INTO zp99 VALUES (1)")
      try found.warehouse.close()
      let again = try judge.open(system.afterPowerLoss(seed: 1))
      let count = try again.session.execute("SELECT count(*) FROM zp99").nextRow()?[0]
      if count != .integer(1) || again.store.refusal != nil { fault("what is written is lost") }
    } catch {
      fault("\(error); \(report.text)")
    }
  }

  /// - Parameter path: what was damaged; a segment of earlier versions stays as it is.
  private func verify(_ found: Place, _ path: String, _ fault: (String) -> Void) throws {
    let retired = try found.store.snapshot().retention.segments.values.joined().map(\.segment.id)
    let number = path.split(separator: "/").last?.split(separator: ".").first.flatMap { UInt64($0) }
    if path.hasSuffix(".seg"), let number, retired.contains(number) { return }
    for row in try found.session.execute("VERIFY DEEP").allRows() where row.text(0) == "error" {
      fault("VERIFY: \(row.values)")
    }
  }

  /// Files as a stop may leave them: TIP of a moment before, and a log with more or fewer zeros written ahead.
  private func isHarmless(
    _ path: String, _ whole: [UInt8], _ bytes: [UInt8], _ what: String
  ) -> Bool {
    if path.hasSuffix("/TIP") { return what == "an earlier one" }
    let (short, long) = bytes.count < whole.count ? (bytes, whole) : (whole, bytes)
    return path.hasSuffix(".log") && long.starts(with: short)
      && long[short.count...].allSatisfy { $0 == 0 }
  }

  private func check(_ system: SimulatedFileSystem, _ path: String, _ place: String) {
    try? Inspector.inspect(path, fileSystem: system) { _ in }
    let found: Place
    // An error of opening says what is wrong.
    do { found = try judge.open(system) } catch { return }
    var isSeen = !found.store.warnings.isEmpty
    do {
      let (model, _) = try Model.read(found.session)
      let isOld = found.store.refusal != nil && !found.store.warnings.isEmpty
      if model != states.last, !(isOld && states.contains(model)) {
        Report.fault(
          "wrong answers",
          "\(place): \(states[states.count - 1].difference(to: model)); \(found.store.warnings)")
      }
    } catch {
      isSeen = true
    }
    if path.hasSuffix("/LOCK") || path.hasSuffix("/LEASES") { return }
    do {
      let report = try found.session.execute("VERIFY DEEP")
      while let row = try report.nextRow() { if row.text(0) != "ok" { isSeen = true } }
    } catch {
      isSeen = true
    }
    if !isSeen { Report.fault("unseen by VERIFY", place) }
  }
}
