import Kernels
import Vectors

extension CSVColumnSink {
  /// Strings of up to 12 bytes go into their views; longer ones are pointed to in the block.
  func strings(_ fields: CSVFields, _ firstRow: Int) {
    let out = values.typed(StringView.self) + firstRow
    let text = fields.text
    let context = context
    let longestNull = context.longestNullToken
    let hasHighBytes = context.hasHighBytes
    let quote: Int = context.quoting.map { Int($0.quote) } ?? -1
    var points = pointsIntoBlock
    eachField(fields) { row, start, end in
      let count = end &- start
      if count <= longestNull
        && context.isNullToken(UnsafeBufferPointer(start: text + start, count: count))
      {
        out[row] = StringView()
        setNull(firstRow &+ row, start, end)
        return
      }
      if Int(text[start]) == quote && count > 0 {
        out[row] = quotedString(firstRow &+ row, start, end)
        return
      }
      if hasHighBytes && UTF8Text.firstInvalid(text + start, count) != nil {
        fail(firstRow &+ row, start, end, .invalidUTF8)
        out[row] = StringView()
        return
      }
      out[row] = CSVColumnSink.view(text + start, count)
      points = points || count > StringView.inlineCapacity
    }
    pointsIntoBlock = pointsIntoBlock || points
  }

  /// The view of `count` bytes that may be followed by anything, up to 12 of which are read without a loop.
  @inline(__always)
  private static func view(_ text: UnsafePointer<UInt8>, _ count: Int) -> StringView {
    let raw = UnsafeRawPointer(text)
    guard count <= StringView.inlineCapacity else { return StringView(raw, byteCount: count) }
    var low = raw.loadUnaligned(as: UInt64.self).littleEndian
    var high = UInt64(raw.loadUnaligned(fromByteOffset: 8, as: UInt32.self).littleEndian)
    if count >= 8 {
      high &= (1 &<< UInt64(truncatingIfNeeded: (count &- 8) &* 8)) &- 1
    } else {
      high = 0
      low &= (1 &<< UInt64(truncatingIfNeeded: count &* 8)) &- 1
    }
    var view = StringView()
    view.head = UInt64(truncatingIfNeeded: count) | low &<< 32
    view.tail = low &>> 32 | high &<< 32
    return view
  }

  @inline(never)
  private func quotedString(_ row: Int, _ start: Int, _ end: Int) -> StringView {
    guard let inside = context.inside(start, end) else {
      fail(row, start, end, .afterQuote)
      return StringView()
    }
    let count = inside.end - inside.start
    if context.hasHighBytes
      && UTF8Text.firstInvalid(context.text + inside.start, count) != nil
    {
      fail(row, start, end, .invalidUTF8)
      return StringView()
    }
    if inside.hasEscapes { return heapView(context.unescaped(inside.start, inside.end)) }
    if count > StringView.inlineCapacity { pointsIntoBlock = true }
    return StringView(UnsafeRawPointer(context.text + inside.start), byteCount: count)
  }

  func dates(_ fields: CSVFields, _ firstRow: Int) {
    let out = values.typed(Int32.self) + firstRow
    eachField(fields) { row, start, end in
      if end &- start == 10, let day = DateText.isoDay(fields.text + start) {
        out[row] = day
      } else {
        out[row] = slow(firstRow &+ row, start, end, 0, CSVColumnSink.date)
      }
    }
  }

  /// Whatever CAST takes for a date, the day of a timestamp included.
  private static func date(_ text: UnsafeBufferPointer<UInt8>) -> TextOutcome<Int32> {
    let bytes = UnsafeRawBufferPointer(text)
    if let days = TextParser.parseDate(bytes) { return .value(days) }
    guard let micros = TextParser.parseTimestamp(bytes) else { return .invalid }
    let (days, rest) = micros.quotientAndRemainder(dividingBy: 86_400_000_000)
    return Int32(exactly: rest < 0 ? days - 1 : days).map { .value($0) } ?? .outOfRange
  }

  func timestamps(_ fields: CSVFields, _ firstRow: Int) {
    let out = values.typed(Int64.self) + firstRow
    eachField(fields) { row, start, end in
      if let quick = CSVColumnSink.simpleTimestamp(fields.text + start, end &- start) {
        out[row] = quick
      } else {
        out[row] = slow(firstRow &+ row, start, end, 0) { text in
          TextParser.parseTimestamp(UnsafeRawBufferPointer(text)).map { .value($0) } ?? .invalid
        }
      }
    }
  }

  /// `YYYY-MM-DD HH:MM:SS` with nothing, milliseconds or microseconds behind.
  @inline(__always)
  private static func simpleTimestamp(_ text: UnsafePointer<UInt8>, _ count: Int) -> Int64? {
    guard count == 19 || count == 23 || count == 26, text[10] == 0x20 || text[10] == 0x54,
      text[13] == 0x3A, text[16] == 0x3A, let day = DateText.isoDay(text)
    else { return nil }
    var isBad: UInt64 = 0
    let hour = DigitText.upToEight(text + 11, 2, &isBad)
    let minute = DigitText.upToEight(text + 14, 2, &isBad)
    let second = DigitText.upToEight(text + 17, 2, &isBad)
    var micros: UInt64 = 0
    if count > 19 {
      if text[19] != 0x2E { return nil }
      micros = DigitText.upToEight(text + 20, count &- 20, &isBad)
      if count == 23 { micros &*= 1000 }
    }
    guard isBad == 0, hour < 24, minute < 60, second < 60 else { return nil }
    let seconds = (hour &* 60 &+ minute) &* 60 &+ second
    return Int64(day) &* 86_400_000_000 &+ Int64(seconds &* 1_000_000 &+ micros)
  }
}
