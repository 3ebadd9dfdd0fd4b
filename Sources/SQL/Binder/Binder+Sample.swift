import Kernels
import Vectors

/// TABLESAMPLE and USING SAMPLE.
extension Binder {
  /// The rows that `sample` leaves of `plan`.
  func sampled(
    _ plan: LogicalPlan, _ sample: SampleSyntax
  ) throws(StoaError) -> LogicalPlan {
    let size = try sampleNumber(sample.size, "the size of a sample")
    var seed: Int64?
    if let syntax = sample.seed {
      seed = Int64(clamping: Int(try sampleNumber(syntax, "the seed of a sample").rounded()))
    }
    let method: SampleMethod
    switch sample.method?.text.lowercased() {
    case nil where sample.isPercent, "system"?: method = .blocks(try part(size, sample))
    case "bernoulli"?: method = .rows(try part(size, sample))
    case nil, "reservoir"?:
      method = sample.isPercent ? .part(try part(size, sample)) : .count(try count(size, sample))
    case let name?:
      throw StoaError(
        .binding, "there is no sampling method \(name)",
        hint: "There are BERNOULLI, SYSTEM and RESERVOIR",
        position: sample.method?.position ?? sample.position)
    }
    return .sample(LogicalSample(input: plan, method: method, seed: seed))
  }

  private func part(_ size: Double, _ sample: SampleSyntax) throws(StoaError) -> Double {
    guard sample.isPercent else {
      throw StoaError(
        .binding, "\(sample.method?.text.uppercased() ?? "this method") takes a part in percent",
        hint: "For a number of rows write RESERVOIR (n ROWS)", position: sample.position)
    }
    guard size >= 0, size <= 100 else {
      throw StoaError(
        .binding, "the size of a sample must be between 0 and 100 percent",
        position: sample.size.position)
    }
    return size / 100
  }

  private func count(_ size: Double, _ sample: SampleSyntax) throws(StoaError) -> Int {
    guard size >= 0, let count = Int(exactly: size.rounded()) else {
      throw StoaError(
        .binding, "the size of a sample must not be negative", position: sample.size.position)
    }
    return count
  }

  /// A constant number.
  private func sampleNumber(
    _ syntax: ExpressionSyntax, _ purpose: String
  ) throws(StoaError) -> Double {
    let clause = Clause("TABLESAMPLE", scope: Scope(parent: nil, commonTables: nil))
    let bound = try coerced(
      try bindExpression(syntax, clause), to: .double, at: syntax.position)
    guard clause.pending.isEmpty,
      case .double(let number)? = try folded(bound, at: syntax.position).constantValue,
      number.isFinite, abs(number) < 1e18
    else {
      throw StoaError(
        .binding, "\(purpose) must be a constant number", position: syntax.position)
    }
    return number
  }
}
