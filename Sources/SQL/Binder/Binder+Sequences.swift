import Catalog
import Kernels
import Vectors

/// CREATE and ALTER SEQUENCE.
extension Binder {
  func findSequence(_ name: QualifiedNameSyntax) -> SequenceDefinition? {
    schemas(of: name, in: catalog).lazy.compactMap {
      self.catalog.sequence(named: name.name.text, in: $0)
    }.first
  }

  func sequence(named name: QualifiedNameSyntax) throws(StoaError) -> SequenceDefinition {
    if let sequence = findSequence(name) { return sequence }
    throw StoaError(
      .binding, "there is no sequence \"\(name.text)\"",
      hint: Suggestion.hint(for: name.name.text, among: catalog.sortedSequences.map(\.name)),
      position: name.position)
  }

  func bindCreateSequence(_ create: CreateSequenceSyntax) throws(StoaError) -> BoundDefinition {
    let name = create.name.name.text
    guard !name.isEmpty else {
      throw StoaError(
        .binding, "a sequence name must not be empty", position: create.name.position)
    }
    let schema = try newSchema(create.name)
    if create.ifNotExists, let known = catalog.sequence(named: name, in: schema) {
      return BoundDefinition(.create, [], notice: "Sequence \(known.name) exists already")
    }
    var sequence = SequenceDefinition(id: catalog.nextTableID, schema: schema, name: name)
    try apply(create.options, to: &sequence, old: nil)
    let edit = CatalogEdit.createObject(.sequence(sequence))
    var changed = catalog
    do throws(StoaError) { try changed.apply(edit) } catch {
      throw error.at(create.name.position)
    }
    return BoundDefinition(.create, [edit])
  }

  /// A sequence for one column of a new table; its numbers are given by the session.
  func columnSequence(
    _ options: SequenceOptionsSyntax, for column: ColumnDefinition, of table: TableDefinition
  ) throws(StoaError) -> SequenceDefinition {
    let base = "\(table.name)_\(column.name)_seq"
    var name = base
    var number = 1
    while catalog.object(named: name, in: table.schema) != nil
      || CatalogState.key(name) == CatalogState.key(table.name)
    {
      name = base + String(number)
      number += 1
    }
    var sequence = SequenceDefinition(id: 0, schema: table.schema, name: name)
    sequence.ownerColumn = column.id
    var options = options
    if options.type == nil {
      options.type = TypeSyntax(
        name: column.type.description, arguments: [], position: options.position)
    }
    try apply(options, to: &sequence, old: nil)
    return sequence
  }

  func bindAlterSequence(
    _ name: QualifiedNameSyntax, _ options: SequenceOptionsSyntax, ifExists: Bool
  ) throws(StoaError) -> BoundDefinition {
    if ifExists, findSequence(name) == nil { return BoundDefinition(.create, []) }
    let old = try sequence(named: name)
    var sequence = old
    try apply(options, to: &sequence, old: old)
    if case .some(let number) = options.restart {
      let first = number ?? sequence.start
      try check(first, "RESTART", sequence, options.position)
      sequence = sequence.restarted(at: SequencePosition(last: first, isCalled: false))
    } else if sequence != old {
      sequence = sequence.restarted(at: old.origin)
      sequence.continues = true
    }
    guard sequence != old else { return BoundDefinition(.create, []) }
    return BoundDefinition(.create, [.alterObject(.sequence(sequence))])
  }

