import Vectors

/// Finds delimiter, quote, header, NULL words, names and types of delimited text by majority over a sample from the
/// whole of it (beginning, pieces in between, end), so that no single line can change the outcome.
///
/// 1. For each candidate of delimiter and quote, rows of the sample are split; the candidate's score is the share of rows
///    with the most frequent number of fields. Within a tolerance, more fields win, then the order of candidates.
/// 2. Every cell of the sample is classified by itself; a column's type is the narrowest that holds all but a
///    few of its cells.
/// 3. The first row is a header when it does not fit those types, or when all is text and nothing in it recurs.
public struct CSVDialectDetector {
  private static let delimiters: [UInt8] = [0x2C, 0x7C, 0x3B, 0x09]
  private static let rareDelimiters: [UInt8] = [0x5E, 0x7E, 0x1F, 0x01]
  /// Bytes of each stretch that candidates are tried on.
  private static let trialByteCount = 64 << 10
  /// Longer text is no name of a column.
  private static let longestNameByteCount = 256
  private static let sampledInputCount = 8

  private let options: CSVOptions
  private var stretches: [TextSample.Stretch] = []
  private var isWholeInput = true
  private var newline: UInt8 = 10
  private var hasCarriageReturns = false
  private var skipsComments = false

  /// Looks at `inputs` (standard input is read ahead and can still be read afterwards).
  /// - Throws: `.io` when a file cannot be read; `.input` when there is no text in them or it is binary.
  public static func detect(
    _ inputs: [TextInput], options: CSVOptions = CSVOptions()
  ) throws(StoaError) -> DetectedCSV {
    var detector = CSVDialectDetector(options: options)
    try detector.sample(inputs)
    return try detector.detect(inputs)
  }

  private init(options: CSVOptions) { self.options = options }

  private mutating func sample(_ inputs: [TextInput]) throws(StoaError) {
    let count = min(inputs.count, CSVDialectDetector.sampledInputCount)
    isWholeInput = count == inputs.count
    for index in 0..<count {
      // Of many files, the first, the last and some between.
      let input = inputs[count == 1 ? 0 : index * (inputs.count - 1) / (count - 1)]
      var limit = max(4096, options.sampleByteCount / count)
      var sample = try input.sample(limit: limit)
      // The first line may be longer than the first stretch.
      while let first = sample.stretches.first, !first.isEnd,
        limit / 2 < options.maximalLineByteCount,
        !first.bytes.contains(where: { $0 == 10 || $0 == 13 })
      {
        limit *= 2
        sample = try input.sample(limit: limit)
      }
      isWholeInput = isWholeInput && sample.isComplete
      for stretch in sample.stretches {
        if stretch.isStart, TextSample.isUTF16(stretch.bytes) {
          throw TextSample.utf16Error(input.name)
        }
        if stretch.bytes.contains(0) {
          throw StoaError(
            .input, "the file holds binary data (a zero byte), not text", path: input.name)
        }
        stretches.append(stretch)
      }
    }
    findNewline()
    if let delimiter = options.longDelimiter { try replace(delimiter, inputs.first?.name ?? "") }
    for stretch in stretches
    where stretch.isStart && !stretch.isEnd && !stretch.bytes.contains(newline) {
      throw StoaError(
        .input, "no line ends within the first \(stretch.bytes.count) bytes of the text",
        hint: "If rows are that long, raise MAX_LINE_SIZE", path: inputs.first?.name)
    }
    if let first = stretches.first, first.isStart {
      var delimiters = CSVDialectDetector.delimiters
      if let delimiter = options.delimiter { delimiters = [delimiter] }
      skipsComments = CSVHeader.hasComments(
        wholeLines(first)[...], newline: newline, delimiters: delimiters)
    }
    for index in stretches.indices { stretches[index].bytes = wholeLines(stretches[index]) }
    if stretches.allSatisfy({ $0.bytes.isEmpty }) {
      throw StoaError(
        .input, "the file is empty, so that nothing can be detected", path: inputs.first?.name)
    }
  }

  /// Puts the stand-in in the place of a delimiter of several bytes. Quotes are taken for such unless told otherwise.
  private mutating func replace(_ delimiter: [UInt8], _ path: String) throws(StoaError) {
    var dialect = options.dialect
    dialect.newline = newline
    for index in stretches.indices {
      var rewriter = DelimiterRewriter(dialect, delimiter)
      let bytes = stretches[index].bytes
      stretches[index].bytes = try rewriter.rewriteAll(bytes, path: path)
    }
  }

