import Catalog
import Kernels
import Vectors

/// Writes a physical plan as text: one line per operator, inputs below and indented, with estimated rows.
/// Of a join, the probe side comes first, then the build side.
public struct ExplainPrinter {
  /// One operator.
  public struct Line: Sendable {
    /// How far below the root, which is 0.
    public var depth: Int
    /// The operator and what it does: `HASH JOIN inner, f.key = d.key`.
    public var text: String
    public var estimatedRows: Double
  }

  private let catalog: CatalogState

  /// - Parameter catalog: for names of columns that scans read and do not give out.
  public init(catalog: CatalogState) { self.catalog = catalog }

  /// The operators from the root down, each before its inputs, probe sides before build sides.
  public func lines(of plan: PhysicalPlan) -> [Line] {
    var result: [Line] = []
    add(plan, depth: 0, to: &result)
    return result
  }

  /// The plan as text, one operator a line, estimates at the end of each.
  public func text(of plan: PhysicalPlan) -> String {
    lines(of: plan).map { line in
      String(repeating: "  ", count: line.depth) + line.text + "  ~"
        + ExplainPrinter.rowCount(line.estimatedRows)
    }.joined(separator: "\n")
  }

  /// `1 row`, `6000000 rows`
  public static func rowCount(_ rows: Double) -> String {
    let count = Int(max(0, min(rows.rounded(), 9e18)))
    return count == 1 ? "1 row" : "\(count) rows"
  }

  private func add(_ plan: PhysicalPlan, depth: Int, to lines: inout [Line]) {
    lines.append(
      Line(depth: depth, text: describe(plan), estimatedRows: plan.facts.estimatedRows))
    for input in plan.inputs { add(input, depth: depth + 1, to: &lines) }
  }

  // MARK: operators

  private func describe(_ plan: PhysicalPlan) -> String {
    switch plan {
    case .scan(let node): return scan(node)
    case .values(let node):
      return node.rows.count == 1 ? "VALUES 1 row" : "VALUES \(node.rows.count) rows"
    case .tableFunction(let node):
      let arguments = node.arguments.map { argument in
        if case .string(let text) = argument { "'\(text)'" } else { plain(argument) }
      }
      return "TABLE FUNCTION \(node.name)(\(arguments.joined(separator: ", ")))"
    case .filter(let node): return "FILTER \(text(over: [node.input]).text(node.condition))"
    case .project(let node):
      let writer = text(over: [node.input])
      return "PROJECT " + node.expressions.map(writer.text).joined(separator: ", ")
    case .hashJoin(let node): return hashJoin(node)
    case .nestedLoopJoin(let node):
      guard let condition = node.condition else {
        return "NESTED LOOP JOIN \(kind(node.kind)), every pair"
      }
      let writer = text(over: [node.probe, node.build])
      let isSmall = node.build.facts.estimatedRows <= 16
      let name = node.ranges.isEmpty || isSmall ? "NESTED LOOP JOIN" : "RANGE JOIN"
      return "\(name) \(kind(node.kind)), \(writer.text(condition))"
    case .aggregate(let node): return aggregate(node)
    case .window(let node): return window(node)
    case .sort(let node): return "SORT by \(keys(node.items, node.input))"
    case .topN(let node):
      return "TOP \(node.limit)\(offset(node.offset)) by \(keys(node.items, node.input))"
    case .limit(let node):
      if let dynamic = node.dynamic { return dynamicLimit(dynamic, node) }
      return "LIMIT \(node.limit.map(String.init) ?? "ALL")\(offset(node.offset))"
    case .unionAll(let node): return "UNION ALL of \(node.inputs.count)"
    case .singleRow: return "SINGLE ROW"
    case .materialize(let node): return "MATERIALIZE #\(node.number)"
    case .reference(let node): return "REFERENCE #\(node.number)"
    case .repeated(let node): return "REPEAT \(text(over: [node.input]).text(node.count)) times"
    case .recursion(let node):
      return "RECURSION #\(node.number)\(node.isDistinct ? " distinct" : "")"
    case .groupLimit(let node): return groupLimit(node)
    case .sample(let node): return sample(node)
    case .asofJoin(let node): return asofJoin(node)
    }
  }

  private func scan(_ node: ScanNode) -> String {
    let table = node.version?.definition ?? catalog.table(node.table)
    func name(_ id: ColumnID) -> String {
      table.flatMap { table in table.index(of: id).map { table.columns[$0].name } }
        ?? SystemColumn.name(of: id) ?? "?"
    }
    var text = "SCAN \(node.tableName)"
    if let table, CatalogState.key(table.name) != CatalogState.key(node.tableName) {
      text = "SCAN \(table.name) AS \(node.tableName)"
    }
    if let version = node.version { text += " AT VERSION \(version.commit)" }
    if !node.columns.isEmpty {
      text += " (\(node.columns.map(name).joined(separator: ", ")))"
    }
    let conditions = node.predicates.map { predicate in
      ExpressionText { _ in name(predicate.column) }.text(predicate.condition)
    }
    if !conditions.isEmpty { text += " where \(conditions.joined(separator: " AND "))" }
    if !node.runtimeFilters.isEmpty {
      let columns = node.runtimeFilters.map { name($0.column) }
      text += ", filtered by joins on \(columns.joined(separator: ", "))"
    }
    return text
  }

