import Catalog
import Kernels
import SQL
import Vectors

/// Cuts a physical plan into pipelines, in an order in which each finds what it depends on done: build sides
/// before probes, shared rows before references.
struct PipelineBuilder {
  let context: ExecutionContext
  /// Counters of the query; a step of a recursion has its own.
  private let queryProfile: QueryProfile?
  /// Within a step of a recursion: joins of the step before whose tables can be used again, by place in the plan.
  var keptJoins: [Int: HashJoin] = [:]
  /// Within a step of a recursion: numbers of shared rows that are the same in every step.
  var fixedNumbers: Set<Int>?
  /// Hash joins met so far, in the order they are built.
  private var joinPlace = 0
  private(set) var pipelines: [Pipeline] = []
  private var shared: [Int: CollectSink] = [:]
  private var filters: [Int: RuntimeFilter] = [:]
  /// By filter number: joins whose probe key nothing else looks at.
  private var soleJoins: [Int: HashJoin] = [:]
  private var depth = 0

  /// Operators nested deeper than this are refused rather than risking the stack.
  private static let depthLimit = 1_000

  init(context: ExecutionContext) {
    self.context = context
    queryProfile = context.profile
  }

  private init(_ builder: PipelineBuilder, profile: QueryProfile?) {
    context = builder.context
    queryProfile = profile
    shared = builder.shared
  }

  /// A builder for one step of a recursion, which knows the rows shared here.
  func forStep(profile: QueryProfile?) -> PipelineBuilder {
    PipelineBuilder(self, profile: profile)
  }

  /// Rows that references can read so far.
  var sharedNumbers: Set<Int> { Set(shared.keys) }

  /// References to `number` read these rows.
  mutating func share(_ rows: CollectSink, as number: Int) { shared[number] = rows }

  /// Ends `chain` with `sink`.
  mutating func finish(_ chain: Chain, into sink: PipelineSink) {
    pipelines.append(Pipeline(chain: chain, sink: sink, context: context))
  }

  /// A chain that gives out the rows of `plan`; pipelines it needs first are added.
  mutating func chain(for plan: PhysicalPlan) throws(StoaError) -> Chain {
    depth += 1
    defer { depth -= 1 }
    guard depth < PipelineBuilder.depthLimit else {
      throw StoaError(.resource, "the plan nests more than \(PipelineBuilder.depthLimit) operators")
    }
    let profile = queryProfile?.makeOperator()
    switch plan {
    case .scan(let node): return try scan(node, profile)
    case .values(let node):
      let source = try ValuesSource.make(node, capacity: context.settings.batchCapacity)
      return Chain(source: source, sourceProfile: profile, isOrdered: true)
    case .tableFunction(let node): return try tableFunction(node, profile)
    case .filter(let node):
      let factory = FilterFactory(node.condition, capacity: context.settings.batchCapacity)
      return try append(factory, to: node.input, profile)
    case .project(let node):
      return try append(ProjectFactory(node.expressions), to: node.input, profile)
    case .hashJoin(let node): return try hashJoin(node, profile)
    case .nestedLoopJoin(let node): return try nestedLoopJoin(node, profile)
    case .aggregate(let node): return try aggregate(node, profile)
    case .window(let node): return try window(node, profile)
    case .sort(let node): return try sort(node, profile)
    case .topN(let node): return try topN(node, profile)
    case .limit(let node): return try limit(node, profile)
    case .unionAll(let node): return try unionAll(node, profile)
    case .singleRow(let node):
      var chain = try append(
        SingleRowFactory(types: node.facts.columns.map(\.type)), to: node.input, profile)
      chain.isOrdered = true
      return chain
    case .materialize(let node):
      let sharedChain = try chain(for: node.shared)
      let sink = CollectSink(context: context, purpose: "rows of a common table expression")
      sink.profile = profile
      finish(sharedChain, into: sink)
      shared[node.number] = sink
      return try chain(for: node.input)
    case .reference(let node): return try reference(node, profile)
    case .repeated(let node):
      let factory = RepeatFactory(node, capacity: context.settings.batchCapacity)
      return try append(factory, to: node.input, profile)
    case .recursion(let node): return recursion(node, profile)
    case .groupLimit(let node):
      var chain = try append(GroupLimitFactory(node), to: node.input, profile)
      chain.isOrdered = true
      return chain
    case .sample(let node):
      var chain = try append(SampleFactory(node), to: node.input, profile)
      if node.seed != nil { chain.isOrdered = true }
      return chain
    case .asofJoin(let node): return try asofJoin(node, profile)
    }
  }