  private mutating func findNewline() {
    let hasLineFeeds = stretches.contains { $0.bytes.contains(10) }
    let hasReturns = stretches.contains { $0.bytes.contains(13) }
    newline = !hasLineFeeds && hasReturns ? 13 : 10
    hasCarriageReturns = hasLineFeeds && hasReturns
  }

  /// The stretch without byte-order mark, lines to skip, and the parts of lines at its borders.
  private func wholeLines(_ stretch: TextSample.Stretch) -> [UInt8] {
    var bytes = stretch.bytes[...]
    func dropLine() {
      let end = bytes.firstIndex(of: newline)
      bytes = end.map { bytes[($0 + 1)...] } ?? []
    }
    if stretch.isStart {
      if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
      for _ in 0..<options.skippedLineCount { dropLine() }
      while skipsComments, bytes.first == CSVHeader.commentMark { dropLine() }
    } else {
      dropLine()
    }
    if !stretch.isEnd, let last = bytes.lastIndex(of: newline) { bytes = bytes[...last] }
    return Array(bytes)
  }
}

// Delimiter and quotes.
extension CSVDialectDetector {
  /// How well a dialect explains the sample.
  private struct Trial {
    var dialect: CSVDialect
    var fieldCount = 1
    /// Share of rows that have `fieldCount` fields, plus a little when the first row has.
    var score = 0.0
    var malformedCount = 0
    var rowCount = 0
    /// Rows with a quoted field.
    var quotedRowCount = 0
  }

  private func trial(_ dialect: CSVDialect) -> Trial {
    var trial = Trial(dialect: dialect)
    var frequency: [Int: Int] = [:]
    var firstCount = 0
    for (index, stretch) in stretches.enumerated() {
      let limit =
        index == 0 ? CSVDialectDetector.trialByteCount : CSVDialectDetector.trialByteCount / 8
      let rows = SampleTokenizer(stretch.bytes, dialect).rows(limit: limit)
      for row in rows {
        trial.rowCount += 1
        if row.isMalformed { trial.malformedCount += 1 }
        if row.fields.contains(where: { $0.isQuoted }) { trial.quotedRowCount += 1 }
        if !row.isMalformed { frequency[row.fields.count, default: 0] += 1 }
      }
      if index == 0, let first = rows.first { firstCount = first.fields.count }
    }
    guard let most = frequency.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }) else {
      return trial
    }
    trial.fieldCount = most.key
    trial.score = Double(most.value) / Double(max(1, trial.rowCount))
    if firstCount == most.key { trial.score += 0.06 }
    return trial
  }

  private func findDialect() -> CSVDialect {
    var base = options.dialect
    base.newline = newline
    base.skipsLeadingComments = skipsComments
    let delimiters = options.delimiter.map { [$0] } ?? CSVDialectDetector.delimiters
    var best = bestTrial(base, delimiters)
    if best == nil && options.delimiter == nil {
      best = bestTrial(base, CSVDialectDetector.rareDelimiters)
    }
    var dialect = best?.dialect ?? base
    if options.quote == nil { findQuote(&dialect) }
    return dialect
  }

  private func bestTrial(_ base: CSVDialect, _ delimiters: [UInt8]) -> Trial? {
    var best: Trial?
    for delimiter in delimiters {
      var dialect = base
      dialect.delimiter = delimiter
      var hasMalformed = false
      for quoted in [true, false] where quoted || (options.quote == nil && hasMalformed) {
        if !quoted { dialect.quote = nil }
        guard dialect.quote != dialect.delimiter else { continue }
        let trial = trial(dialect)
        hasMalformed = trial.malformedCount > 0
        guard trial.fieldCount > 1, trial.score >= 0.5 else { continue }
        guard let old = best else {
          best = trial
          continue
        }
        let isClearlyBetter = trial.score > old.score + 0.05
        let isAsGood = trial.score >= old.score - 0.05
        if isClearlyBetter || (isAsGood && trial.fieldCount > old.fieldCount) { best = trial }
      }
    }
    if var found = best, options.quote == nil {
      found.dialect.quote = base.quote
      return found
    }
    return best
  }

  /// Double quotes unless most quotes make no sense that way; single ones when whole fields stand in them; a
  /// backslash as escape when that mends more than one row.
  private func findQuote(_ dialect: inout CSVDialect) {
    var doubled = dialect
    doubled.quote = 0x22
    doubled.escape = options.escape ?? 0x22
    let plain = trial(doubled)
    dialect = doubled
    if options.escape == nil && plain.malformedCount > 0 {
      var backslashed = doubled
      backslashed.escape = 0x5C
      let other = trial(backslashed)
      if other.malformedCount + 1 < plain.malformedCount
        || (other.malformedCount == 0 && plain.rowCount < 20)
      {
        dialect = backslashed
        return
      }
    }
    if plain.malformedCount > 1 && plain.malformedCount > plain.quotedRowCount {
      dialect.quote = nil
      dialect.escape = nil
    } else if plain.quotedRowCount == 0, isInSingleQuotes(doubled) {
      dialect.quote = 0x27
      dialect.escape = options.escape ?? 0x27
    }
  }

  private func isInSingleQuotes(_ dialect: CSVDialect) -> Bool {
    var single = dialect
    single.quote = 0x27
    single.escape = 0x27
    let found = trial(single)
    return found.quotedRowCount * 2 > found.rowCount && found.malformedCount * 20 <= found.rowCount
  }
}

