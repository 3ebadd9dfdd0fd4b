import SQL
import Vectors

/// `range(start, stop, step)` without its end and `generate_series(start, stop, step)` with it: one BIGINT
/// column of equidistant numbers.
final class SeriesSource: TableSource, @unchecked Sendable {
  private static let rowsPerMorsel = 65_536
  private let first: Int64
  private let step: Int64
  private let rowCount: Int
  private let batchCapacity: Int

  /// - Throws: for a wrong number or kind of arguments, a step of 0, or more than 2^62 rows.
  init(_ node: TableFunctionNode, includesEnd: Bool, batchCapacity: Int) throws(StoaError) {
    var numbers: [Int64] = []
    for argument in node.arguments {
      guard let value = argument.integer, let number = Int64(exactly: value) else {
        throw StoaError(.binding, "\(node.name) takes BIGINT arguments that are not NULL")
      }
      numbers.append(number)
    }
    guard (1...3).contains(numbers.count) else {
      throw StoaError(.binding, "\(node.name) takes one to three arguments, not \(numbers.count)")
    }
    first = numbers.count == 1 ? 0 : numbers[0]
    step = numbers.count == 3 ? numbers[2] : 1
    let stop = numbers.count == 1 ? numbers[0] : numbers[1]
    guard step != 0 else { throw StoaError(.evaluation, "the step of \(node.name) is 0") }
    var distance = step > 0 ? Int128(stop) - Int128(first) : Int128(first) - Int128(stop)
    if includesEnd { distance += 1 }
    let width = Int128(step).magnitude
    let count = distance <= 0 ? 0 : (UInt128(distance) + width - 1) / width
    guard count < UInt128(1) << 62 else {
      throw StoaError(.resource, "\(node.name) would give more than 2^62 rows")
    }
    rowCount = Int(count)
    self.batchCapacity = batchCapacity
  }

  var morselCount: Int { (rowCount + SeriesSource.rowsPerMorsel - 1) / SeriesSource.rowsPerMorsel }
  var estimatedRowCount: Int { rowCount }
  func makeReader() -> any TableReader { Reader(self) }

  private final class Reader: TableReader {
    private let source: SeriesSource
    private var row = 0
    private var end = 0

    init(_ source: SeriesSource) { self.source = source }

    func open(morsel: Int) {
      row = morsel * SeriesSource.rowsPerMorsel
      end = min(row + SeriesSource.rowsPerMorsel, source.rowCount)
    }

    func next() -> Batch? {
      let count = min(source.batchCapacity, end - row)
      guard count > 0 else { return nil }
      let buffer = Buffer(of: Int64.self, count: count)
      let values = buffer.typed(Int64.self)
      // Wrapping is safe: every value lies between the first and the end.
      var value = source.first &+ Int64(row) &* source.step
      for index in 0..<count {
        values[index] = value
        value = value &+ source.step
      }
      row += count
      return Batch(columns: [Vector(flat: buffer, type: .bigint, count: count)], rowCount: count)
    }
  }
}