  private mutating func append(
    _ factory: OperatorFactory, to input: PhysicalPlan, _ profile: OperatorProfile?
  ) throws(StoaError) -> Chain {
    var chain = try chain(for: input)
    factory.profile = profile
    chain.operators.append(factory)
    return chain
  }

  private mutating func scan(
    _ node: ScanNode, _ profile: OperatorProfile?
  ) throws(StoaError) -> Chain {
    let filters = node.runtimeFilters.map { runtimeFilter($0.filter) }
    var request = ScanRequest(node: node, runtimeFilters: filters, profile: profile)
    for use in node.runtimeFilters {
      guard let join = soleJoins[use.filter],
        let position = node.columns.firstIndex(of: use.column)
      else { continue }
      request.joinKeys.append((position, join))
    }
    let source = try context.scanFactory(request, context)
    return Chain(source: source, sourceProfile: profile)
  }

  /// The filter with this number; a join and a scan ask for the same one.
  private mutating func runtimeFilter(_ number: Int) -> RuntimeFilter {
    if let made = filters[number] { return made }
    let made = RuntimeFilter(number: number)
    filters[number] = made
    return made
  }

  private func tableFunction(
    _ node: TableFunctionNode, _ profile: OperatorProfile?
  ) throws(StoaError) -> Chain {
    let name = node.name.lowercased()
    let source: any TableSource
    if let factory = context.tableFunctions[name] {
      source = try factory(node, context)
    } else if name == "range" || name == "generate_series" {
      source = try SeriesSource(
        node, includesEnd: name == "generate_series", batchCapacity: context.settings.batchCapacity)
    } else {
      throw StoaError(.binding, "there is no table function \(node.name)")
    }
    return Chain(source: source, sourceProfile: profile)
  }

  private func reference(
    _ node: ReferenceNode, _ profile: OperatorProfile?
  ) throws(StoaError) -> Chain {
    guard let sink = shared[node.number] else {
      throw StoaError(.inconsistency, "reference \(node.number) has nothing to refer to")
    }
    let source = DeferredSource { () throws(StoaError) in sink.source }
    return Chain(source: source, sourceProfile: profile)
  }

  private mutating func unionAll(
    _ node: UnionAllNode, _ profile: OperatorProfile?
  ) throws(StoaError) -> Chain {
    var branches: [Chain] = []
    for input in node.inputs {
      let branch = try chain(for: input)
      if branch.operators.contains(where: \.hasContinuation) {
        let sink = CollectSink(context: context, purpose: "rows of a UNION ALL branch")
        finish(branch, into: sink)
        branches.append(
          Chain(source: DeferredSource { () throws(StoaError) in sink.source }))
      } else {
        branches.append(branch)
      }
    }
    let source = UnionSource(branches, cancellation: context.cancellation)
    return Chain(source: source, sourceProfile: profile, isOrdered: source.isOrdered)
  }

  private mutating func nestedLoopJoin(
    _ node: NestedLoopJoinNode, _ profile: OperatorProfile?
  ) throws(StoaError) -> Chain {
    let probeProfileStart = queryProfile?.operators.count
    let build = CollectSink(context: context, purpose: "the inner side of a join")
    // The probe side is numbered first by EXPLAIN but must run after the build side.
    let buildChain = try chainAfterProbe(node.build, probe: node.probe, from: probeProfileStart)
    finish(buildChain, into: build)
    var chain = try probeChain(node.probe, from: probeProfileStart)
    let factory = NestedLoopJoinFactory(node, build: build, context: context)
    factory.profile = profile
    chain.operators.append(factory)
    return chain
  }

