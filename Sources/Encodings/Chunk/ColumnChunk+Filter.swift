import Vectors

extension ColumnChunk {
  /// Moves `filter` into this chunk's space. With `zone` the answer may be decided at once.
  public final func compile(
    _ filter: ColumnFilter, zone: ZoneMap? = nil
  ) throws(StoaError) -> CompiledFilter {
    func compiled(_ form: CompiledFilter.Form) -> CompiledFilter {
      CompiledFilter(filter, form, nullCount: nullCount, rowCount: rowCount)
    }
    if nullCount == rowCount {
      if case .nulls = filter.test { return compiled(.nulls) }
      return compiled(.none)
    }
    if let zone {
      switch filter.verdict(zone) {
      case .none: return compiled(.none)
      case .all where nullCount == 0: return compiled(.valid)
      case .all, .some: break
      }
    }
    let form = try form(filter.test, filter)
    guard case .integers(let test) = form, let integers else { return compiled(form) }
    switch try integers.verdict(test) {
    case .none: return compiled(.none)
    case .all: return compiled(.valid)
    case .some: return compiled(form)
    }
  }

  /// The rows of `rows` (beginning on a multiple of 1,024) that pass, as a fresh selection.
  public final func select(
    _ filter: CompiledFilter, rows: Range<Int>, into selection: SelectionVector
  ) throws(StoaError) {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount, "rows out of range")
    precondition(rows.lowerBound % blockCapacity == 0 || rows.isEmpty, "not on a block")
    selection.count = 0
    if rows.isEmpty { return }
    let out = selection.positions
    switch filter.form {
    case .none: return
    case .valid:
      if let validity {
        selection.count = Positions.emit(
          words: validity.words, inverted: false, rows: rows, into: out)
      } else {
        Positions.fill(rows, into: out)
        selection.count = rows.count
      }
    case .nulls:
      guard let validity else { return }
      selection.count = Positions.emit(words: validity.words, inverted: true, rows: rows, into: out)
    case .integers(let test):
      guard let integers else { return }
      selection.count = try integers.select(test, rows, into: out)
      dropNulls(selection)
    case .decoded:
      try selectDecoded(filter.filter.test, rows, selection)
      dropNulls(selection)
    }
  }

  /// Keeps the rows of `selection` that pass.
  public final func refine(
    _ filter: CompiledFilter, _ selection: SelectionVector
  ) throws(StoaError) {
    guard selection.count > 0 else { return }
    let positions = selection.positions
    precondition(Int(positions[selection.count - 1]) < rowCount, "position out of range")
    switch filter.form {
    case .none: selection.count = 0
    case .valid: dropNulls(selection)
    case .nulls:
      guard let validity else {
        selection.count = 0
        return
      }
      selection.count = Positions.keep(
        positions, selection.count, words: validity.words, inverted: true)
    case .integers(let test):
      guard let integers else { return }
      selection.count = try integers.refine(test, positions, selection.count)
      dropNulls(selection)
    case .decoded:
      dropNulls(selection)
      try refineDecoded(filter.filter.test, selection)
    }
  }

  /// The rows of `rows` that pass `filter`.
  public final func select(
    _ filter: ColumnFilter, rows: Range<Int>, into selection: SelectionVector
  ) throws(StoaError) {
    try select(try compile(filter), rows: rows, into: selection)
  }

  /// Keeps the rows of `selection` that pass `filter`.
  public final func refine(
    _ filter: ColumnFilter, _ selection: SelectionVector
  ) throws(StoaError) {
    try refine(try compile(filter), selection)
  }

  /// Removes the NULL rows of a selection.
  final func dropNulls(_ selection: SelectionVector) {
    guard let validity, selection.count > 0 else { return }
    selection.count = Positions.keep(
      selection.positions, selection.count, words: validity.words, inverted: false)
  }

  private func selectDecoded(
    _ test: ValueTest, _ rows: Range<Int>, _ selection: SelectionVector
  ) throws(StoaError) {
    let step = 8 * blockCapacity
    var row = rows.lowerBound
    while row < rows.upperBound {
      let end = min((row / step + 1) * step, rows.upperBound)
      let flags = try entryFlags(test, try decodeRows(row..<end))
      selection.count += flags.withUnsafeBufferPointer {
        Positions.emit(
          $0.baseAddress!, end - row, first: row, into: selection.positions + selection.count)
      }
      row = end
    }
  }

  private func refineDecoded(
    _ test: ValueTest, _ selection: SelectionVector
  ) throws(StoaError) {
    let positions = selection.positions
    var passed = 0
    var start = 0
    while start < selection.count {
      let taken = min(8192, selection.count - start)
      let flags = try entryFlags(test, try gatherRows(UnsafePointer(positions + start), taken))
      for index in 0..<taken {
        positions[passed] = positions[start + index]
        passed &+= Int(flags[index])
      }
      start += taken
    }
    selection.count = passed
  }

  /// One byte per row; evaluated once per constant or run where the vector is of that form.
  private func entryFlags(_ test: ValueTest, _ vector: Vector) throws(StoaError) -> [UInt8] {
    switch vector.form {
    case .flat, .dictionary: return try test.flags(vector)
    case .constant:
      let flag = try test.flags(vector.resizedConstant(count: 1))[0]
      return [UInt8](repeating: flag, count: vector.count)
    case .runs:
      let flags = try test.flags(vector.child!)
      var result = [UInt8](repeating: 0, count: vector.count)
      vector.withRunEnds { ends in
        var row = 0
        for run in 0..<flags.count {
          while row < Int(ends[run]) {
            result[row] = flags[run]
            row += 1
          }
        }
      }
      return result
    }
  }
}