  private func hashJoin(_ node: HashJoinNode) -> String {
    let probe = text(over: [node.probe])
    let build = text(over: [node.build])
    var conditions = zip(node.probeKeys, node.buildKeys).map {
      "\(probe.text($0)) = \(build.text($1))"
    }
    if let residual = node.residual {
      conditions.append(text(over: [node.probe, node.build]).text(residual))
    }
    let unique = node.buildIsUnique ? " unique" : ""
    let sides = node.givesBuildRows ? "right " : ""
    return "HASH JOIN \(sides)\(kind(node.kind))\(unique), \(conditions.joined(separator: " AND "))"
  }

  private func window(_ node: WindowNode) -> String {
    let writer = text(over: [node.input])
    let calls = node.functions.map { item in
      writer.text(
        item.call, partition: node.sort.prefix(item.partitionCount).map(\.expression),
        order: keys(
          Array(node.sort[item.partitionCount...].prefix(item.orderCount)), node.input))
    }
    let limit = node.limit.map { limit in
      ", first \(limit.count) by \(node.functions[limit.function].call.function.name)"
    }
    return "WINDOW \(calls.joined(separator: ", "))\(limit ?? "")"
  }

  private func aggregate(_ node: AggregateNode) -> String {
    let writer = text(over: [node.input])
    let calls = node.aggregates.map(writer.text).joined(separator: ", ")
    let groups = node.groups.map(writer.text).joined(separator: ", ")
    if node.groups.isEmpty { return "\(node.readsChunks ? "CHUNK " : "")AGGREGATE \(calls)" }
    if node.aggregates.isEmpty { return "DISTINCT \(groups)" }
    return "AGGREGATE \(calls) by \(groups)"
  }

  private func groupLimit(_ node: GroupLimitNode) -> String {
    let writer = text(over: [node.input])
    var result = "LIMIT \(node.limit.map(String.init) ?? "ALL")\(offset(node.offset))"
    if node.withTies { result += " WITH TIES" }
    if node.partition.isEmpty { return result }
    return result + " for each " + node.partition.map(writer.text).joined(separator: ", ")
  }

  private func dynamicLimit(_ dynamic: DynamicLimit, _ node: LimitNode) -> String {
    let writer = text(over: dynamic.counts.map { [$0] } ?? [])
    var result = "LIMIT \(node.limit.map(String.init) ?? "ALL")"
    if let limit = dynamic.limit { result = "LIMIT \(writer.text(limit))" }
    if let percent = dynamic.percent { result = "LIMIT \(writer.text(percent)) %" }
    if let skipped = dynamic.offset { return result + " after \(writer.text(skipped))" }
    return result + offset(node.offset)
  }

  private func sample(_ node: SampleNode) -> String {
    switch node.mode {
    case .rows(let part): "SAMPLE \(part * 100) % of rows"
    case .blocks(let part): "SAMPLE \(part * 100) % of batches"
    case .key: "SAMPLE keys"
    }
  }

  private func asofJoin(_ node: AsofJoinNode) -> String {
    let probe = text(over: [node.probe])
    let build = text(over: [node.build])
    let last = node.probeKeys.count - 1
    let conditions = node.probeKeys.indices.map { index in
      let sign = index == last ? node.comparison.symbol : "="
      return "\(probe.text(node.probeKeys[index])) \(sign) \(build.text(node.buildKeys[index]))"
    }
    return "ASOF JOIN \(kind(node.kind)), \(conditions.joined(separator: " AND "))"
  }

  // MARK: parts

  private func kind(_ kind: JoinKind) -> String { kind.rawValue }

  private func offset(_ offset: Int) -> String { offset > 0 ? " after \(offset)" : "" }

  private func plain(_ value: Value) -> String {
    switch value {
    case .null: "NULL"
    case .boolean(let flag): flag ? "TRUE" : "FALSE"
    case .integer(let number): String(number)
    case .double(let number): String(number)
    case .string(let text): text
    case .bytes: TextFormatter.string(value, .blob)
    }
  }

  private func keys(_ items: [SortItem], _ input: PhysicalPlan) -> String {
    let writer = text(over: [input])
    return items.map { item in
      var text = writer.text(item.expression)
      if item.isDescending { text += " DESC" }
      if item.nullsFirst != item.isDescending {
        text += item.nullsFirst ? " NULLS FIRST" : " NULLS LAST"
      }
      return text
    }.joined(separator: ", ")
  }

  private func text(over inputs: [PhysicalPlan]) -> ExpressionText {
    let names = inputs.flatMap { $0.facts.columns.map(\.name) }
    return ExpressionText { $0 >= 0 && $0 < names.count ? names[$0] : "?" }
  }
}

extension PhysicalPlan {
  /// Direct inputs: of joins the probe side first.
  public var inputs: [PhysicalPlan] {
    switch self {
    case .scan, .values, .tableFunction, .reference: []
    case .filter(let node): [node.input]
    case .project(let node): [node.input]
    case .hashJoin(let node): [node.probe, node.build]
    case .nestedLoopJoin(let node): [node.probe, node.build]
    case .aggregate(let node): [node.input]
    case .window(let node): [node.input]
    case .sort(let node): [node.input]
    case .topN(let node): [node.input]
    case .limit(let node): [node.input] + (node.dynamic?.counts.map { [$0] } ?? [])
    case .unionAll(let node): node.inputs
    case .singleRow(let node): [node.input]
    case .materialize(let node): [node.shared, node.input]
    case .repeated(let node): [node.input]
    case .recursion(let node): [node.initial, node.step]
    case .groupLimit(let node): [node.input]
    case .sample(let node): [node.input]
    case .asofJoin(let node): [node.probe, node.build]
    }
  }
}
