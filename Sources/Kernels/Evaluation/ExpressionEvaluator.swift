import Vectors

/// An expression made ready to run: IN lists as sets, results per dictionary kept between batches. Owned by
/// one worker. Building one is cheap; keeping it for many batches is cheaper.
///
/// Laws of evaluation:
/// - AND, OR and CASE evaluate an operand only for rows that still need it, so `x <> 0 AND 1 / x > 2`
///   cannot fail. Operands that cannot fail may be evaluated for more rows than need them.
/// - A deterministic expression over a single column is computed once per dictionary entry or run of that
///   column. Entries that no row uses must not raise errors: on an error the rows themselves are computed.
/// - Constants stay constant.
public final class ExpressionEvaluator {
  public let expression: Expression
  private let root: EvaluatorNode

  /// Prepares the expression for batches whose columns stand at the positions it names.
  public init(_ expression: Expression) {
    self.expression = expression
    root = EvaluatorNode(expression)
  }

  /// One result per row of `batch`, in any form.
  public func evaluate(_ batch: Batch) throws(StoaError) -> Vector {
    if case .column(let number, _) = expression, number >= 0, number < batch.columns.count {
      return batch.columns[number]
    }
    return try root.evaluate(RowSet(batch))
  }

  /// Positions of the rows for which the condition is TRUE. Conjuncts run in order, each on the survivors
  /// of those before.
  public func filter(_ batch: Batch) throws(StoaError) -> Positions {
    let all = RowSet(batch)
    guard case .and = expression else { return Selection.trueRows(try root.evaluate(all)) }
    var rows = all
    var survivors: Positions?
    for conjunct in root.children {
      guard rows.rowCount > 0 else { break }
      let passed = Selection.trueRows(try conjunct.evaluate(rows))
      if passed.count == rows.rowCount { continue }
      survivors = Selection.compose(survivors, passed)
      rows = RowSet(all, at: survivors!)
    }
    return survivors ?? Positions(all: batch.rowCount)
  }
}

extension Expression {
  /// One result per row of `batch`. For many batches build an `ExpressionEvaluator` once instead.
  public func evaluate(_ batch: Batch) throws(StoaError) -> Vector {
    try ExpressionEvaluator(self).evaluate(batch)
  }

  /// Positions of the rows for which this condition is TRUE.
  public func filter(_ batch: Batch) throws(StoaError) -> Positions {
    try ExpressionEvaluator(self).filter(batch)
  }

  /// The value of an expression without columns.
  public func evaluateConstant() throws(StoaError) -> Value {
    try evaluate(Batch(columns: [], rowCount: 1)).value(at: 0)
  }
}

/// From truth values to positions.
enum Selection {
  /// Rows of a BOOLEAN vector that are TRUE.
  static func trueRows(_ vector: Vector) -> Positions {
    let count = vector.count
    switch vector.form {
    case .constant:
      let isTrue = !vector.isConstantNull && vector.withValues(as: UInt8.self) { $0[0] != 0 }
      return isTrue ? Positions(all: count) : Positions(buffer: Buffer(byteCount: 4), count: 0)
    case .runs: return trueRuns(vector)
    case .dictionary: return trueRows(vector.flattened())
    case .flat:
      let buffer = Buffer(of: UInt32.self, count: count + 1)
      let target = buffer.typed(UInt32.self)
      var found = 0
      vector.withValues(as: UInt8.self) { bytes in
        if let validity = vector.validity {
          for row in 0..<count {
            target[found] = UInt32(truncatingIfNeeded: row)
            found &+= Int(bytes[row] & 1) & Int((validity.words[row >> 6] >> UInt64(row & 63)) & 1)
          }
        } else {
          for row in 0..<count {
            target[found] = UInt32(truncatingIfNeeded: row)
            found &+= Int(bytes[row] & 1)
          }
        }
      }
      return Positions(buffer: buffer, count: found)
    }
  }

  private static func trueRuns(_ vector: Vector) -> Positions {
    let buffer = Buffer(of: UInt32.self, count: max(1, vector.count))
    let target = buffer.typed(UInt32.self)
    var found = 0
    let values = vector.child!
    vector.withRunEnds { ends in
      values.withValues(as: UInt8.self) { bytes in
        var start = 0
        for run in 0..<values.count {
          let end = Int(ends[run])
          if bytes[run] != 0 && values.isValid(run) {
            for row in start..<end {
              target[found &+ row &- start] = UInt32(truncatingIfNeeded: row)
            }
            found += end - start
          }
          start = end
        }
      }
    }
    return Positions(buffer: buffer, count: found)
  }

  /// `inner`, which counts within `outer`, as positions in what `outer` counts within.
  static func compose(_ outer: Positions?, _ inner: Positions) -> Positions {
    guard let outer else { return inner }
    let buffer = Buffer(of: UInt32.self, count: max(1, inner.count))
    let target = buffer.typed(UInt32.self)
    let (from, at) = (outer.pointer, inner.pointer)
    for row in 0..<inner.count { target[row] = from[Int(at[row])] }
    return Positions(buffer: buffer, count: inner.count)
  }
}
