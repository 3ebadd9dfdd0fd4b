import Catalog
import Kernels
import SQL
import Storage

/// A statement named by PREPARE.
struct NamedStatement {
  let syntax: StatementSyntax
  /// The text its positions are in.
  let text: String
  let types: [LogicalType]
}

/// PREPARE, EXECUTE and DEALLOCATE. What is prepared belongs to the session, and no transaction takes it back.
extension Session {
  /// Runs the statement when it is one of these.
  func runPrepared(_ syntax: StatementSyntax, text: String, _ parameters: [Value])
    throws(StoaError) -> QueryResult?
  {
    switch syntax.kind {
    case .prepare(let prepare):
      try self.prepare(prepare, text: text)
      return QueryResult()
    case .deallocate(let name):
      try deallocate(name)
      return QueryResult()
    case .execute(let execute):
      let (named, values) = try arguments(of: execute, text: text, parameters)
      return try runNamed(named, values)
    default: return nil
    }
  }

  private func prepare(_ prepare: PrepareSyntax, text: String) throws(StoaError) {
    let key = CatalogState.key(prepare.name.text)
    guard namedStatements[key] == nil else {
      throw StoaError(
        .binding, "statement \"\(prepare.name.text)\" is prepared already",
        hint: "DEALLOCATE \(prepare.name.text) forgets it", position: prepare.name.position)
    }
    switch prepare.statement.kind {
    case .prepare, .execute, .deallocate:
      throw StoaError(
        .binding, "a statement about prepared statements cannot be prepared",
        position: prepare.statement.position)
    default: break
    }
    var types: [LogicalType] = []
    for type in prepare.types { types.append(try type.resolved()) }
    guard types.count <= prepare.statement.parameters.count else {
      throw StoaError(
        .binding,
        "\(types.count) types are given, but the statement has \(prepare.statement.parameters.count) parameters",
        position: prepare.types[prepare.statement.parameters.count].position)
    }
    let named = NamedStatement(syntax: prepare.statement, text: text, types: types)
    try check(named)
    namedStatements[key] = named
  }

  /// Wrong names and types show when the statement is prepared, where its text is at hand.
  private func check(_ named: NamedStatement) throws(StoaError) {
    switch named.syntax.kind {
    case .query, .insert, .update, .delete, .merge: break
    default: return
    }
    let snapshot = try currentSnapshot()
    versions = StatementVersions(
      warehouse.store, newest: openTransaction?.changes.snapshot ?? snapshot)
    defer { versions = nil }
    let declared: [LogicalType?] = named.types
    try onFittingStack(named.text, snapshot.catalog) { () throws(StoaError) in
      let binder = Binder(
        catalog: snapshot.catalog, text: named.text, tableFunctions: Session.tableFunctions,
        parameterTypes: declared, history: versions?.history, searchPath: settings.searchPath)
      binder.context = statementContext(named.text)
      _ = try binder.bind(named.syntax)
    }
  }

  private func deallocate(_ name: NameSyntax?) throws(StoaError) {
    guard let name else { return namedStatements.removeAll() }
    guard namedStatements.removeValue(forKey: CatalogState.key(name.text)) != nil else {
      throw unknownStatement(name)
    }
  }

  private func unknownStatement(_ name: NameSyntax) -> StoaError {
    StoaError(
      .binding, "there is no prepared statement \"\(name.text)\"",
      hint: closestSpelling(to: name.text, among: namedStatements.keys.sorted())
        .map { "Did you mean \($0)?" }, position: name.position)
  }

  // MARK: EXECUTE

  private func runNamed(
    _ named: NamedStatement, _ values: [Value]
  ) throws(StoaError) -> QueryResult {
    do throws(StoaError) {
      return try run(
        named.syntax, text: named.text, parameters: values, types: named.types, showsPlaces: false)
    } catch {
      // Places are in the text of PREPARE, which is not what the user looks at.
      var shown = error
      shown.position = nil
      throw shown
    }
  }

  /// Values of the parameters, in their order.
  private func arguments(
    of execute: ExecuteSyntax, text: String, _ parameters: [Value]
  ) throws(StoaError) -> (NamedStatement, [Value]) {
    guard let named = namedStatements[CatalogState.key(execute.name.text)] else {
      throw unknownStatement(execute.name)
    }
    let list = named.syntax.parameters
    var values = [Value?](repeating: nil, count: list.count)
    for (index, argument) in execute.arguments.enumerated() {
      var place = index
      if let name = argument.name {
        let key = CatalogState.key(name.text)
        guard let found = list.names.firstIndex(where: { CatalogState.key($0) == key }) else {
          throw StoaError(
            .binding, "the statement has no parameter \"\(name.text)\"", position: name.position)
        }
        place = found
      }
      guard place < values.count else { break }
      values[place] = try value(of: argument.value, text: text, parameters)
    }
    let given = values.compactMap(\.self)
    guard given.count == values.count, execute.arguments.count == values.count else {
      throw StoaError(
        .binding,
        "statement \"\(execute.name.text)\" has \(values.count) parameters, but"
          + " \(execute.arguments.count) values are given", position: execute.name.position)
    }
    return (named, given)
  }

  /// A constant; dates and the like as text, which their place reads back.
  private func value(
    of syntax: ExpressionSyntax, text: String, _ parameters: [Value]
  ) throws(StoaError) -> Value {
    let binder = Binder(
      catalog: CatalogState(), text: text,
      parameterTypes: parameters.map { Session.wantedType($0) })
    let values = parameters.map { (value: $0, type: Session.naturalType($0)) }
    let (value, type) = try binder.bindConstant(syntax, parameters: values)
    switch type {
    case .null: return .null
    case .boolean, .double, .varchar: return value
    default:
      return type.isInteger || value.isNull ? value : .string(TextFormatter.string(value, type))
    }
  }
}