// Header, NULL words, types.
extension CSVDialectDetector {
  private struct Cells {
    var first: [(text: [UInt8], isQuoted: Bool)] = []
    var rows: [(stretch: Int, row: SampledRow)] = []
    var oddRowCount = 0
    /// Whether the first row is one of `rows`; a header may have another number of fields.
    var hasFirstAsRow = false
    /// Whether the last field of all rows is empty.
    var endsEmpty = false
  }

  private func detect(_ inputs: [TextInput]) throws(StoaError) -> DetectedCSV {
    var dialect = findDialect()
    try dialect.validate()
    let (cells, fieldCount) = cells(dialect)
    guard fieldCount > 0 else {
      throw StoaError(
        .input, "no row of the file makes sense as delimited text", path: inputs.first?.name)
    }
    if options.nullTokens == nil { dialect.nullTokens = findNullTokens(cells, fieldCount) }
    let classes = classify(cells, fieldCount, dialect, skippingFirst: true)
    let types = classes.map { $0.type(isWholeFile: isWholeInput) }
    dialect.hasHeader = options.hasHeader ?? isHeader(cells, types, dialect)
    var final = types
    if !dialect.hasHeader {
      // The first row counts too.
      final = classify(cells, fieldCount, dialect, skippingFirst: false).map {
        $0.type(isWholeFile: isWholeInput)
      }
    }
    if dialect.hasHeader, cells.endsEmpty, final.count == cells.first.count, final.count > 1,
      cells.first[final.count - 1].text.isEmpty
    {
      // Header and rows all end with a delimiter: that is no column.
      final.removeLast()
    }
    let columns = try namedColumns(cells, final, dialect, inputs.first?.name)
    var detected = DetectedCSV(
      dialect: dialect, columns: columns,
      sampledRowCount: cells.rows.count
        - (dialect.hasHeader && cells.hasFirstAsRow ? stretches.count { $0.isStart } : 0),
      isWholeInput: isWholeInput,
      oddRowCount: cells.oddRowCount, hasCarriageReturns: hasCarriageReturns)
    detected.headerNames = headerNames(cells, dialect, count: columns.count)
    return detected
  }

  /// The names of the header when there is one, none is empty and all differ.
  private func headerNames(_ cells: Cells, _ dialect: CSVDialect, count: Int) -> [String]? {
    guard dialect.hasHeader, options.columnNames == nil, cells.first.count >= count else {
      return nil
    }
    let names = cells.first.prefix(count).map { CSVHeader.name($0.text) }
    let isUsable =
      names.allSatisfy { !$0.isEmpty && !$0.contains("\"") }
      && Set(names.map { $0.lowercased() }).count == count
    return isUsable ? names : nil
  }

