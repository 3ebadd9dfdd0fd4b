import Kernels
import Testing
import Vectors

/// Laws that hold for every registered aggregate, type and form.
@Suite("Aggregate laws")
struct AggregateLawTests {
  static let groupCount = 5

  struct Input {
    var batches: [(arguments: [Vector], groups: [UInt32])] = []
    var values: [(group: UInt32, value: Value)] = []
  }

  static func makeInput(
    _ types: [LogicalType], _ random: inout SeededRandom, isUngrouped: Bool,
    isFraction: Bool = false
  ) -> Input {
    var input = Input()
    for _ in 0..<(1 + Int(random.next() % 5)) {
      let count = Int(random.next() % 200)
      let nullEvery = random.next() % 4
      let vectors = types.enumerated().map { index, type in
        // Second arguments of quantiles are fractions.
        index == 1 && isFraction
          ? Vector(constant: .double(0.3), type: .double, count: count)
          : RandomVectors.vector(type, count: count, distinct: 30, nullEvery: nullEvery, &random)
      }
      let groups = (0..<count).map { _ in
        isUngrouped ? 2 : UInt32(random.next() % UInt64(groupCount - 1))
      }
      input.batches.append((vectors, groups))
      let boxed = vectors.first?.allValues ?? [Value](repeating: .boolean(true), count: count)
      for row in 0..<count { input.values.append((groups[row], boxed[row])) }
    }
    return input
  }

  static func aggregate(
    _ function: BoundAggregate, _ input: Input, isDistinct: Bool, single: Bool = false
  ) throws -> any AggregateAccumulator {
    let accumulator = function.makeAccumulator(isDistinct: isDistinct)
    try accumulator.resize(groupCount: groupCount)
    for batch in input.batches {
      if single {
        try accumulator.updateSingle(batch.arguments, count: batch.groups.count, group: 2)
      } else {
        try accumulator.update(batch.arguments, groups: batch.groups, count: batch.groups.count)
      }
    }
    return accumulator
  }

  static let cases: [(BoundAggregate, Bool)] = AggregateRegistry.all.flatMap { function in
    let pairs: [[LogicalType]] = [
      [.double, .double], [.varchar, .varchar], [.varchar, .double], [.timestamp, .integer],
      [.hugeint, .varchar], [.integer, .double], [.date, .double], [.boolean, .date],
    ]
    return ([[]] + (RandomVectors.types + [.null]).map { [$0] } + pairs).flatMap { types in
      guard let bound = try? function.resolve(argumentTypes: types) else {
        return [] as [(BoundAggregate, Bool)]
      }
      return types.count != 1 ? [(bound, false)] : [(bound, false), (bound, true)]
    }
  }

  /// Negative numbers have no geometric mean, products of many leave the range: errors, not answers.
  static func refuses(_ function: BoundAggregate) -> Bool {
    ["geomean", "product"].contains(function.name)
  }

  static func isQuantile(_ function: BoundAggregate) -> Bool {
    function.name.contains("quantile")
  }

