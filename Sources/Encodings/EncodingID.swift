/// How values became bytes. The raw value is written in files: never renumber, never reuse.
public enum EncodingID: UInt8, Sendable, CaseIterable {
  /// One value for every row.
  case constant = 1
  /// A value and a length per stretch of equal values.
  case runLength = 2
  /// Distinct values, sorted, and a code per row.
  case dictionary = 3
  /// One compressed bitmap of rows per distinct value.
  case bitmap = 4
  /// Frame of reference and bit-packing in transposed blocks of 1,024 values.
  case bitPacked = 5
  /// Differences between neighbours, with a base per block.
  case delta = 6
  /// A narrow packing of most values and a list of the exceptions.
  case patched = 7
  /// Values as they lie in memory.
  case plain = 8
  /// Plain bytes compressed by zstd in frames of at most 64 KB.
  case zstd = 9
  // 10 is reserved for ALP (floating point), 11 for FSST (strings).

  /// The name that EXPLAIN, `inspect` and `ENCODING (…)` use.
  public var name: String {
    switch self {
    case .constant: "CONSTANT"
    case .runLength: "RLE"
    case .dictionary: "DICTIONARY"
    case .bitmap: "BITMAP"
    case .bitPacked: "BITPACKED"
    case .delta: "DELTA"
    case .patched: "PATCHED"
    case .plain: "PLAIN"
    case .zstd: "ZSTD"
    }
  }

  /// The encoding a user named, in any case; `nil` when there is none of that name.
  public init?(name: String) {
    let upper = name.uppercased()
    switch upper {
    case "RUN_LENGTH", "RUNLENGTH": self = .runLength
    case "BIT_PACKED", "BITPACKING": self = .bitPacked
    default:
      guard let id = EncodingID.allCases.first(where: { $0.name == upper }) else { return nil }
      self = id
    }
  }
}
