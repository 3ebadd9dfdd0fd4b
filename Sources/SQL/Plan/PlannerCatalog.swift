import Catalog
import Kernels
import Vectors

/// What binder and optimizer know of the warehouse at a statement's snapshot.
public protocol PlannerCatalog {
  /// Names and definitions.
  var state: CatalogState { get }
  /// What is known about a table's rows; `nil` when nothing is.
  func statistics(of table: TableID) -> TableStatistics?
  /// The same of an earlier version.
  func statistics(of table: TableID, at version: CommitNumber) -> TableStatistics?
}

extension PlannerCatalog {
  /// Nothing is known of earlier versions, unless a catalog says otherwise.
  public func statistics(of table: TableID, at version: CommitNumber) -> TableStatistics? { nil }
}

/// Earlier states of the warehouse, for `FROM t AT (…)`.
public struct CatalogHistory {
  /// Names and definitions as of a commit.
  /// - Throws: when the commit is not there (yet, or any more).
  public var catalog: (_ commit: CommitNumber) throws(StoaError) -> CatalogState
  /// The last commit at or before a time, in microseconds since 1970.
  /// - Throws: when there is none, or it is not kept any more.
  public var commit: (_ microseconds: Int64) throws(StoaError) -> CommitNumber
  /// Values of the statement's parameters, with their types: which version is read must be known when names are
  /// looked up.
  public var parameters: [(value: Value, type: LogicalType)] = []

  /// How a catalog looks earlier versions up.
  public init(
    catalog: @escaping (_ commit: CommitNumber) throws(StoaError) -> CatalogState,
    commit: @escaping (_ microseconds: Int64) throws(StoaError) -> CommitNumber
  ) {
    self.catalog = catalog
    self.commit = commit
  }
}

/// A table function such as `read_csv`: knows its columns from its arguments; the executor runs it by name.
public protocol TableFunctionBinding: Sendable {
  /// Lower-case SQL name.
  var name: String { get }
  /// For help; `nil` when there is none.
  var help: TableFunctionHelp? { get }
  /// Looks at the arguments (and at the file, when it is one).
  /// - Parameter named: arguments given as `name := value`, under lower-case names.
  /// - Throws: `.binding` when the arguments do not fit, `.io` when a file cannot be read.
  func bind(_ arguments: [Value], named: [String: Value]) throws(StoaError) -> BoundTableFunction
}

extension TableFunctionBinding {
  public var help: TableFunctionHelp? { nil }
}

/// What help says about a table function.
public struct TableFunctionHelp: Sendable {
  /// As `name(argument, …)`.
  public var signature: String
  /// One line.
  public var text: String
  /// A query that runs anywhere.
  public var example: String

  /// A table function's help.
  public init(signature: String, text: String, example: String) {
    self.signature = signature
    self.text = text
    self.example = example
  }
}

/// What a table function makes of its arguments.
public struct BoundTableFunction: Hashable, Sendable {
  public var columns: [OutputColumn]
  /// What the executor gets, in whatever order the function and its source agree on.
  public var arguments: [Value]
  public var estimatedRows: Double?
  /// Its source gives out only the columns that are wanted, in their order.
  public var canProject: Bool

  /// What a table function gives for these arguments.
  public init(
    columns: [OutputColumn], arguments: [Value], estimatedRows: Double? = nil,
    canProject: Bool = false
  ) {
    self.canProject = canProject
    self.columns = columns
    self.arguments = arguments
    self.estimatedRows = estimatedRows
  }
}

/// How the optimizer works; the defaults are right for everybody but tests.
public struct OptimizerOptions: Sendable, Hashable {
  /// Off: only what correctness needs.
  public var isOn = true
  /// Names of rules to leave out, as `OptimizerRule.name` gives them.
  public var disabledRules: Set<String> = []

  /// Every rule is on.
  public init() {}

  /// Nothing but what correctness needs.
  public static var off: OptimizerOptions {
    var options = OptimizerOptions()
    options.isOn = false
    return options
  }
}

extension OptimizerOptions {
  /// Whether the rule of this name may run.
  func allows(_ rule: String) -> Bool { isOn && !disabledRules.contains(rule) }
}
