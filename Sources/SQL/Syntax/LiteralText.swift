import Catalog
import Kernels
import Vectors

/// Values as SQL reads them back.
public enum LiteralText {
  /// The value as a literal of its type.
  public static func text(_ value: Value, _ type: LogicalType) -> String {
    let text = TextFormatter.string(value, type)
    if value.isNull || type.isNumeric || type == .boolean { return text }
    return "'"
      + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }
}

extension ColumnDefinition {
  /// What stands behind DEFAULT; `nil` without one.
  public var defaultSQL: String? { defaultText ?? defaultValue.map { LiteralText.text($0, type) } }
}
