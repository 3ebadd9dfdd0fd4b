import Synchronization
import Vectors

/// Files in memory that can fail in every way the real ones do, repeatably.
///
/// A file has the contents programs see and the contents that are durable; writes move from the first to the
/// second when the file is synced. A directory likewise has its entries and those that are durable.
/// `afterPowerLoss(seed:)` keeps an arbitrary choice of what was not synced: each write whole, in part
/// (512-byte sectors) or not at all, each directory change or not, in no particular order.
public final class SimulatedFileSystem: FileSystem {
  /// What happens at one call.
  public enum Fault: Sendable {
    /// The process stops before the call; every later call fails too.
    case stop
    /// The same, but a write is cut at some sector border first.
    case stopTorn
    /// This call fails with EIO.
    case inputOutputError
    /// This call fails with ENOSPC, a write after some of its bytes.
    case diskFull
    /// This one and all later calls that need space fail with ENOSPC.
    case diskFullFromHere
    /// This one and all later calls fail with EIO.
    case inputOutputErrorFromHere
  }

  /// Where an observer is called, seen from a call that changes files or makes them durable.
  public enum Moment: Sendable {
    case before, after
    /// Between two parts of a write, cut at some sector border.
    case within
  }

  /// One file: what programs see, and what a power loss leaves at least.
  fileprivate final class Node {
    var contents: [UInt8] = []
    var durable: [UInt8] = []
    /// Changes since the last sync, in order.
    var pending: [Change] = []
    var locks: [(owner: ObjectIdentifier, range: Range<UInt64>, kind: LockKind)] = []
  }

  fileprivate enum Change {
    case write(offset: Int, bytes: [UInt8])
    case truncate(Int)
  }

  fileprivate enum Entry {
    case file(Node)
    case directory
  }

  fileprivate enum NameChange {
    case add(String, Entry)
    case remove(String)
    case rename(String, String, Entry)
  }

  fileprivate struct State {
    var entries: [String: Entry] = ["": .directory]
    var durable: [String: Entry] = ["": .directory]
    /// Name changes per directory since it was last synced.
    var pending: [String: [NameChange]] = [:]
    var callCount = 0
    var calls: [String] = []
    var faults: [Int: Fault] = [:]
    var isStopped = false
    var isFull = false
    var isBroken = false
  }

  // Everything behind one lock; `Node` is only touched while it is held.
  private let state: Mutex<Unchecked>
  private let observer = Mutex<(@Sendable (Moment, String) -> Void)?>(nil)
  fileprivate struct Unchecked: @unchecked Sendable { var value: State }

  public init() { state = Mutex(Unchecked(value: State())) }
  private init(_ value: State) { state = Mutex(Unchecked(value: value)) }

  /// Calls made so far; the first call has number 1.
  public var callCount: Int { state.withLock { $0.value.callCount } }
  /// Verb and path of every call, for messages of failing tests.
  public var calls: [String] { state.withLock { $0.value.calls } }

  /// Makes `fault` happen at call number `call`.
  public func inject(_ fault: Fault, atCall call: Int) {
    state.withLock { $0.value.faults[call] = fault }
  }

  /// Forgets faults, a stop and a full disk; the contents stay.
  public func clearFaults() {
    state.withLock {
      $0.value.faults = [:]
      $0.value.isStopped = false
      $0.value.isFull = false
      $0.value.isBroken = false
    }
  }

  /// Calls `observer` around every call that changes files or makes them durable, on the thread that makes it, with its
  /// verb and path. It may copy the files with `afterKill` and `afterPowerLoss`; nothing else.
  public func observe(_ observer: (@Sendable (Moment, String) -> Void)?) {
    self.observer.withLock { $0 = observer }
  }

  /// The files as another process finds them after this one was killed: everything written, no locks.
  public func afterKill() -> SimulatedFileSystem {
    state.withLock { guarded in
      var next = State()
      var copies: [ObjectIdentifier: Node] = [:]
      next.entries = guarded.value.entries.mapValues { copy($0, &copies, \.contents) }
      next.durable = next.entries
      return SimulatedFileSystem(next)
    }
  }