  /// All sampled rows with the usual number of fields, an empty one behind a last delimiter not counted.
  private func cells(_ dialect: CSVDialect) -> (Cells, fieldCount: Int) {
    var cells = Cells()
    var all: [(stretch: Int, row: SampledRow)] = []
    for (index, stretch) in stretches.enumerated() {
      for row in SampleTokenizer(stretch.bytes, dialect).rows() { all.append((index, row)) }
    }
    var frequency: [Int: Int] = [:]
    for (_, row) in all where !row.isMalformed { frequency[row.fields.count, default: 0] += 1 }
    guard let most = frequency.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }) else {
      return (cells, 0)
    }
    var count = most.key
    cells.rows = all.filter { $0.row.fields.count == count }
    cells.oddRowCount = oddRowCount(all, count)
    cells.endsEmpty =
      count > 1
      && cells.rows.allSatisfy { $0.row.fields[count - 1].start == $0.row.fields[count - 1].end }
    if let first = all.first, first.stretch == 0, stretches[0].isStart, !first.row.isMalformed {
      cells.first = first.row.fields.map { (text(0, $0, dialect), $0.isQuoted) }
      cells.hasFirstAsRow = first.row.fields.count == count
      // Each line ends with a delimiter, the header does not.
      if cells.endsEmpty && cells.first.count == count - 1 { count -= 1 }
    }
    return (cells, count)
  }

  /// Rows without `count` fields. A stretch from the middle of a file may begin and end within a quoted field: what
  /// stands there in front of the first and behind the last good row says nothing.
  private func oddRowCount(_ all: [(stretch: Int, row: SampledRow)], _ count: Int) -> Int {
    var odd = 0
    var pending = 0
    var current = -1
    var hasGood = false
    func endStretch() {
      if current >= 0 && stretches[current].isEnd { odd += pending }
      pending = 0
    }
    for (stretch, row) in all {
      if stretch != current {
        endStretch()
        current = stretch
        hasGood = stretches[stretch].isStart
      }
      if row.fields.count != count {
        pending += 1
      } else {
        if hasGood { odd += pending }
        pending = 0
        hasGood = true
      }
    }
    endStretch()
    return odd
  }

  private func text(_ stretch: Int, _ field: SampledField, _ dialect: CSVDialect) -> [UInt8] {
    let raw = stretches[stretch].bytes[field.start..<field.end]
    guard field.isQuoted, let quote = dialect.quote else { return Array(raw) }
    let escape = dialect.escape ?? quote
    var text: [UInt8] = []
    var at = raw.startIndex
    while at < raw.endIndex {
      if raw[at] == escape, at + 1 < raw.endIndex, raw[at + 1] == quote || raw[at + 1] == escape {
        at += 1
      }
      text.append(raw[at])
      at += 1
    }
    return text
  }

  /// The empty field, and `NULL` and `\N` where they occur as a whole unquoted field. Words like NA are NULL only in
  /// columns that hold otherwise nothing but numbers, dates or truth values.
  private func findNullTokens(_ cells: Cells, _ fieldCount: Int) -> [String] {
    let places = wordPlaces(cells, fieldCount)
    var tokens = [""]
    for token in CSVDialectDetector.certainNulls where places[token] != nil { tokens.append(token) }
    let possible = CSVDialectDetector.possibleNulls.filter { places[$0] != nil }
    guard !possible.isEmpty else { return tokens }
    var trial = CSVDialect()
    trial.nullTokens = tokens + possible
    let types = classify(cells, fieldCount, trial, skippingFirst: true).map {
      $0.type(isWholeFile: true)
    }
    for token in possible {
      // In a column of text the word may be one, and would become NULL too.
      if places[token, default: []].allSatisfy({ types[$0] != .varchar }) { tokens.append(token) }
    }
    return tokens
  }

  private static let certainNulls = ["NULL", "null", "\\N"]
  private static let possibleNulls = [
    "NA", "N/A", "n/a", "na", "None", "none", "nil", "-", "?", "#N/A",
  ]

  /// The columns in which each word that may mean NULL is a whole unquoted field.
  private func wordPlaces(_ cells: Cells, _ fieldCount: Int) -> [String: Set<Int>] {
    var known: [[UInt8]: String] = [:]
    for word in CSVDialectDetector.certainNulls + CSVDialectDetector.possibleNulls {
      known[Array(word.utf8)] = word
    }
    var places: [String: Set<Int>] = [:]
    for stretch in stretches.indices {
      stretches[stretch].bytes.withUnsafeBufferPointer { bytes in
        for (owner, row) in cells.rows where owner == stretch {
          for column in 0..<fieldCount {
            let field = row.fields[column]
            // All of them have one to four bytes and begin with no digit.
            guard field.end - field.start &- 1 < 4, field.end > field.start, !field.isQuoted,
              bytes[field.start] &- 0x30 > 9,
              let word = known[Array(bytes[field.start..<field.end])]
            else { continue }
            places[word, default: []].insert(column)
          }
        }
      }
    }
    return places
  }

  private func classify(
    _ cells: Cells, _ fieldCount: Int, _ dialect: CSVDialect, skippingFirst: Bool
  ) -> [ColumnClasses] {
    var classes = [ColumnClasses](repeating: ColumnClasses(), count: fieldCount)
    let nulls = dialect.nullTokens.map { Array($0.utf8) }
    for stretch in stretches.indices {
      stretches[stretch].bytes.withUnsafeBufferPointer { bytes in
        var isFirst = stretches[stretch].isStart && (stretch > 0 || cells.hasFirstAsRow)
        for (owner, row) in cells.rows where owner == stretch {
          if isFirst && skippingFirst {
            isFirst = false
            continue
          }
          for column in 0..<fieldCount {
            let field = row.fields[column]
            let text = UnsafeBufferPointer(rebasing: bytes[field.start..<field.end])
            if text.isEmpty || (!field.isQuoted && nulls.contains { $0.elementsEqual(text) }) {
              continue
            }
            let cell = CellClass(text)
            classes[column].counts[cell.rawValue] += 1
            if cell == .integer && text.count >= 10 { classes[column].hasLargeIntegers = true }
          }
        }
      }
    }
    return classes
  }

  private func isHeader(_ cells: Cells, _ types: [LogicalType], _ dialect: CSVDialect) -> Bool {
    guard !cells.first.isEmpty,
      cells.first.allSatisfy({ $0.text.count <= CSVDialectDetector.longestNameByteCount })
    else { return false }
    var votes = 0
    var hasVotes = false
    let nulls = dialect.nullTokens.map { Array($0.utf8) }
    for (column, type) in types.enumerated() where type != .varchar && column < cells.first.count {
      let (text, isQuoted) = cells.first[column]
      if text.isEmpty || (!isQuoted && nulls.contains(text)) { continue }
      hasVotes = true
      votes += text.withUnsafeBufferPointer { ColumnClasses.fits(CellClass($0), type) } ? -1 : 1
    }
    if hasVotes { return votes > 0 }
    return looksLikeNames(cells, types.count)
  }

  /// All columns are text: the first row is a header when its fields are words, all different, none of
  /// which is a value of its column further down.
  private func looksLikeNames(_ cells: Cells, _ fieldCount: Int) -> Bool {
    let names = cells.first.prefix(fieldCount).map(\.text)
    guard names.count == fieldCount, Set(names).count == names.count else { return false }
    for (column, name) in names.enumerated() {
      guard !name.isEmpty, name.withUnsafeBufferPointer({ CellClass($0) }) == .text else {
        return false
      }
      var owner = 0
      for (stretch, row) in cells.rows.dropFirst() {
        // The first row of another file says the same as that of this one.
        let isFirst = stretch != owner && stretches[stretch].isStart
        owner = stretch
        if isFirst { continue }
        let field = row.fields[column]
        if stretches[stretch].bytes[field.start..<field.end].elementsEqual(name) { return false }
      }
    }
    return true
  }

  private func namedColumns(
    _ cells: Cells, _ types: [LogicalType], _ dialect: CSVDialect, _ path: String?
  ) throws(StoaError) -> [CSVColumn] {
    if let given = options.columnNames, given.count != types.count {
      throw StoaError(
        .usage, "\(given.count) column names given for \(types.count) columns", path: path)
    }
    let digits = types.count > 10 ? String(types.count - 1).count : 1
    var used: Set<String> = []
    var columns: [CSVColumn] = []
    for (index, type) in types.enumerated() {
      var name = ""
      if let given = options.columnNames {
        name = given[index]
      } else if dialect.hasHeader, index < cells.first.count {
        name = CSVHeader.name(cells.first[index].text)
      }
      if name.isEmpty {
        let number = String(index)
        name = "column" + String(repeating: "0", count: max(0, digits - number.count)) + number
      }
      columns.append(CSVColumn(name: CSVDialectDetector.unique(name, &used), type: type))
    }
    try applyTypes(&columns)
    return columns
  }

  private static func unique(_ name: String, _ used: inout Set<String>) -> String {
    var candidate = name
    var number = 0
    while !used.insert(candidate.lowercased()).inserted {
      number += 1
      candidate = "\(name)_\(number)"
    }
    return candidate
  }

  private func applyTypes(_ columns: inout [CSVColumn]) throws(StoaError) {
    for (key, type) in options.types {
      let index =
        columns.firstIndex { $0.name.lowercased() == key }
        ?? Int(key).flatMap { $0 >= 1 && $0 <= columns.count ? $0 - 1 : nil }
      guard let index else {
        throw StoaError(
          .usage, "there is no column '\(key)' to give a type",
          hint: "The columns are \(columns.map(\.name).joined(separator: ", "))")
      }
      columns[index].type = type
    }
  }
}
