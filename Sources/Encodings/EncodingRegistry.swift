import Vectors

/// What an encoding can do, for tests, `inspect` and the checks of `ENCODING (…)`.
public struct EncodingDescription: Sendable {
  public let id: EncodingID
  /// One line for users.
  public let summary: String
  /// Answers filters without unpacking values.
  public let filtersEncoded: Bool
}

/// All encodings; adding one adds a case to `EncodingID` and a row here.
public enum EncodingRegistry {
  public static let all: [EncodingDescription] = EncodingID.allCases.map(describe)

  /// The description of one encoding.
  public static func describe(_ id: EncodingID) -> EncodingDescription {
    switch id {
    case .constant: row(id, "one value for all rows", true)
    case .runLength: row(id, "a value and a length per stretch of equal values", true)
    case .dictionary: row(id, "sorted distinct values and a code per row", true)
    case .bitmap: row(id, "a compressed bitmap of rows per distinct value", true)
    case .bitPacked: row(id, "offsets from the least value in as few bits as they need", true)
    case .delta: row(id, "differences between neighbours", false)
    case .patched: row(id, "packed values with a list of exceptions", false)
    case .plain: row(id, "values as they lie in memory", false)
    case .zstd: row(id, "plain bytes compressed in frames of 64 KB", false)
    }
  }

  private static func row(
    _ id: EncodingID, _ summary: String, _ filtersEncoded: Bool
  ) -> EncodingDescription {
    EncodingDescription(id: id, summary: summary, filtersEncoded: filtersEncoded)
  }
}