  /// The files as the next start of the machine finds them: durable contents plus some of the rest.
  public func afterPowerLoss(seed: UInt64) -> SimulatedFileSystem {
    state.withLock { guarded in
      var random = SplitMix64(seed: seed)
      var next = State()
      next.entries = guarded.value.durable
      for directory in guarded.value.pending.keys.sorted() {
        for change in guarded.value.pending[directory]! where random.next() & 1 == 0 {
          SimulatedFileSystem.apply(change, to: &next.entries)
        }
      }
      // A name in a directory that did not survive is gone too.
      next.entries = next.entries.filter { path, _ in
        SimulatedFileSystem.ancestors(path).allSatisfy { next.entries[$0] != nil }
      }
      var copies: [ObjectIdentifier: Node] = [:]
      for path in next.entries.keys.sorted() {
        guard case .file(let node)? = next.entries[path] else { continue }
        if let known = copies[ObjectIdentifier(node)] {
          next.entries[path] = .file(known)
          continue
        }
        let survivor = Node()
        survivor.contents = SimulatedFileSystem.surviving(node, &random)
        survivor.durable = survivor.contents
        copies[ObjectIdentifier(node)] = survivor
        next.entries[path] = .file(survivor)
      }
      next.durable = next.entries
      return SimulatedFileSystem(next)
    }
  }

  /// All file paths with their contents, sorted by path.
  public var files: [(path: String, contents: [UInt8])] {
    state.withLock { guarded in
      guarded.value.entries.compactMap { path, entry in
        if case .file(let node) = entry { (path, node.contents) } else { nil }
      }.sorted { $0.path < $1.path }
    }
  }

  /// Replaces the contents of a file, as a broken disk would; durable at once.
  public func overwrite(_ path: String, with contents: [UInt8]) {
    state.withLock { guarded in
      guard case .file(let node)? = guarded.value.entries[SimulatedFileSystem.normal(path)] else {
        return
      }
      node.contents = contents
      node.durable = contents
      node.pending = []
    }
  }

  private func copy(
    _ entry: Entry, _ copies: inout [ObjectIdentifier: Node], _ contents: KeyPath<Node, [UInt8]>
  ) -> Entry {
    guard case .file(let node) = entry else { return entry }
    if let known = copies[ObjectIdentifier(node)] { return .file(known) }
    let twin = Node()
    twin.contents = node[keyPath: contents]
    twin.durable = twin.contents
    copies[ObjectIdentifier(node)] = twin
    return .file(twin)
  }
}

extension SimulatedFileSystem {
  public func open(_ path: String, _ mode: FileMode) throws(StoaError) -> any File {
    let isChange = mode == .create || mode == .updateOrCreate
    let node = try call("open", path, isChange: isChange) {
      (state, name) throws(StoaError) -> Node in
      if case .file(let node)? = state.entries[name] {
        if mode == .create {
          node.contents = []
          node.pending.append(.truncate(0))
        }
        return node
      }
      guard state.entries[name] == nil else { throw simulatedError("open", path, "Is a directory") }
      guard mode == .create || mode == .updateOrCreate else {
        throw simulatedError("open", path, "No such file or directory")
      }
      try requireParent(name, state, path)
      try requireSpace(state, "open", path)
      let node = Node()
      change(.add(name, .file(node)), of: name, &state)
      return node
    }
    return SimulatedFile(node: node, path: path, system: self)
  }

  public func fileSize(_ path: String) throws(StoaError) -> UInt64? {
    try call("size", path) { (state, name) throws(StoaError) -> UInt64? in
      switch state.entries[name] {
      case .file(let node)?: UInt64(node.contents.count)
      case .directory?: 0
      case nil: nil
      }
    }
  }

  public func list(_ path: String) throws(StoaError) -> [String]? {
    try call("list", path) { (state, name) throws(StoaError) -> [String]? in
      guard case .directory? = state.entries[name] else { return nil }
      return state.entries.keys.filter { $0 != "" && SimulatedFileSystem.parent($0) == name }
        .map { SimulatedFileSystem.lastComponent($0) }.sorted()
    }
  }

  public func makeDirectory(_ path: String) throws(StoaError) {
    try call("mkdir", path, isChange: true) { (state, name) throws(StoaError) in
      if case .directory? = state.entries[name] { return }
      guard state.entries[name] == nil else { throw simulatedError("mkdir", path, "File exists") }
      try requireParent(name, state, path)
      try requireSpace(state, "mkdir", path)
      change(.add(name, .directory), of: name, &state)
    }
  }

