/// What made a commit, for whoever reads the list of versions; several in a transaction of several statements. Bits 20
/// to 31 are not kinds: see `LogRecord.unsyncedCount`.
public struct CommitKinds: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let insert = CommitKinds(rawValue: 1)
  /// COPY … FROM, `import` and appenders.
  public static let load = CommitKinds(rawValue: 1 << 1)
  public static let update = CommitKinds(rawValue: 1 << 2)
  public static let delete = CommitKinds(rawValue: 1 << 3)
  public static let merge = CommitKinds(rawValue: 1 << 4)
  public static let truncate = CommitKinds(rawValue: 1 << 5)
  public static let createTable = CommitKinds(rawValue: 1 << 6)
  public static let dropTable = CommitKinds(rawValue: 1 << 7)
  public static let alterTable = CommitKinds(rawValue: 1 << 8)
  public static let set = CommitKinds(rawValue: 1 << 9)
  /// Schemas, views and comments.
  public static let createObject = CommitKinds(rawValue: 1 << 10)
  public static let dropObject = CommitKinds(rawValue: 1 << 11)
  /// Upkeep: rows of memtables became a segment, segments became others, ids were given away, versions forgotten.
  public static let flush = CommitKinds(rawValue: 1 << 16)
  public static let compact = CommitKinds(rawValue: 1 << 17)
  public static let reserve = CommitKinds(rawValue: 1 << 18)
  public static let expire = CommitKinds(rawValue: 1 << 19)

  static let upkeep: CommitKinds = [.flush, .compact, .reserve, .expire]

  /// Whether only files and books changed, no rows.
  public var isUpkeep: Bool { !isEmpty && isSubset(of: .upkeep) }

  /// Lower-case words, in the order of SHOW VERSIONS.
  public var names: [String] {
    let all: [(CommitKinds, String)] = [
      (.createTable, "create table"), (.alterTable, "alter table"), (.dropTable, "drop table"),
      (.truncate, "truncate"), (.insert, "insert"), (.load, "copy"), (.update, "update"),
      (.merge, "merge"), (.delete, "delete"), (.set, "set"), (.createObject, "define"),
      (.dropObject, "drop"), (.flush, "flush"),
      (.compact, "compact"), (.reserve, "reserve"), (.expire, "expire"),
    ]
    return all.filter { contains($0.0) }.map(\.1)
  }
}
