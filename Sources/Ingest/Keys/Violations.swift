import Storage
import Vectors

/// Rows that break one key, counted, the first of them kept for the message. Thread-safe.
final class Violations: @unchecked Sendable {
  /// Violations named in a message.
  private static let shownCount = 5
  /// Violations after which a load looks for no more.
  static let sufficientCount = 1000

  struct Item {
    var origin: RowOrigin
    var key: String
    /// Where the same key stands already.
    var other: RowOrigin?
    var isInTable = false
  }

  private let shownCount: Int
  private let lock = CommitGate()
  private var items: [Item] = []
  private var total = 0

  /// - Parameter shownCount: how many rows are kept.
  init(shownCount: Int = Violations.shownCount) { self.shownCount = shownCount }

  var count: Int { lock.withLock { total } }
  /// The first rows by origin.
  var shown: [Item] { lock.withLock { items } }

  func add(_ item: @autoclosure () -> Item, origin: RowOrigin) {
    lock.withLock {
      total += 1
      if items.count >= shownCount, let last = items.last, last.origin <= origin { return }
      let place = items.firstIndex { origin < $0.origin } ?? items.count
      items.insert(item(), at: place)
      if items.count > shownCount { items.removeLast() }
    }
  }

  /// The error that names them; `nil` when there are none.
  /// - Parameter what: like `rows of "t" have no match in "d"`.
  func error(
    _ origins: RowOrigins, table: String, column: String, summary: (_ count: String) -> String
  ) -> StoaError? {
    lock.withLock {
      guard let first = items.first else { return nil }
      let listed = items.map { item -> String in
        var text = "\(item.key) in \(origins.text(item.origin))"
        if item.isInTable {
          text += " is in the table already"
        } else if let other = item.other {
          text += " and \(origins.text(other))"
        }
        return text
      }
      let counted =
        total >= Violations.sufficientCount ? "at least \(Violations.sufficientCount)" : "\(total)"
      var message = summary(counted) + ": " + listed.joined(separator: ", ")
      if total > items.count { message += ", …" }
      return StoaError(
        .constraint, message, hint: "Nothing was loaded", path: origins.path(first.origin),
        line: origins.line(first.origin), column: column, table: table)
    }
  }
}
