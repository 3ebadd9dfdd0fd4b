import Vectors

/// Numbers one after another, each given once, made by CREATE SEQUENCE. How far they are given is no part of the
/// definition: `SequencePosition`, which is kept beside the catalog and moves outside of transactions.
public struct SequenceDefinition: Hashable, Sendable {
  /// Numbers taken at once where CACHE does not say how many.
  public static let defaultChunk = 32

  public var id: ObjectID
  public var schema: SchemaID
  public var name: String
  /// SMALLINT, INTEGER or BIGINT; bounds the numbers.
  public var type: LogicalType
  /// The first number, and where RESTART begins again.
  public var start: Int64
  /// From one number to the next; not 0.
  public var increment: Int64
  public var minimum: Int64
  public var maximum: Int64
  /// Begins at the other end when the numbers are used up.
  public var cycles: Bool
  /// Numbers that a process takes at once; 0 for `defaultChunk`.
  public var cache: UInt32
  /// Grows when numbers taken before are not to be given any more: RESTART, `setval`, other numbers by ALTER.
  public var generation: UInt32 = 0
  /// Where this generation began.
  public var origin: SequencePosition
  /// This generation began where the one before it was, whatever `origin` says.
  public var continues = false
  /// The table with the column that the sequence is for, and goes with; 0 for none.
  public var owner: TableID = 0
  public var ownerColumn: ColumnID = 0
  /// From COMMENT ON SEQUENCE.
  public var comment: String?

  /// A sequence of which no number was given.
  public init(
    id: ObjectID, schema: SchemaID, name: String, type: LogicalType = .bigint, start: Int64 = 1,
    increment: Int64 = 1, minimum: Int64 = 1, maximum: Int64 = .max, cycles: Bool = false,
    cache: UInt32 = 0
  ) {
    self.id = id
    self.schema = schema
    self.name = name
    self.type = type
    self.start = start
    self.increment = increment
    self.minimum = minimum
    self.maximum = maximum
    self.cycles = cycles
    self.cache = cache
    origin = SequencePosition(last: start, isCalled: false)
  }

  /// Numbers that a process takes at once.
  public var chunk: Int { cache == 0 ? SequenceDefinition.defaultChunk : Int(cache) }

  /// The same, begun anew.
  public func restarted(at position: SequencePosition) -> SequenceDefinition {
    var sequence = self
    sequence.generation &+= 1
    sequence.origin = position
    sequence.continues = false
    return sequence
  }

  /// What comes next; `nil` when the numbers are used up.
  public func next(after position: SequencePosition) -> Int64? {
    guard position.isCalled else { return position.last }
    let (next, isOver) = position.last.addingReportingOverflow(increment)
    if !isOver, next >= minimum, next <= maximum { return next }
    return cycles ? (increment > 0 ? minimum : maximum) : nil
  }

  /// Up to `count` numbers that follow each other without going round.
  /// - Throws: when the numbers are used up.
  public func take(
    _ count: Int, after position: SequencePosition
  ) throws(StoaError) -> SequenceRange {
    guard let first = next(after: position) else {
      throw StoaError(
        .evaluation,
        "nextval: sequence \"\(name)\" has reached its "
          + (increment > 0 ? "maximum (\(maximum))" : "minimum (\(minimum))"),
        hint: "ALTER SEQUENCE gives it more numbers, CYCLE begins again at the other end")
    }
    let room =
      increment > 0
      ? (Int128(maximum) - Int128(first)) / Int128(increment)
      : (Int128(first) - Int128(minimum)) / -Int128(increment)
    let taken = Int(clamping: min(Int128(max(count, 1)), room + 1))
    return SequenceRange(first: first, count: taken, increment: increment, generation: generation)
  }
}

/// How far a sequence's numbers are given away.
public struct SequencePosition: Hashable, Sendable {
  public var last: Int64
  /// False when `last` itself is the next number.
  public var isCalled: Bool

  public init(last: Int64, isCalled: Bool) {
    self.last = last
    self.isCalled = isCalled
  }
}

/// Numbers of a sequence that belong to whoever took them.
public struct SequenceRange: Hashable, Sendable {
  public private(set) var first: Int64
  public private(set) var count: Int
  public let increment: Int64
  public let generation: UInt32

  /// - Parameter count: at least 1, and so that no number overflows.
  public init(first: Int64, count: Int, increment: Int64, generation: UInt32) {
    self.first = first
    self.count = count
    self.increment = increment
    self.generation = generation
  }

  /// The number that was given last before these.
  public var before: SequencePosition {
    SequencePosition(last: first &- increment, isCalled: true)
  }

  /// The position after all of them.
  public var end: SequencePosition {
    SequencePosition(last: first &+ Int64(count - 1) &* increment, isCalled: true)
  }

  /// Takes the first number out.
  public mutating func removeFirst() -> Int64? {
    guard count > 0 else { return nil }
    let number = first
    count -= 1
    first = first &+ increment
    return number
  }
}

extension CatalogState {
  /// The sequence of this number.
  public func sequence(_ id: ObjectID) -> SequenceDefinition? {
    if case .sequence(let sequence) = objects[id] { sequence } else { nil }
  }

  /// The sequence of this name, in any case.
  public func sequence(
    named name: String, in schema: SchemaID = mainSchema
  ) -> SequenceDefinition? {
    object(named: name, in: schema).flatMap { sequence($0) }
  }

  /// All sequences, those of `main` first, by name.
  public var sortedSequences: [SequenceDefinition] {
    objects.keys.compactMap { sequence($0) }.sorted {
      ($0.schema, CatalogState.key($0.name)) < ($1.schema, CatalogState.key($1.name))
    }
  }

  /// Tables with a DEFAULT that takes numbers of this sequence.
  public func tables(drawingFrom id: ObjectID) -> [TableDefinition] {
    sortedTables.filter { $0.columns.contains { $0.sequences.contains(id) } }
  }
}