  private func apply(
    _ options: SequenceOptionsSyntax, to sequence: inout SequenceDefinition,
    old: SequenceDefinition?
  ) throws(StoaError) {
    let position = options.position
    if let type = options.type {
      sequence.type = try type.resolved()
      guard [.smallint, .integer, .bigint].contains(sequence.type) else {
        throw StoaError(
          .binding, "a sequence is SMALLINT, INTEGER or BIGINT", position: type.position)
      }
    }
    if let increment = options.increment {
      guard increment != 0 else {
        throw StoaError(.binding, "INCREMENT must not be 0", position: position)
      }
      sequence.increment = increment
    }
    let range = Binder.range(of: sequence.type)
    let isTurned = old.map { ($0.increment > 0) != (sequence.increment > 0) } ?? true
    let isOtherType = old.map { $0.type != sequence.type } ?? true
    func bound(
      _ said: SequenceOptionsSyntax.Bound?, _ known: Int64, _ standard: Int64, _ extreme: Int64
    ) -> Int64 {
      switch said {
      case .value(let value)?: value
      case .some(.none): standard
      case nil: old == nil || isTurned || isOtherType && known == extreme ? standard : known
      }
    }
    let ascends = sequence.increment > 0
    let known = old.map { Binder.range(of: $0.type) } ?? range
    sequence.minimum = bound(
      options.minimum, sequence.minimum, ascends ? 1 : range.lowerBound, known.lowerBound)
    sequence.maximum = bound(
      options.maximum, sequence.maximum, ascends ? range.upperBound : -1, known.upperBound)
    guard sequence.minimum < sequence.maximum else {
      throw StoaError(
        .binding,
        "MINVALUE (\(sequence.minimum)) must be less than MAXVALUE (\(sequence.maximum))",
        position: position)
    }
    guard range.contains(sequence.minimum), range.contains(sequence.maximum) else {
      throw StoaError(
        .binding, "MINVALUE or MAXVALUE is outside \(sequence.type)", position: position)
    }
    if let cycles = options.cycles { sequence.cycles = cycles }
    if let cache = options.cache { sequence.cache = cache }
    if let start = options.start {
      sequence.start = start
    } else if old == nil {
      sequence.start = ascends ? sequence.minimum : sequence.maximum
    }
    try check(sequence.start, "START", sequence, position)
    if old == nil {
      sequence.origin = SequencePosition(last: sequence.start, isCalled: false)
    }
  }

  private func check(
    _ value: Int64, _ what: String, _ sequence: SequenceDefinition, _ position: Range<Int>
  ) throws(StoaError) {
    guard value < sequence.minimum || value > sequence.maximum else { return }
    throw StoaError(
      .binding,
      "\(what) (\(value)) is not between MINVALUE (\(sequence.minimum)) and MAXVALUE "
        + "(\(sequence.maximum))", position: position)
  }

  private static func range(of type: LogicalType) -> ClosedRange<Int64> {
    switch type {
    case .smallint: Int64(Int16.min)...Int64(Int16.max)
    case .integer: Int64(Int32.min)...Int64(Int32.max)
    default: Int64.min...Int64.max
    }
  }
}

/// `nextval`, `currval`, `lastval`, `setval`. They become calls that are evaluated for each row, in no
/// expression but the one they stand in.
extension Binder {
  static let sequenceFunctions: Set<String> = ["nextval", "currval", "lastval", "setval"]

