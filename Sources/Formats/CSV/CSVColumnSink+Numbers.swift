import Vectors

extension CSVColumnSink {
  /// Integers of up to 16 digits with an optional minus go the fast way.
  func integers<T: FixedWidthInteger & SignedInteger & PhysicalValue>(
    _ fields: CSVFields, _ firstRow: Int, _: T.Type
  ) {
    let text = fields.text
    let ends = fields.ends
    let stride = fields.stride
    let out = values.typed(T.self) + firstRow
    let trims = column == stride &- 1 && context.dropsCarriageReturn
    var index = column &- 1
    for row in 0..<fields.rowCount {
      let start = Int(ends[index] &+ 1)
      var end = Int(ends[index &+ 1])
      index &+= stride
      if trims && end > start && text[end &- 1] == 13 { end &-= 1 }
      let isNegative = text[start] == 0x2D && end > start
      let first = isNegative ? start &+ 1 : start
      let count = end &- first
      if count &- 1 < 16 && count > 0 {
        var isBad: UInt64 = 0
        let magnitude = Int64(
          truncatingIfNeeded: DigitText.upToSixteen(text + first, count, &isBad))
        let signed = isNegative ? 0 &- magnitude : magnitude
        let narrow = T(truncatingIfNeeded: signed)
        if isBad == 0 && Int64(truncatingIfNeeded: narrow) == signed {
          out[row] = narrow
          continue
        }
      }
      out[row] = slowInteger(firstRow &+ row, start, end)
    }
  }

  @inline(never)
  private func slowInteger<T: FixedWidthInteger>(_ row: Int, _ start: Int, _ end: Int) -> T {
    slow(row, start, end, 0) { text in
      switch NumberText.integer(text) {
      case .value(let value): T(exactly: value).map { .value($0) } ?? .outOfRange
      case .outOfRange: .outOfRange
      case .invalid: .invalid
      }
    }
  }

  /// Decimals with exactly `scale` digits after the point, up to 16 before and 8 after, go the fast way; so
  /// do whole numbers.
  func decimals<T: FixedWidthInteger & SignedInteger & PhysicalValue>(
    _ fields: CSVFields, _ firstRow: Int, _ precision: Int, _ scale: Int, _: T.Type
  ) {
    let text = fields.text
    let ends = fields.ends
    let stride = fields.stride
    let out = values.typed(T.self) + firstRow
    let trims = column == stride &- 1 && context.dropsCarriageReturn
    let isFast = scale <= 8 && precision <= 18
    let limit = isFast ? Int64(DigitText.powersOfTen[precision]) : 0
    let weight = isFast ? DigitText.powersOfTen[scale] : 0
    var index = column &- 1
    for row in 0..<fields.rowCount {
      let start = Int(ends[index] &+ 1)
      var end = Int(ends[index &+ 1])
      index &+= stride
      if trims && end > start && text[end &- 1] == 13 { end &-= 1 }
      let isNegative = text[start] == 0x2D && end > start
      let first = isNegative ? start &+ 1 : start
      let point = end &- scale &- 1
      if isFast && scale > 0 && point > first && point &- first <= 9 && text[point] == 0x2E {
        var isBad: UInt64 = 0
        let whole = DigitText.upToSixteen(text + first, point &- first, &isBad)
        let fraction = DigitText.upToEight(text + (point &+ 1), scale, &isBad)
        let magnitude = Int64(truncatingIfNeeded: whole &* weight &+ fraction)
        if isBad == 0 && magnitude < limit {
          out[row] = T(truncatingIfNeeded: isNegative ? 0 &- magnitude : magnitude)
          continue
        }
      }
      out[row] = slowDecimal(firstRow &+ row, start, end, precision, scale)
    }
  }