  private mutating func hashJoin(
    _ node: HashJoinNode, _ profile: OperatorProfile?
  ) throws(StoaError) -> Chain {
    let probeProfileStart = queryProfile?.operators.count
    let place = joinPlace
    joinPlace += 1
    if let known = keptJoins[place] { return try knownJoin(known, node, profile) }
    let published = node.runtimeFilters.map { $0.map { runtimeFilter($0) } }
    let join = HashJoin(
      node, filters: published, isFiltered: filterCovers(node), context: context)
    let sink = HashJoinBuildSink(join)
    sink.profile = profile
    let buildChain = try chainAfterProbe(node.build, probe: node.probe, from: probeProfileStart)
    finish(buildChain, into: sink)
    if let fixedNumbers, !join.keepsBuildRows, node.build.isFixed(given: fixedNumbers) {
      keptJoins[place] = join
    }
    if join.isFiltered, let number = node.runtimeFilters.first ?? nil, usesKeyAlone(node) {
      soleJoins[number] = join
    }
    var chain = try probeChain(node.probe, from: probeProfileStart)
    let factory = HashJoinProbeFactory(join)
    factory.profile = profile
    chain.operators.append(factory)
    return chain
  }

  /// A join whose table the step before has made.
  private mutating func knownJoin(
    _ join: HashJoin, _ node: HashJoinNode, _ profile: OperatorProfile?
  ) throws(StoaError) -> Chain {
    for (number, filter) in zip(node.runtimeFilters, join.filters) {
      if let number, let filter { filters[number] = filter }
    }
    joinPlace += node.build.hashJoinCount
    if join.isFiltered, let number = node.runtimeFilters.first ?? nil, usesKeyAlone(node) {
      soleJoins[number] = join
    }
    var chain = try chain(for: node.probe)
    queryProfile?.operators.append(
      contentsOf: (0..<node.build.operatorCount).map { _ in OperatorProfile() })
    let factory = HashJoinProbeFactory(join)
    factory.profile = profile
    chain.operators.append(factory)
    return chain
  }

  private func recursion(_ node: RecursionNode, _ profile: OperatorProfile?) -> Chain {
    var profiles: [OperatorProfile] = []
    if let queryProfile {
      let count = node.initial.operatorCount + node.step.operatorCount
      profiles = (0..<count).map { _ in queryProfile.makeOperator() }
    }
    let source = RecursionSource(node, builder: self, context: context, profiles: profiles)
    return Chain(source: source, sourceProfile: profile, isOrdered: true)
  }

  private mutating func asofJoin(
    _ node: AsofJoinNode, _ profile: OperatorProfile?
  ) throws(StoaError) -> Chain {
    var chain = try chain(for: node.probe)
    let build = CollectSink(
      context: context, purpose: "the right side of an ASOF join", keepsOrder: true)
    finish(try self.chain(for: node.build), into: build)
    let factory = AsofJoinFactory(node, build: build)
    factory.profile = profile
    chain.operators.append(factory)
    chain.isOrdered = true
    return chain
  }

  private mutating func limit(
    _ node: LimitNode, _ profile: OperatorProfile?
  ) throws(StoaError) -> Chain {
    var chain = try chain(for: node.input)
    let factory: LimitFactory
    if let dynamic = node.dynamic {
      var rows: CollectSink?
      if dynamic.percent != nil {
        let sink = CollectSink(
          context: context, purpose: "rows of a LIMIT in percent", keepsOrder: true)
        let isOrdered = chain.isOrdered
        finish(chain, into: sink)
        chain = Chain(
          source: DeferredSource(isOrdered: isOrdered) { () throws(StoaError) in sink.source },
          isOrdered: isOrdered)
        rows = sink
      }
      var counts: CollectSink?
      if let plan = dynamic.counts {
        let sink = CollectSink(context: context, purpose: "the number of a LIMIT")
        finish(try self.chain(for: plan), into: sink)
        counts = sink
      }
      factory = LimitFactory(dynamic, limit: node.limit, offset: node.offset, counts, rows)
    } else {
      factory = LimitFactory(limit: node.limit, offset: node.offset)
      if (node.limit ?? .max) <= context.settings.batchCapacity { chain.isOrdered = true }
    }
    factory.profile = profile
    chain.operators.append(factory)
    return chain
  }

