import Kernels
import Vectors

/// The order that sort keys ask for: ascending, NULLs last, equal keys as they come.
enum SortedKeys {
  static func specifications(_ count: Int) -> [SortSpecification] {
    [SortSpecification](repeating: SortSpecification(), count: count)
  }

  /// Row numbers in sorted order.
  static func order(_ columns: [Vector]) -> [UInt32] {
    RowOrder.sort(columns: columns, specifications: specifications(columns.count))
  }
}
