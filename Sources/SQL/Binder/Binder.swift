import Catalog
import Kernels
import Vectors

/// Looks up every name of a statement and gives every expression a type: from syntax to `BoundStatement`.
/// Nothing later looks up a name. One binder binds one statement.
public final class Binder {
  let catalog: CatalogState
  let tableFunctions: [String: any TableFunctionBinding]
  let history: CatalogHistory?
  /// Names of schemas where bare names are looked up, in order; new tables go into the first that is there.
  let searchPath: [String]
  /// Whether `text` is what the user wrote now, so that places in it mean something to them.
  let showsPlaces: Bool
  /// Tables and views that were looked up, for those who depend on them.
  var dependencies: Set<ObjectID> = []
  /// Aliases of the select list used by other aliases of it, so far.
  var nestedAliasCount = 0
  static let nestedAliasLimit = 5_000
  /// Views being bound around this one.
  var viewDepth = 0
  /// UTF-8 bytes of the statement's text, for names of columns without one.
  let text: [UInt8]
  var numbers = PlanNumbers()
  /// Tables of the WITH before INSERT, UPDATE, DELETE or MERGE, from the first to the last.
  private var commonTables: [(table: CommonTables.Table, chain: CommonTables)] = []
  /// Tables of WITH RECURSIVE whose queries are being bound, from the outside in.
  var openTables: [CommonTables.Table] = []
  /// While an item with `COLUMNS(…)` is bound: the column it stands for now.
  var chosenColumn: PlanColumn?
  /// What functions know of this statement and its session.
  public var context: StatementContext
  /// Gives the numbers of sequences; without one their functions are refused.
  public var sequences: (any SequenceSource)?
  /// Sequences that a DEFAULT being bound is known to use.
  var knownSequences: [ObjectID] = []
  /// Sequences of which the statement takes numbers.
  var takenSequences = TakenSequences()
  /// Inside EXPLAIN, where everything needs a plan.
  var isExplaining = false
  /// Types of parameters as far as they are known.
  var parameterTypes: [LogicalType?]
  /// Result columns of queries that are a bare NULL or a text literal in every row: where such a column is
  /// used, it takes the type the place wants, as the literal itself would.
  var untypedColumns: [Int: Expression] = [:]

