import Vectors

/// A `ColumnFilter` moved into the space of one chunk: offsets from its reference, or codes of its dictionary. Cheap
/// to make, worth keeping when a chunk is filtered in several steps.
public final class CompiledFilter: @unchecked Sendable {
  enum Form {
    case none
    /// All rows that are not NULL.
    case valid
    case nulls
    /// On the chunk's integer tree, NULL slots to be removed after.
    case integers(IntegerFilter)
    /// On decoded values.
    case decoded
  }

  public let filter: ColumnFilter
  let form: Form
  private let nullCount: Int

  init(_ filter: ColumnFilter, _ form: Form, nullCount: Int, rowCount: Int) {
    self.filter = filter
    self.nullCount = nullCount
    switch form {
    case .nulls where nullCount == 0: self.form = .none
    case .valid where nullCount == rowCount: self.form = .none
    case .integers(.none): self.form = .none
    case .integers(.all): self.form = nullCount == rowCount ? .none : .valid
    default: self.form = form
    }
  }

  /// What is known without looking at rows.
  public var verdict: FilterVerdict {
    switch form {
    case .none: .none
    case .valid: nullCount == 0 ? .all : .some
    case .nulls, .integers, .decoded: .some
    }
  }
}

extension ValueTest {
  /// The test on offsets from `reference`, none of which exceeds `maximum`; `nil` when it has to run on decoded
  /// values.
  func moved(
    reference: Int128, maximum: UInt64, type: LogicalType
  ) throws(StoaError) -> CompiledFilter.Form? {
    switch self {
    case .nothing: return CompiledFilter.Form.none
    case .nulls: return .nulls
    case .everything: return .valid
    case .integers(let lower, let upper, let negated):
      // In 128 bits the differences may overflow at the far ends, where they are out of reach anyway.
      let (low, lowOverflow) = lower.subtractingReportingOverflow(reference)
      let (high, highOverflow) = upper.subtractingReportingOverflow(reference)
      let first: UInt64 = lowOverflow ? (lower < reference ? 0 : .max) : UInt64(clamping: low)
      let above = lowOverflow ? lower > reference : low > Int128(maximum)
      let last: UInt64 = highOverflow ? (upper < reference ? 0 : .max) : UInt64(clamping: high)
      let below = upper < reference
      if above || below || lower > upper { return negated ? .valid : CompiledFilter.Form.none }
      let moved: IntegerFilter =
        negated ? .outside(lower: first, upper: last) : .range(lower: first, upper: last)
      return .integers(moved.simplified(maximum: maximum))
    case .integerTable(let table):
      guard let base = ValueTest.base(reference, maximum) else { return nil }
      let shift = UInt64(bitPattern: base &- table.minimum)
      // Keys below the table wrap to huge indexes, which the checked look-up fails; a shift that overflowed could
      // not be told from a real one.
      if base.subtractingReportingOverflow(table.minimum).overflow { return nil }
      return .integers(.table(FilterTable(table), shift: shift))
    case .integerSet(let set):
      guard let base = ValueTest.base(reference, maximum) else { return nil }
      return .integers(.set(set, reference: base))
    case .wideSet, .predicate: return nil
    case .doubles, .doubleSet, .strings, .stringSet, .mixed:
      throw StoaError(.inconsistency, "a filter does not fit a column of type \(type)")
    }
  }

  /// The reference, if every value fits 64 bits.
  private static func base(_ reference: Int128, _ maximum: UInt64) -> Int64? {
    guard let base = Int64(exactly: reference),
      Int64(exactly: reference + Int128(maximum)) != nil
    else { return nil }
    return base
  }
}