  /// Whether every row that reaches the probe came through a scan that applied the join's only filter to the
  /// column that is the probe key; then an exact filter spares the probe its look-up.
  private func filterCovers(_ node: HashJoinNode) -> Bool {
    guard node.probeKeys.count == 1, let number = node.runtimeFilters.first ?? nil,
      case .column(let position, _) = node.probeKeys[0],
      let origin = node.probe.origin(of: position)
    else { return false }
    return origin.scan.runtimeFilters.contains { $0.filter == number && $0.column == origin.column }
  }

  /// Whether the probe key is a column that nothing but this join looks at.
  private func usesKeyAlone(_ node: HashJoinNode) -> Bool {
    guard node.residual == nil, case .column(let position, _) = node.probeKeys[0],
      !node.output.contains(position)
    else { return false }
    return node.probe.passesUnseen(position)
  }

  /// Builds the chain of a join's build side with profile numbers after those of the probe side.
  private mutating func chainAfterProbe(
    _ build: PhysicalPlan, probe: PhysicalPlan, from start: Int?
  ) throws(StoaError) -> Chain {
    guard let profile = queryProfile, let start else { return try chain(for: build) }
    let probeCount = probe.operatorCount
    let held = Array(profile.operators[start...])
    profile.operators.append(contentsOf: (0..<probeCount).map { _ in OperatorProfile() })
    assert(held.isEmpty)
    return try chain(for: build)
  }

  /// Builds the probe side, whose profiles take the places kept for them.
  private mutating func probeChain(
    _ probe: PhysicalPlan, from start: Int?
  ) throws(StoaError) -> Chain {
    guard let profile = queryProfile, let start else { return try chain(for: probe) }
    let later = Array(profile.operators[(start + probe.operatorCount)...])
    profile.operators.removeSubrange(start...)
    let chain = try chain(for: probe)
    profile.operators.append(contentsOf: later)
    return chain
  }

  private mutating func aggregate(
    _ node: AggregateNode, _ profile: OperatorProfile?
  ) throws(StoaError) -> Chain {
    let input = try chain(for: node.input)
    let sink = AggregateSink(node, context: context)
    sink.profile = profile
    finish(input, into: sink)
    return Chain(
      source: DeferredSource { () throws(StoaError) in try sink.result() }, sourceProfile: profile)
  }

  private mutating func window(
    _ node: WindowNode, _ profile: OperatorProfile?
  ) throws(StoaError) -> Chain {
    let input = try chain(for: node.input)
    let sink = WindowSink(node, context: context)
    sink.profile = profile
    finish(input, into: sink)
    return Chain(
      source: DeferredSource { () throws(StoaError) in try sink.result() }, sourceProfile: profile)
  }

  private mutating func sort(
    _ node: SortNode, _ profile: OperatorProfile?
  ) throws(StoaError) -> Chain {
    let input = try chain(for: node.input)
    let sink = SortSink(node.items, types: node.facts.columns.map(\.type), context: context)
    sink.profile = profile
    finish(input, into: sink)
    return Chain(
      source: DeferredSource(isOrdered: true) { () throws(StoaError) in try sink.result() },
      sourceProfile: profile, isOrdered: true)
  }

  private mutating func topN(
    _ node: TopNNode, _ profile: OperatorProfile?
  ) throws(StoaError) -> Chain {
    let input = try chain(for: node.input)
    let sink = TopNSink(
      node.items, limit: node.limit, offset: node.offset,
      types: node.facts.columns.map(\.type), context: context)
    sink.profile = profile
    finish(input, into: sink)
    return Chain(
      source: DeferredSource(isOrdered: true) { () throws(StoaError) in sink.result() },
      sourceProfile: profile, isOrdered: true)
  }
}

/// What a plan takes from around it, and what it makes itself.
private struct PlanNeeds {
  var reads: Set<Int> = []
  var shares: Set<Int> = []
  var usedFilters: Set<Int> = []
  var madeFilters: Set<Int> = []