  @inline(never)
  private func slowDecimal<T: FixedWidthInteger>(
    _ row: Int, _ start: Int, _ end: Int, _ precision: Int, _ scale: Int
  ) -> T {
    slow(row, start, end, 0) { text in
      switch NumberText.decimal(text, precision: precision, scale: scale) {
      case .value(let value): T(exactly: value).map { .value($0) } ?? .outOfRange
      case .outOfRange: .outOfRange
      case .invalid: .invalid
      }
    }
  }

  /// Doubles whose digits make an integer below 2^53 and whose power of ten is exact are one correctly rounded
  /// division or multiplication (Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990).
  func doubles(_ fields: CSVFields, _ firstRow: Int) {
    let out = values.typed(Double.self) + firstRow
    eachField(fields) { row, start, end in
      if let quick = CSVColumnSink.simpleNumber(fields.text, start, end),
        quick.mantissa <= 1 << 53, quick.fractionDigits <= 22
      {
        let value =
          Double(quick.mantissa) / CSVColumnSink.doublePowers[quick.fractionDigits]
        out[row] = quick.isNegative ? -value : value
      } else {
        out[row] = slow(firstRow &+ row, start, end, 0, NumberText.double)
      }
    }
  }

  func reals(_ fields: CSVFields, _ firstRow: Int) {
    let out = values.typed(Float.self) + firstRow
    eachField(fields) { row, start, end in
      if let quick = CSVColumnSink.simpleNumber(fields.text, start, end),
        quick.mantissa <= 1 << 24, quick.fractionDigits <= 10
      {
        let value =
          Float(quick.mantissa) / Float(CSVColumnSink.doublePowers[quick.fractionDigits])
        out[row] = quick.isNegative ? -value : value
      } else {
        out[row] = slow(firstRow &+ row, start, end, 0, NumberText.float)
      }
    }
  }

  func booleans(_ fields: CSVFields, _ firstRow: Int) {
    let out = values.typed(UInt8.self) + firstRow
    eachField(fields) { row, start, end in
      let word = UnsafeRawPointer(fields.text + start).loadUnaligned(as: UInt32.self).littleEndian
      if end &- start == 4 && word | 0x2020_2020 == 0x6575_7274 {
        out[row] = 1
      } else {
        out[row] = slow(firstRow &+ row, start, end, 0, NumberText.boolean)
      }
    }
  }

  private static let doublePowers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]

  /// Digits with at most one point, 19 of them at most; `nil` for anything else.
  @inline(__always)
  private static func simpleNumber(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int
  ) -> (mantissa: UInt64, fractionDigits: Int, isNegative: Bool)? {
    var at = start
    let isNegative = text[at] == 0x2D
    if isNegative { at &+= 1 }
    guard end &- at <= 20, end > at else { return nil }
    var mantissa: UInt64 = 0
    var point = -1
    let first = at
    while at < end {
      let digit = text[at] &- 0x30
      if digit <= 9 {
        mantissa = mantissa &* 10 &+ UInt64(digit)
      } else if text[at] == 0x2E && point < 0 {
        point = at
      } else {
        return nil
      }
      at &+= 1
    }
    let digitCount = end &- first &- (point >= 0 ? 1 : 0)
    guard digitCount > 0, digitCount <= 19 else { return nil }
    return (mantissa, point >= 0 ? end &- point &- 1 : 0, isNegative)
  }

  /// Calls `body` with row number, start and end of the column's field in every row.
  @inline(__always)
  func eachField(_ fields: CSVFields, _ body: (_ row: Int, _ start: Int, _ end: Int) -> Void) {
    let text = fields.text
    let ends = fields.ends
    let stride = fields.stride
    let trims = column == stride &- 1 && context.dropsCarriageReturn
    var index = column &- 1
    for row in 0..<fields.rowCount {
      let start = Int(ends[index] &+ 1)
      var end = Int(ends[index &+ 1])
      index &+= stride
      if trims && end > start && text[end &- 1] == 13 { end &-= 1 }
      body(row, start, end)
    }
  }
}
