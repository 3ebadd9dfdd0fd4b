import Vectors

/// How alike two texts are, counted in characters (code points). The work grows with the product of the lengths, so
/// that is limited.
enum Similarity {
  /// Pairs of characters that are looked at for one pair of texts.
  static let maximalCellCount = 100_000_000

  typealias Measure<R> = @Sendable ([UInt32], [UInt32]) throws(StoaError) -> R

  /// Code points of a text.
  static func scalars(_ text: StringView) -> [UInt32] {
    text.withBytes { bytes in
      if UTF8Text.isASCII(bytes) { return bytes.map(UInt32.init) }
      return String(decoding: bytes, as: UTF8.self).unicodeScalars.map(\.value)
    }
  }

  static func check(
    _ left: [UInt32], _ right: [UInt32], _ name: String, most: Int = maximalCellCount
  ) throws(StoaError) {
    let (cells, overflow) = left.count.multipliedReportingOverflow(by: right.count)
    guard !overflow, cells <= most else {
      throw StoaError(
        .evaluation,
        "\(name) of texts of \(left.count) and \(right.count) characters takes too long"
      )
    }
  }

  /// Fewest insertions, deletions and replacements that turn one text into the other.
  static func levenshtein(_ left: [UInt32], _ right: [UInt32]) throws(StoaError) -> Int64 {
    let (left, right) = withoutCommonEnds(left, right)
    try check(left, right, "levenshtein")
    if left.isEmpty || right.isEmpty { return Int64(max(left.count, right.count)) }
    var row = Array(0...right.count)
    for (index, character) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in 1...right.count {
        let replaced = diagonal + (right[column - 1] == character ? 0 : 1)
        diagonal = row[column]
        row[column] = min(replaced, min(row[column], row[column - 1]) + 1)
      }
    }
    return Int64(row[right.count])
  }

  private static func withoutCommonEnds(
    _ left: [UInt32], _ right: [UInt32]
  ) -> ([UInt32], [UInt32]) {
    var start = 0
    let shorter = min(left.count, right.count)
    while start < shorter, left[start] == right[start] { start += 1 }
    var end = 0
    while end < shorter - start, left[left.count - 1 - end] == right[right.count - 1 - end] {
      end += 1
    }
    return (Array(left[start..<(left.count - end)]), Array(right[start..<(right.count - end)]))
  }

  /// The same with swaps of neighbours, also of neighbours between which something was put or taken away. Lowrance
  /// and Wagner, "An Extension of the String-to-String Correction Problem", 1975.
  static func damerau(_ left: [UInt32], _ right: [UInt32]) throws(StoaError) -> Int64 {
    try check(left, right, "damerau_levenshtein", most: maximalCellCount / 10)
    let width = right.count + 2
    let far = Int32(clamping: left.count + right.count)
    var cells = [Int32](repeating: 0, count: (left.count + 2) * width)
    cells[0] = far
    for row in 0...left.count {
      cells[(row + 1) * width] = far
      cells[(row + 1) * width + 1] = Int32(clamping: row)
    }
    for column in 0...right.count {
      cells[column + 1] = far
      cells[width + column + 1] = Int32(clamping: column)
    }
    // The last row in which each character stood.
    var lastRows: [UInt32: Int] = [:]
    for row in 0..<left.count {
      var lastColumn = 0
      for column in 0..<right.count {
        let otherRow = lastRows[right[column]] ?? 0
        let otherColumn = lastColumn
        let isSame = left[row] == right[column]
        if isSame { lastColumn = column + 1 }
        let replaced = cells[(row + 1) * width + column + 1] + (isSame ? 0 : 1)
        let inserted = cells[(row + 2) * width + column + 1] + 1
        let deleted = cells[(row + 1) * width + column + 2] + 1
        let swapped =
          cells[otherRow * width + otherColumn]
          + Int32(clamping: row - otherRow + 1 + column - otherColumn)
        cells[(row + 2) * width + column + 2] = min(
          min(replaced, inserted), min(deleted, swapped))
      }
      lastRows[left[row]] = row + 1
    }
    return Int64(cells[cells.count - 1])
  }

  /// Places at which two texts of one length differ.
  static func hamming(_ left: [UInt32], _ right: [UInt32]) throws(StoaError) -> Int64 {
    guard left.count == right.count else {
      throw StoaError(
        .evaluation,
        "hamming compares texts of one length, not of \(left.count) and \(right.count) characters")
    }
    return zip(left, right).reduce(0) { $0 + ($1.0 == $1.1 ? 0 : 1) }
  }

  /// Characters that both texts have, among those that either has.
  static func jaccard(_ left: [UInt32], _ right: [UInt32]) throws(StoaError) -> Double {
    guard !left.isEmpty, !right.isEmpty else {
      throw StoaError(.evaluation, "jaccard compares texts that are not empty")
    }
    let (a, b) = (Set(left), Set(right))
    return Double(a.intersection(b).count) / Double(a.union(b).count)
  }

  /// Winkler's form adds a tenth of what is missing for each of up to four characters at the start that are equal.
  static func jaroWinkler(_ left: [UInt32], _ right: [UInt32]) throws(StoaError) -> Double {
    let plain = try jaro(left, right)
    guard plain > 0.7 else { return plain }
    let common = zip(left.prefix(4), right.prefix(4)).prefix { $0.0 == $0.1 }.count
    return plain + Double(common) * 0.1 * (1 - plain)
  }

  /// Jaro: shares of characters found near the same place in the other text, less half of those out of order.
  static func jaro(_ left: [UInt32], _ right: [UInt32]) throws(StoaError) -> Double {
    if left.isEmpty || right.isEmpty { return 0 }
    try check(left, right, "jaro_similarity")
    let window = max(0, max(left.count, right.count) / 2 - 1)
    var isTaken = [Bool](repeating: false, count: right.count)
    var matched: [UInt32] = []
    for (index, character) in left.enumerated() {
      let lower = max(0, index - window)
      let upper = min(right.count, index + window + 1)
      guard lower < upper else { continue }
      for other in lower..<upper where !isTaken[other] && right[other] == character {
        isTaken[other] = true
        matched.append(character)
        break
      }
    }
    guard !matched.isEmpty else { return 0 }
    var inOrder = 0
    var transposed = 0
    for (index, taken) in isTaken.enumerated() where taken {
      if right[index] != matched[inOrder] { transposed += 1 }
      inOrder += 1
    }
    let count = Double(matched.count)
    return
      (count / Double(left.count) + count / Double(right.count)
      + (count - Double(transposed / 2)) / count) / 3
  }

  /// A whole number per pair of texts.
  static func distance(
    _ name: String, aliases: [String] = [], help: String, example: ScalarFunction.Example,
    _ measure: @escaping Measure<Int64>
  ) -> ScalarFunction {
    ScalarFunction(
      name, aliases: aliases, .text, help: help, example: example,
      .overloads([
        .value([.varchar, .varchar], .bigint, zero: 0 as Int64) {
          (reader: ArgumentReader, row: Int) throws(StoaError) -> Int64 in
          try measure(scalars(reader.text(0, row)), scalars(reader.text(1, row)))
        }
      ]))
  }

  /// A share from 0 to 1 per pair of texts; a third argument makes shares below it 0.
  static func share(
    _ name: String, takesLimit: Bool, help: String, example: ScalarFunction.Example,
    _ measure: @escaping Measure<Double>
  ) -> ScalarFunction {
    let plain = ScalarFunction.Overload.value([.varchar, .varchar], .double, zero: 0 as Double) {
      (reader: ArgumentReader, row: Int) throws(StoaError) -> Double in
      try measure(scalars(reader.text(0, row)), scalars(reader.text(1, row)))
    }
    let limited = ScalarFunction.Overload.value(
      [.varchar, .varchar, .double], .double, zero: 0 as Double
    ) {
      (reader: ArgumentReader, row: Int) throws(StoaError) -> Double in
      let result = try measure(scalars(reader.text(0, row)), scalars(reader.text(1, row)))
      return result >= reader.real(2, row) ? result : 0
    }
    return ScalarFunction(
      name, .text, help: help, example: example,
      .overloads(takesLimit ? [plain, limited] : [plain])
    )
  }
}