  public func rename(_ source: String, to target: String) throws(StoaError) {
    let targetName = SimulatedFileSystem.normal(target)
    try call("rename", source, isChange: true) { (state, name) throws(StoaError) in
      guard let entry = state.entries[name] else {
        throw simulatedError("rename", source, "No such file or directory")
      }
      try requireParent(targetName, state, target)
      change(.rename(name, targetName, entry), of: targetName, &state)
    }
  }

  public func link(_ source: String, to target: String) throws(StoaError) {
    let targetName = SimulatedFileSystem.normal(target)
    try call("link", source, isChange: true) { (state, name) throws(StoaError) in
      guard let entry = state.entries[name], state.entries[targetName] == nil else {
        throw simulatedError("link", source, "No such file, or the target exists")
      }
      try requireSpace(state, "link", source)
      change(.add(targetName, entry), of: targetName, &state)
    }
  }

  public func unlink(_ path: String) throws(StoaError) {
    try call("unlink", path, isChange: true) { (state, name) throws(StoaError) in
      guard case .file? = state.entries[name] else { return }
      change(.remove(name), of: name, &state)
    }
  }

  public func removeDirectory(_ path: String) throws(StoaError) {
    try call("rmdir", path, isChange: true) { (state, name) throws(StoaError) in
      guard case .directory? = state.entries[name] else { return }
      guard !state.entries.keys.contains(where: { SimulatedFileSystem.parent($0) == name }) else {
        throw simulatedError("rmdir", path, "Directory not empty")
      }
      change(.remove(name), of: name, &state)
    }
  }

  public func syncDirectory(_ path: String) throws(StoaError) {
    try call("syncdir", path, isChange: true) { (state, name) throws(StoaError) in
      for change in state.pending.removeValue(forKey: name) ?? [] {
        SimulatedFileSystem.apply(change, to: &state.durable)
      }
    }
  }

  /// Counts the call, lets an injected fault happen, then runs `body` with the normalised path.
  fileprivate func call<R>(
    _ verb: String, _ path: String, isWrite: Bool = false, isChange: Bool = false,
    canFail: Bool = true, torn: (inout State) -> Void = { _ in },
    _ body: (inout State, String) throws(StoaError) -> R
  ) throws(StoaError) -> R {
    if isChange { observe(.before, verb, path) }
    defer { if isChange { observe(.after, verb, path) } }
    return try state.withLock { guarded throws(StoaError) -> R in
      guarded.value.callCount += 1
      guarded.value.calls.append("\(verb) \(path)")
      if guarded.value.isStopped { throw stopError(path) }
      // Giving a lock back touches no disk.
      guard canFail else { return try body(&guarded.value, SimulatedFileSystem.normal(path)) }
      switch guarded.value.faults[guarded.value.callCount] {
      case nil: break
      case .stop?:
        guarded.value.isStopped = true
        throw stopError(path)
      case .stopTorn?:
        torn(&guarded.value)
        guarded.value.isStopped = true
        throw stopError(path)
      case .inputOutputError?: throw simulatedError(verb, path, "Input/output error")
      case .diskFull?:
        torn(&guarded.value)
        throw fullError(verb, path)
      case .diskFullFromHere?: guarded.value.isFull = true
      case .inputOutputErrorFromHere?: guarded.value.isBroken = true
      }
      if guarded.value.isBroken { throw simulatedError(verb, path, "Input/output error") }
      if guarded.value.isFull && isWrite {
        torn(&guarded.value)
        throw fullError(verb, path)
      }
      return try body(&guarded.value, SimulatedFileSystem.normal(path))
    }
  }

  fileprivate func observe(_ moment: Moment, _ verb: String, _ path: String) {
    guard let observer = observer.withLock({ $0 }) else { return }
    observer(moment, "\(verb) \(path)")
  }

  /// Whether writes are to be cut in two for an observer.
  fileprivate var isObserved: Bool { observer.withLock { $0 != nil } }