  @Test("Split input, combined or passed on as partial states, equals the whole")
  func splits() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededRandom(seed)
    for (function, isDistinct) in AggregateLawTests.cases {
      // The answer of `first` depends on the order of rows.
      if function.dependsOnOrder { continue }
      for _ in 0..<6 {
        let isUngrouped = random.next() % 3 == 0
        let input = AggregateLawTests.makeInput(
          function.argumentTypes, &random, isUngrouped: isUngrouped,
          isFraction: AggregateLawTests.isQuantile(function))
        let label: Comment = "seed \(seed): \(function.name)\(function.argumentTypes) \(isDistinct)"
        if AggregateLawTests.refuses(function) { continue }
        let whole = try AggregateLawTests.aggregate(function, input, isDistinct: isDistinct)
        let expected = try whole.finish(0..<AggregateLawTests.groupCount).allValues
        if isUngrouped {
          let single = try AggregateLawTests.aggregate(
            function, input, isDistinct: isDistinct, single: true)
          #expect(try single.finish(0..<5).allValues == expected, label)
        }
        try checkSplit(function, input, isDistinct, expected, label, &random)
      }
    }
  }

  private func checkSplit(
    _ function: BoundAggregate, _ input: Input, _ isDistinct: Bool, _ expected: [Value],
    _ label: Comment, _ random: inout SeededRandom
  ) throws {
    let cut = Int(random.next() % UInt64(input.batches.count + 1))
    var parts = [Input(), Input()]
    parts[0].batches = Array(input.batches[cut...])
    parts[1].batches = Array(input.batches[..<cut])
    let combined = function.makeAccumulator(isDistinct: isDistinct)
    let viaPartials = function.makeAccumulator(isDistinct: isDistinct)
    try combined.resize(groupCount: AggregateLawTests.groupCount)
    try viaPartials.resize(groupCount: AggregateLawTests.groupCount)
    let identity = Array(0..<UInt32(AggregateLawTests.groupCount))
    for part in parts {
      let states = try AggregateLawTests.aggregate(function, part, isDistinct: isDistinct)
      try combined.combine(states, groups: identity, count: identity.count)
      let partials = try states.partialStates(1..<4)
      try viaPartials.combine(partials: partials, groups: [1, 2, 3], count: 3)
      for group in [0, 4] {
        try viaPartials.combine(
          partials: states.partialStates(group..<(group + 1)), groups: [UInt32(group)], count: 1)
      }
    }
    #expect(try combined.finish(0..<5).allValues == expected, label)
    #expect(try viaPartials.finish(0..<5).allValues == expected, label)
    #expect(try combined.finish(2..<4).allValues == Array(expected[2..<4]), label)
    #expect(combined.byteCount > 0)
  }

  @Test("COUNT, SUM, MIN, MAX, bool_and, bool_or equal a row-at-a-time reference")
  func reference() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededRandom(seed)
    for (function, isDistinct) in AggregateLawTests.cases
    where !AggregateLawTests.refuses(function) {
      for _ in 0..<4 {
        let input = AggregateLawTests.makeInput(
          function.argumentTypes, &random, isUngrouped: false,
          isFraction: AggregateLawTests.isQuantile(function))
        let accumulator = try AggregateLawTests.aggregate(function, input, isDistinct: isDistinct)
        let results = try accumulator.finish(0..<5).allValues
        for group in 0..<5 {
          var values = input.values.filter { $0.group == group && !$0.value.isNull }.map(\.value)
          if isDistinct { values = Array(Set(values)) }
          guard let expected = AggregateLawTests.expected(function, values) else { continue }
          #expect(
            results[group] == expected,
            "seed \(seed): \(function.name)\(function.argumentTypes) distinct \(isDistinct)")
        }
      }
    }
  }

  /// `nil`: not checked here.
  private static func expected(_ function: BoundAggregate, _ values: [Value]) -> Value? {
    switch function.name {
    case "count": return .integer(Int128(values.count))
    case "quantile_disc":
      let sorted = values.sorted()
      return sorted.isEmpty
        ? .null : sorted[max(1, Int((0.3 * Double(values.count)).rounded(.up))) - 1]
    case "mode":
      var best = Value.null
      for value in values.sorted()
      where best.isNull
        || values.count(where: { $0 == value }) > values.count(where: { $0 == best })
      {
        best = value
      }
      return best
    case "min", "bool_and": return values.min() ?? .null
    case "max", "bool_or": return values.max() ?? .null
    case "sum" where function.argumentTypes[0].physical.isInteger:
      return values.isEmpty
        ? .null : .integer(values.reduce(0) { $0 + ($1.integer ?? 0) })
    case "first", "any_value":
      return nil
    default: return nil
    }
  }

  @Test("first keeps NULL, any_value skips it")
  func first() throws {
    let vector = Vector.make(.varchar, [.null, .string("a text longer than twelve bytes"), .null])
    for (name, expected) in [
      ("first", Value.null), ("any_value", .string("a text longer than twelve bytes")),
    ] {
      let function = try #require(AggregateRegistry.find(name))
      let accumulator = try function.resolve(argumentTypes: [.varchar]).makeAccumulator()
      try accumulator.resize(groupCount: 2)
      try accumulator.update([vector], groups: [0, 0, 1], count: 3)
      #expect(try accumulator.finish(0..<2).allValues == [expected, .null])
    }
  }

  @Test("Names, aliases and unknown versions")
  func registry() {
    #expect(AggregateRegistry.find("mean")?.name == "avg")
    #expect(AggregateRegistry.find("no_such") == nil)
    #expect(throws: StoaError.self) {
      _ = try AggregateRegistry.find("sum")?.resolve(argumentTypes: [.varchar])
    }
    #expect(
      AggregateRegistry.all.allSatisfy {
        !$0.help.isEmpty && !$0.example.isEmpty && !$0.result.isEmpty
      })
    let names = AggregateRegistry.all.flatMap { [$0.name] + $0.aliases }
    #expect(Set(names).count == names.count)
  }

  @Test("States as columns, merged by another grouping, give the result of one grouping")
  func steps() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededRandom(seed)
    for (function, isDistinct) in AggregateLawTests.cases where !isDistinct {
      if function.dependsOnOrder || AggregateLawTests.refuses(function) { continue }
      let input = AggregateLawTests.makeInput(
        function.argumentTypes, &random, isUngrouped: false,
        isFraction: AggregateLawTests.isQuantile(function))
      let types = try function.stateTypes()
      let identity = Array(0..<UInt32(AggregateLawTests.groupCount))
      let fine = try types.indices.map {
        try AggregateLawTests.aggregate(function.state($0, of: types), input, isDistinct: false)
          .finish(0..<5)
      }
      let merged = function.merging(types).makeAccumulator()
      try merged.resize(groupCount: 5)
      try merged.update(fine, groups: identity, count: 5)
      let coarse = try types.indices.map { column in
        let accumulator = function.merging(types).state(column, of: types).makeAccumulator()
        try accumulator.resize(groupCount: 2)
        try accumulator.update(fine, groups: [0, 0, 0, 1, 1], count: 5)
        return try accumulator.finish(0..<2)
      }
      let again = function.merging(types).makeAccumulator()
      try again.resize(groupCount: 1)
      try again.updateSingle(coarse, count: 2, group: 0)
      let whole = try AggregateLawTests.aggregate(function, input, isDistinct: false)
      let one = function.makeAccumulator()
      try one.resize(groupCount: 1)
      try one.combine(whole, groups: [0, 0, 0, 0, 0], count: 5)
      let label: Comment = "seed \(seed): \(function.name)\(function.argumentTypes)"
      let (got, expected) = (try merged.finish(0..<5).allValues, try whole.finish(0..<5).allValues)
      #expect(got == expected, label)
      #expect(try again.finish(0..<1).allValues == one.finish(0..<1).allValues, label)
    }
  }

  @Test("Damaged partial states are refused, not trusted")
  func damagedPartials() throws {
    var random = SeededRandom(9)
    for types in [[LogicalType.double], [.varchar], [.bigint]] {
      for function in AggregateRegistry.all {
        for isDistinct in [false, true] {
          guard let bound = try? function.resolve(argumentTypes: types) else { continue }
          let accumulator = bound.makeAccumulator(isDistinct: isDistinct)
          try accumulator.resize(groupCount: 1)
          for _ in 0..<50 {
            var text = ""
            for _ in 0..<Int(random.next() % 30) {
              text.unicodeScalars.append(Unicode.Scalar(UInt8(random.next() % 64)))
            }
            let partial = Vector.make(.varchar, [.string(text)])
            try? accumulator.combine(partials: [partial], groups: [0], count: 1)
            let pair = [partial, Vector.make(.bigint, [1 as Int64])]
            try? accumulator.combine(partials: pair, groups: [0], count: 1)
          }
          _ = try? accumulator.finish(0..<1)
        }
      }
    }
  }
}