  mutating func add(_ plan: PhysicalPlan) {
    switch plan {
    case .reference(let node): reads.insert(node.number)
    case .materialize(let node): shares.insert(node.number)
    case .recursion(let node): shares.insert(node.number)
    case .scan(let node): usedFilters.formUnion(node.runtimeFilters.map(\.filter))
    case .hashJoin(let node): madeFilters.formUnion(node.runtimeFilters.compactMap { $0 })
    default: break
    }
    for input in plan.inputs { add(input) }
  }
}

extension PhysicalPlan {
  /// Operators of this plan, itself included.
  var operatorCount: Int { inputs.reduce(1) { $0 + $1.operatorCount } }

  /// Hash joins in it.
  var hashJoinCount: Int {
    let own = if case .hashJoin = self { 1 } else { 0 }
    return inputs.reduce(own) { $0 + $1.hashJoinCount }
  }

  /// Whether its rows are the same in every step of a recursion: it reads only shared rows that are `known` or its
  /// own, and no join outside it filters its scans.
  func isFixed(given known: Set<Int>) -> Bool {
    var needs = PlanNeeds()
    needs.add(self)
    return needs.reads.subtracting(needs.shares).isSubset(of: known)
      && needs.usedFilters.isSubset(of: needs.madeFilters)
  }

  /// Whether column `position` of the output is a scan's that no operator on the way looks at.
  func passesUnseen(_ position: Int) -> Bool {
    switch self {
    case .scan(let node):
      guard node.columns.indices.contains(position) else { return false }
      return node.columns.filter { $0 == node.columns[position] }.count == 1
    case .filter(let node):
      return !node.condition.uses(position) && node.input.passesUnseen(position)
    case .project(let node):
      guard node.expressions.indices.contains(position),
        case .column(let input, _) = node.expressions[position],
        node.expressions.filter({ $0.uses(input) }).count == 1
      else { return false }
      return node.input.passesUnseen(input)
    case .hashJoin(let node):
      guard node.kind != .right, node.kind != .full, node.output.indices.contains(position)
      else { return false }
      let input = node.output[position]
      let isSeen =
        node.probeKeys.contains { $0.uses(input) } || node.residual?.uses(input) ?? false
        || node.output.filter { $0 == input }.count > 1
      return !isSeen && input < node.probe.facts.columns.count && node.probe.passesUnseen(input)
    case .values, .tableFunction, .nestedLoopJoin, .aggregate, .window, .sort, .topN, .limit,
      .unionAll, .singleRow, .materialize, .reference, .repeated, .recursion, .groupLimit, .sample,
      .asofJoin:
      return false
    }
  }

  /// The scan column that column `position` of the output is, unchanged, for every row: through filters,
  /// plain projections and the probe sides of joins, none of which can add a row or a NULL.
  func origin(of position: Int) -> (scan: ScanNode, column: ColumnID)? {
    switch self {
    case .scan(let node):
      guard node.columns.indices.contains(position) else { return nil }
      return (node, node.columns[position])
    case .filter(let node): return node.input.origin(of: position)
    case .project(let node):
      guard node.expressions.indices.contains(position),
        case .column(let input, _) = node.expressions[position]
      else { return nil }
      return node.input.origin(of: input)
    case .hashJoin(let node):
      guard node.kind != .right, node.kind != .full, node.output.indices.contains(position),
        node.output[position] < node.probe.facts.columns.count
      else { return nil }
      return node.probe.origin(of: node.output[position])
    case .nestedLoopJoin(let node):
      guard node.kind != .right, node.kind != .full, node.output.indices.contains(position),
        node.output[position] < node.probe.facts.columns.count
      else { return nil }
      return node.probe.origin(of: node.output[position])
    case .window(let node):
      guard node.output.indices.contains(position) else { return nil }
      return node.input.origin(of: node.output[position])
    case .values, .tableFunction, .aggregate, .sort, .topN, .limit, .unionAll, .singleRow,
      .materialize, .reference, .repeated, .recursion, .groupLimit, .sample, .asofJoin:
      return nil
    }
  }
}

extension Expression {
  /// Whether column `position` of the input occurs in it.
  fileprivate func uses(_ position: Int) -> Bool {
    if case .column(position, _) = self { return true }
    return children.contains { $0.uses(position) }
  }
}
