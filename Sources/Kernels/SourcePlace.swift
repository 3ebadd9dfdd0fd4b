/// Where in the statement's text an expression was written, for errors of its evaluation. It says nothing
/// about what the expression means: all places are equal, so that `a + 1` here equals `a + 1` there.
public struct SourcePlace: Hashable, Sendable {
  private let lower: UInt32
  private let upper: UInt32

  /// Of expressions nobody wrote.
  public static let unknown = SourcePlace(0..<0)

  /// - Parameter range: offsets in bytes; beyond 4 GB they are unknown.
  public init(_ range: Range<Int>) {
    let lower = UInt32(exactly: range.lowerBound)
    let upper = UInt32(exactly: range.upperBound)
    self.lower = upper == nil ? 0 : lower ?? 0
    self.upper = lower == nil ? 0 : upper ?? 0
  }

  /// `nil` when unknown.
  public var range: Range<Int>? { upper > lower ? Int(lower)..<Int(upper) : nil }

  public static func == (left: SourcePlace, right: SourcePlace) -> Bool { true }
  public func hash(into hasher: inout Hasher) {}
}
