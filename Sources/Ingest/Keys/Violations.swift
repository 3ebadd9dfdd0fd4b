import Storage
import Vectors

/// Rows that break one key, counted, the first of them kept for the message. Thread-safe.
final class Violations: @unchecked Sendable {
  /// Violations named in a message.
  static let shownCount = 5
  /// Violations after which a load looks for no more.
  static let sufficientCount = 1000

  struct Item {
    var origin: RowOrigin
    var key: String
    /// Where the same key stands already.
    var other: RowOrigin?
    var isInTable = false
  }

  private let lock = CommitGate()
  private var items: [Item] = []
  private var total = 0

  var count: Int { lock.withLock { total } }

  func add(_ item: @autoclosure () -> Item, origin: RowOrigin) {
    lock.withLock {
      total += 1
      let shown = Violations.shownCount
      if items.count >= shown, let last = items.last, last.origin <= origin { return }
      items.append(item())
      items.sort { $0.origin < $1.origin }
      if items.count > shown { items.removeLast() }
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