  /// - Returns: `nil` for other functions.
  func bindSequenceCall(
    _ name: String, _ call: FunctionCallSyntax, _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression? {
    guard Binder.sequenceFunctions.contains(name) else { return nil }
    guard !call.isStar, !call.isDistinct, call.filter == nil, call.orderBy.isEmpty,
      call.withinGroup.isEmpty
    else { throw StoaError(.binding, "\(name) is no aggregate function", position: position) }
    let counts = name == "lastval" ? 0...0 : name == "setval" ? 2...3 : 1...1
    guard counts.contains(call.arguments.count) else {
      let forms = [
        "nextval": "nextval('sequence')", "currval": "currval('sequence')",
        "lastval": "lastval()", "setval": "setval('sequence', number[, is_called])",
      ]
      throw StoaError(
        .binding, "\(name) does not take \(call.arguments.count) arguments",
        hint: "Write \(forms[name] ?? name)", position: position)
    }
    guard let source = sequences else {
      throw StoaError(.unsupported, "\(name) cannot be used here", position: position)
    }
    if name == "lastval" {
      let taken = takenSequences
      return function(name, [], position) { _, count throws(StoaError) in
        try Binder.requireOneRow(name, count, taken, nil)
        return Vector(
          constant: .integer(Int128(try source.lastNumber())), type: .bigint, count: count)
      }
    }
    let sequence = try namedSequence(call.arguments[0].value, name)
    dependencies.insert(sequence.id)
    let path = Expression.constant(
      .string("\(catalog.schemaName(sequence.schema)).\(sequence.name)"), .varchar)
    let taken = takenSequences
    switch name {
    case "nextval":
      taken.insert(sequence.id)
      return function(name, [path], position) { _, count throws(StoaError) in
        try Binder.vector(try source.nextNumbers(of: sequence, count: count))
      }
    case "currval":
      return function(name, [path], position) { _, count throws(StoaError) in
        try Binder.requireOneRow(name, count, taken, sequence.id)
        return Vector(
          constant: .integer(Int128(try source.currentNumber(of: sequence))), type: .bigint,
          count: count)
      }
    default:
      let value = try assigned(
        try bindExpression(call.arguments[1].value, clause), to: .bigint,
        at: call.arguments[1].value.position)
      var flag = Expression.constant(.boolean(true), .boolean)
      if call.arguments.count > 2 {
        flag = try assigned(
          try bindExpression(call.arguments[2].value, clause), to: .boolean,
          at: call.arguments[2].value.position)
      }
      return function(name, [path, value, flag], position) { arguments, count throws(StoaError) in
        try Binder.setValues(sequence, source, arguments, count)
      }
    }
  }

  private func function(
    _ name: String, _ arguments: [Expression], _ position: Range<Int>,
    _ kernel: @escaping BoundFunction.Kernel
  ) -> Expression {
    var function = BoundFunction(
      name: name, argumentTypes: arguments.map(\.type), resultType: .bigint,
      isDeterministic: false, propagatesNull: false, kernel: kernel)
    function.place = place(position)
    return .call(function, arguments)
  }

  private func namedSequence(
    _ argument: ExpressionSyntax, _ function: String
  ) throws(StoaError) -> SequenceDefinition {
    guard case .literal(.string(let text)) = argument.kind else {
      throw StoaError(
        .binding, "\(function) takes the name of a sequence as a text in quotes",
        hint: "Write \(function)('sequence')", position: argument.position)
    }
    let name: QualifiedNameSyntax
    do throws(StoaError) {
      name = try Parser.parseName(text)
    } catch {
      throw StoaError(error.kind, error.message, hint: error.hint, position: argument.position)
    }
    // A DEFAULT knows its sequences by number, whatever the search path is.
    let key = CatalogState.key(name.name.text)
    let known = knownSequences.compactMap { catalog.sequence($0) }
    if let sequence = known.first(where: { CatalogState.key($0.name) == key }) { return sequence }
    do throws(StoaError) {
      return try sequence(named: name)
    } catch {
      throw StoaError(error.kind, error.message, hint: error.hint, position: argument.position)
    }
  }

  private static func vector(_ numbers: [Int64]) throws(StoaError) -> Vector {
    let buffer = Buffer(of: Int64.self, count: max(1, numbers.count))
    let values = buffer.typed(Int64.self)
    for (row, number) in numbers.enumerated() { values[row] = number }
    return Vector(flat: buffer, type: .bigint, count: numbers.count)
  }

  /// What a session got last is one number; beside `nextval` in rows that are computed together it would be the same for
  /// all of them.
  private static func requireOneRow(
    _ name: String, _ count: Int, _ taken: TakenSequences, _ id: ObjectID?
  ) throws(StoaError) {
    guard count > 1, taken.contains(id) else { return }
    throw StoaError(
      .unsupported, "\(name) in a statement that takes numbers of the sequence for many rows",
      hint: "Take the number once in a subquery, as in SELECT n, n FROM (SELECT nextval(…) AS n …)")
  }

  private static func setValues(
    _ sequence: SequenceDefinition, _ source: any SequenceSource, _ arguments: [Vector],
    _ count: Int
  ) throws(StoaError) -> Vector {
    var results = VectorBuilder(type: .bigint, capacity: count)
    for row in 0..<count {
      guard case .integer(let number) = arguments[1].value(at: row),
        case .boolean(let isCalled) = arguments[2].value(at: row),
        let value = Int64(exactly: number)
      else {
        results.append(.null)
        continue
      }
      guard value >= sequence.minimum, value <= sequence.maximum else {
        throw StoaError(
          .evaluation,
          "setval: \(value) is outside sequence \"\(sequence.name)\" "
            + "(\(sequence.minimum) to \(sequence.maximum))")
      }
      try source.set(sequence, to: SequencePosition(last: value, isCalled: isCalled))
      results.append(.integer(Int128(value)))
    }
    return results.finish()
  }
}
