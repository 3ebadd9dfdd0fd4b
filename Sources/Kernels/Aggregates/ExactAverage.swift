/// Averages of exact sums, for whoever keeps sums of their own: divided once and rounded once, as `avg` does.
public enum ExactAverage {
  /// `sum` / `count` / 10^`scale`, the nearest DOUBLE. `count` is positive.
  public static func of(_ sum: Int128, count: Int64, scale: Int) -> Double {
    WideInteger.average(sum, count: count, scale: scale)
  }
}