  private func requireParent(
    _ name: String, _ state: borrowing State, _ path: String
  ) throws(StoaError) {
    guard case .directory? = state.entries[SimulatedFileSystem.parent(name)] else {
      throw simulatedError("open", path, "No such file or directory")
    }
  }

  private func requireSpace(
    _ state: borrowing State, _ verb: String, _ path: String
  ) throws(StoaError) {
    if state.isFull { throw fullError(verb, path) }
  }

  private func change(_ change: NameChange, of name: String, _ state: inout State) {
    SimulatedFileSystem.apply(change, to: &state.entries)
    state.pending[SimulatedFileSystem.parent(name), default: []].append(change)
  }

  private func stopError(_ path: String) -> StoaError {
    StoaError(.io, "the simulated machine has stopped", path: path)
  }

  private func fullError(_ verb: String, _ path: String) -> StoaError {
    StoaError(.resource, "cannot \(verb): No space left on device", path: path)
  }
}

private func simulatedError(_ verb: String, _ path: String, _ reason: String) -> StoaError {
  StoaError(.io, "cannot \(verb): \(reason)", path: path)
}

extension SimulatedFileSystem {
  fileprivate static let sectorBytes = 512

  fileprivate static func apply(_ change: NameChange, to entries: inout [String: Entry]) {
    switch change {
    case .add(let name, let entry): entries[name] = entry
    case .remove(let name): entries[name] = nil
    case .rename(let source, let target, let entry):
      entries[source] = nil
      entries[target] = entry
    }
  }

  fileprivate static func apply(_ change: Change, to contents: inout [UInt8]) {
    switch change {
    case .write(let offset, let bytes):
      if contents.count < offset + bytes.count {
        contents += [UInt8](repeating: 0, count: offset + bytes.count - contents.count)
      }
      contents.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    case .truncate(let size):
      if size < contents.count {
        contents.removeLast(contents.count - size)
      } else {
        contents += [UInt8](repeating: 0, count: size - contents.count)
      }
    }
  }

  fileprivate static func surviving(_ node: Node, _ random: inout SplitMix64) -> [UInt8] {
    var contents = node.durable
    for change in node.pending {
      switch random.next() % 3 {
      case 0: apply(change, to: &contents)
      case 1:
        guard case .write(let offset, let bytes) = change else { continue }
        for part in sectors(offset, bytes.count) where random.next() & 1 == 0 {
          let piece = Array(bytes[(part.lowerBound - offset)..<(part.upperBound - offset)])
          apply(.write(offset: part.lowerBound, bytes: piece), to: &contents)
        }
      default: continue
      }
    }
    return contents
  }

  /// How many bytes of a write come before one of the sector borders inside it; 0 when there is none.
  fileprivate static func cut(_ offset: Int, _ count: Int, seed: UInt64) -> Int {
    let first = offset / sectorBytes + 1
    let borderCount = (offset + count - 1) / sectorBytes - first + 1
    guard borderCount > 0 else { return 0 }
    var random = SplitMix64(seed: seed)
    return (first + Int(random.next() % UInt64(borderCount))) * sectorBytes - offset
  }

  /// The pieces of `offset ..< offset + count` between sector borders.
  private static func sectors(_ offset: Int, _ count: Int) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    var start = offset
    while start < offset + count {
      let end = min((start / sectorBytes + 1) * sectorBytes, offset + count)
      parts.append(start..<end)
      start = end
    }
    return parts
  }

  fileprivate static func normal(_ path: String) -> String {
    path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
  }

  fileprivate static func parent(_ name: String) -> String {
    name.lastIndex(of: "/").map { String(name[..<$0]) } ?? ""
  }

  fileprivate static func lastComponent(_ name: String) -> String {
    name.lastIndex(of: "/").map { String(name[name.index(after: $0)...]) } ?? name
  }

  fileprivate static func ancestors(_ name: String) -> [String] {
    var result: [String] = []
    var current = name
    while current != "" {
      current = parent(current)
      result.append(current)
    }
    return result
  }
}

/// An open simulated file; its locks go when it goes.
private final class SimulatedFile: File, @unchecked Sendable {
  let node: SimulatedFileSystem.Node
  let path: String
  let system: SimulatedFileSystem

  init(node: SimulatedFileSystem.Node, path: String, system: SimulatedFileSystem) {
    self.node = node
    self.path = path
    self.system = system
  }

