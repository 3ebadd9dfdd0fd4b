/// Hints about the name a user may have meant.
enum Suggestion {
  /// A hint with the nearest candidate, when one is near enough to be a slip.
  static func hint(for name: String, among candidates: some Sequence<String>) -> String? {
    closestSpelling(to: name, among: candidates).map { "Did you mean \"\($0)\"?" }
  }
}