  /// - Parameters:
  ///   - text: what the statement was parsed from; names result columns such as `sum(a)`.
  ///   - parameterTypes: types the caller wants for parameters; others follow from the context.
  ///   - history: for `AT (…)`, which is refused without.
  ///   - searchPath: names of schemas, see `searchPath`.
  ///   - showsPlaces: false for a text out of a catalog, whose places mean nothing to the user.
  public init(
    catalog: CatalogState, text: String, tableFunctions: [any TableFunctionBinding] = [],
    parameterTypes: [LogicalType?] = [], history: CatalogHistory? = nil,
    searchPath: [String] = [CatalogState.mainSchemaName], showsPlaces: Bool = true
  ) {
    self.catalog = catalog
    self.history = history
    self.searchPath = searchPath
    self.showsPlaces = showsPlaces
    self.text = Array(text.utf8)
    context = StatementContext(text: text)
    self.parameterTypes = parameterTypes
    self.tableFunctions = Dictionary(
      tableFunctions.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// - Throws: `.binding` or `.unsupported` with the position in the text.
  public func bind(_ statement: StatementSyntax) throws(StoaError) -> BoundStatement {
    while parameterTypes.count < statement.parameters.count { parameterTypes.append(nil) }
    do throws(StoaError) {
      return try bindKind(statement)
    } catch {
      throw error.at(statement.position)
    }
  }

  private func bindKind(_ statement: StatementSyntax) throws(StoaError) -> BoundStatement {
    switch statement.kind {
    case .query(let query): return .query(try bindWholeQuery(query))
    case .createTable(let create): return .createTable(try bindCreateTable(create))
    case .createView(let create): return .define(try bindCreateView(create))
    case .createSchema(let name, let ifNotExists):
      return .define(try bindCreateSchema(name, ifNotExists: ifNotExists))
    case .createSequence(let create): return .define(try bindCreateSequence(create))
    case .createType(let name, let type): return .define(try bindCreateType(name, type))
    case .drop(let drop): return .define(try bindDrop(drop))
    case .alterObject(let alter): return .define(try bindAlterObject(alter))
    case .comment(let comment): return .define(try bindComment(comment))
    case .use(let name):
      guard catalog.schema(named: name.text) != nil else { throw unknownSchema(name) }
      return .set(name: "search_path", values: [name.text], position: name.position)
    case .prepare, .execute, .deallocate:
      throw unsupported("a prepared statement here", statement.position)
    case .insert(let insert):
      try bindWith(insert.with)
      return try bindInsert(insert)
    case .delete(let delete):
      try bindWith(delete.with)
      return .change(try bindDelete(delete))
    case .update(let update):
      try bindWith(update.with)
      return .change(try bindUpdate(update))
    case .merge(let merge):
      try bindWith(merge.with)
      return .change(try bindMerge(merge))
    case .truncate(let names, let restartsIdentity):
      let tables = try bindTruncate(names)
      let ids = Set(restartsIdentity ? tables.map(\.id) : [])
      return .truncate(
        tables, restarting: catalog.sortedSequences.filter { ids.contains($0.owner) })
    case .alterTable(let alter): return .alterTable(try bindAlterTable(alter))
    case .copy(let copy): return try bindCopy(copy)
    case .explain(let explain):
      isExplaining = true
      return .explain(isAnalyze: explain.isAnalyze, try bind(explain.statement))
    case .showTables: return .showTables
    case .showVersions: return .showVersions
    case .showSetting(let name):
      return .showSetting(
        name: name.map { CatalogState.key($0.text) }, position: name?.position ?? statement.position
      )
    case .describe(let describe) where describe.isSummary:
      let rows = try bindSubject(describe, parent: nil, commonTables: nil)
      return .query(try finish(try summary(of: rows, at: describe.position)))
    case .describe(let describe): return .describe(try bindDescribe(describe))
    case .checkpoint: return .checkpoint
    case .set(let name, let values):
      return .set(
        name: CatalogState.key(name.text), values: values.map(\.text), position: name.position)
    case .reset(let name):
      return .reset(
        name: name.map { CatalogState.key($0.text) }, position: name?.position ?? statement.position
      )
    case .begin(let isReadOnly): return .begin(isReadOnly: isReadOnly)
    case .commit: return .commit
    case .rollback: return .rollback
    case .savepoint(let name): return .savepoint(CatalogState.key(name.text))
    case .rollbackTo(let name): return .rollbackTo(CatalogState.key(name.text))
    case .release(let name): return .release(CatalogState.key(name.text))
    case .compact(let name): return .compact(try optionalTable(name))
    case .verify(let name, let isDeep): return .verify(try optionalTable(name), isDeep: isDeep)
    }
  }

  /// Common tables visible in the whole of a change of rows.
  var statementTables: CommonTables? { commonTables.last?.chain }

  private func bindWith(_ with: WithSyntax?) throws(StoaError) {
    guard let with else { return }
    commonTables = try bindCommonTables(with, parent: nil, outer: nil)
  }

  /// A query at the top of a statement.
  func bindWholeQuery(_ query: QuerySyntax) throws(StoaError) -> BoundQuery {
    let relation = try bindQuery(query, parent: nil, commonTables: nil)
    return try finish(relation)
  }

  /// Wraps a bound relation up; parameters nobody gave a type become VARCHAR.
  func finish(_ relation: BoundRelation) throws(StoaError) -> BoundQuery {
    let types = parameterTypes.map { $0 ?? .varchar }
    let whole = commonTables.reversed().reduce(relation.plan) { plan, common in
      placed(common.table, over: plan)
    }
    let plan = try whole.mapAllExpressions { (expression) throws(StoaError) in
      expression.rewrittenUp { node in
        guard case .parameter(let index, .null) = node else { return node }
        return .parameter(index, types[index])
      }
    }
    return BoundQuery(
      plan: plan, columns: relation.columns, numbers: numbers, parameters: types)
  }

  // MARK: names

  private func optionalTable(
    _ name: QualifiedNameSyntax?
  ) throws(StoaError) -> TableDefinition? {
    guard let name else { return nil }
    return try table(named: name)
  }

  func columnIndex(_ name: NameSyntax, in table: TableDefinition) throws(StoaError) -> Int {
    if let index = table.index(ofColumnNamed: name.text) { return index }
    throw StoaError(
      .binding, "table \"\(table.name)\" has no column \"\(name.text)\"",
      hint: Suggestion.hint(for: name.text, among: table.columns.map(\.name)),
      position: name.position)
  }

  func unsupported(_ feature: String, _ position: Range<Int>) -> StoaError {
    StoaError(.unsupported, "\(feature) is not supported yet", position: position)
  }

  /// The statement's text in this range, white space squeezed.
  func sourceText(_ position: Range<Int>) -> String {
    guard position.lowerBound >= 0, position.upperBound <= text.count else { return "?" }
    var bytes: [UInt8] = []
    for byte in text[position] {
      if byte == 0x20 || (0x09...0x0D).contains(byte) {
        if bytes.last != 0x20 { bytes.append(0x20) }
      } else {
        bytes.append(byte)
      }
    }
    while bytes.last == 0x20 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Rows with named columns: a bound query within another, or a whole one.
struct BoundRelation {
  var plan: LogicalPlan
  /// Result columns in order, with names as the user shall see them; ids need not be distinct.
  var columns: [PlanColumn]
}