  deinit { system.releaseLocks(of: ObjectIdentifier(self), on: node) }

  func size() throws(StoaError) -> UInt64 {
    try system.call("fstat", path) { (_, _) throws(StoaError) in UInt64(node.contents.count) }
  }

  func hasName() throws(StoaError) -> Bool {
    try system.call("fstat", path) { (state, _) throws(StoaError) in
      state.entries.values.contains {
        if case .file(let found) = $0 { found === node } else { false }
      }
    }
  }

  func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StoaError) -> Int
  {
    try system.call("read", path) { (_, _) throws(StoaError) in
      guard offset < UInt64(node.contents.count) else { return 0 }
      let count = min(target.count, node.contents.count - Int(offset))
      node.contents.withUnsafeBytes { bytes in
        target.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: bytes[Int(offset)..<(Int(offset) + count)]))
      }
      return count
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoaError) {
    let start = Int(offset)
    func put(_ part: some Sequence<UInt8>, at start: Int) {
      let change = SimulatedFileSystem.Change.write(offset: start, bytes: [UInt8](part))
      SimulatedFileSystem.apply(change, to: &node.contents)
      node.pending.append(change)
    }
    let cut = SimulatedFileSystem.cut(start, bytes.count, seed: UInt64(system.callCount))
    let isCut = cut > 0 && system.isObserved
    try system.call(
      "write", path, isWrite: true, isChange: true,
      torn: { _ in if cut > 0 { put(bytes.prefix(cut), at: start) } }
    ) { (_, _) throws(StoaError) in put(isCut ? bytes.prefix(cut) : bytes[...], at: start) }
    guard isCut else { return }
    system.observe(.within, "write", path)
    system.withNodes { put(bytes.dropFirst(cut), at: start + cut) }
    system.observe(.after, "write", path)
  }

  func truncate(to size: UInt64) throws(StoaError) {
    try system.call("truncate", path, isChange: true) { (_, _) throws(StoaError) in
      SimulatedFileSystem.apply(.truncate(Int(size)), to: &node.contents)
      node.pending.append(.truncate(Int(size)))
    }
  }

  func sync() throws(StoaError) {
    // Space is taken when bytes are written; what only became shorter can be synced on a full disk.
    let needsSpace = system.withNodes { node.contents.count > node.durable.count }
    try system.call("sync", path, isWrite: needsSpace, isChange: true) { (_, _) throws(StoaError) in
      node.durable = node.contents
      node.pending = []
    }
  }

  func syncContents() throws(StoaError) { try sync() }

  func tryLock(_ range: Range<UInt64>, _ kind: LockKind) throws(StoaError) -> Bool {
    try system.call("lock", path) { (_, _) throws(StoaError) in
      let me = ObjectIdentifier(self)
      let isTaken = node.locks.contains { lock in
        lock.owner != me && lock.range.overlaps(range)
          && (kind == .exclusive || lock.kind == .exclusive)
      }
      if !isTaken { node.locks.append((me, range, kind)) }
      return !isTaken
    }
  }

  func unlock(_ range: Range<UInt64>) throws(StoaError) {
    try system.call("unlock", path, canFail: false) { (_, _) throws(StoaError) in
      let me = ObjectIdentifier(self)
      node.locks.removeAll { $0.owner == me && $0.range.overlaps(range) }
    }
  }

  func isLockedElsewhere(_ range: Range<UInt64>) throws(StoaError) -> Bool {
    try system.call("getlock", path) { (_, _) throws(StoaError) in
      let me = ObjectIdentifier(self)
      return node.locks.contains { $0.owner != me && $0.range.overlaps(range) }
    }
  }
}

extension SimulatedFileSystem {
  /// Runs `body` while nobody changes files.
  fileprivate func withNodes<R>(_ body: () -> R) -> R { state.withLock { _ in body() } }

  fileprivate func releaseLocks(of owner: ObjectIdentifier, on node: Node) {
    state.withLock { _ in node.locks.removeAll { $0.owner == owner } }
  }
}

/// A small seeded generator for simulations and tests (Steele, Lea, Flood, "Fast Splittable Pseudorandom
/// Number Generators", OOPSLA 2014).
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