extension ScalarFunction {
  static let levenshtein = Similarity.distance(
    "levenshtein", aliases: ["editdist3"],
    help: "Fewest insertions, deletions and replacements that turn one text into the other",
    example: .init(.text("kitten"), .text("sitting"), gives: "3")
  ) { (left: [UInt32], right: [UInt32]) throws(StoaError) in
    try Similarity.levenshtein(left, right)
  }

  static let damerauLevenshtein = Similarity.distance(
    "damerau_levenshtein",
    help: "Fewest insertions, deletions, replacements and swaps of neighbours between two texts",
    example: .init(.text("form"), .text("from"), gives: "1")
  ) { (left: [UInt32], right: [UInt32]) throws(StoaError) in try Similarity.damerau(left, right) }

  static let hamming = Similarity.distance(
    "hamming", aliases: ["mismatches"], help: "Places at which two texts of one length differ",
    example: .init(.text("duck"), .text("luck"), gives: "1")
  ) { (left: [UInt32], right: [UInt32]) throws(StoaError) in try Similarity.hamming(left, right) }

  static let jaccard = Similarity.share(
    "jaccard", takesLimit: false,
    help: "Share of the characters of two texts that both have",
    example: .init(.text("duck"), .text("luck"), gives: "0.6")
  ) { (left: [UInt32], right: [UInt32]) throws(StoaError) in try Similarity.jaccard(left, right) }

  static let jaroSimilarity = Similarity.share(
    "jaro_similarity", takesLimit: true,
    help: "Jaro's likeness of two texts, 0 to 1; 0 when below the third argument",
    example: .init(.text("duck"), .text("duckdb"), gives: "0.8888888888888888")
  ) { (left: [UInt32], right: [UInt32]) throws(StoaError) in try Similarity.jaro(left, right) }

  static let jaroWinklerSimilarity = Similarity.share(
    "jaro_winkler_similarity", takesLimit: true,
    help: "Jaro's likeness with a bonus for equal starts, 0 to 1; 0 when below the third argument",
    example: .init(.text("duck"), .text("duckdb"), gives: "0.9333333333333333")
  ) { (left: [UInt32], right: [UInt32]) throws(StoaError) in
    try Similarity.jaroWinkler(left, right)
  }
}
