import BenchmarkSupport

/// Orders and their lines.
extension TPCHGenerator {
  func appendOrders(_ range: Range<Int>, _ buffer: TextBuffer) {
    let row = range.lowerBound
    let customerCount = scale.customerCount
    let clerkCount = max(Int(scale.factor * 1000), 1000)
    var streams = LineStreams(scale, row: row)
    var customers = RandomStream(seed: 851_767_375, row: row)
    var priorities = RandomStream(seed: 591_449_447, row: row)
    var clerks = RandomStream(seed: 1_171_034_773, row: row)
    var comments = CommentStream(pool, seed: 276_090_261, average: 49, row: row)
    for unit in range {
      let (day, lineCount) = streams.order()
      var total = 0
      var shipped = 0
      for _ in 0..<lineCount {
        let line = streams.line(orderDay: day)
        total += line.total
        if line.isShipped { shipped += 1 }
      }
      streams.endRow()
      var customer = customers.next(1, customerCount)
      // One in three customers never orders: the next one up, or down from there, does.
      var delta = 1
      while customer % 3 == 0 {
        customer = min(customer + delta, customerCount)
        delta = -delta
      }
      var writer = FieldWriter(buffer.place(512))
      writer.number(TPCHGenerator.orderKey(unit))
      writer.separator()
      writer.number(customer)
      writer.separator()
      let status: StaticString = shipped == lineCount ? "F" : shipped == 0 ? "O" : "P"
      writer.text(status)
      writer.separator()
      writer.money(total)
      writer.separator()
      calendar.write(day, &writer)
      writer.separator()
      writer.text(TPCHWords.priorities[priorities.next(0, 4)])
      writer.text("|Clerk#")
      writer.number(clerks.next(1, clerkCount), digits: 9)
      writer.text("|0|")
      writer.text(comments.next())
      writer.newline()
      customers.endRow()
      priorities.endRow()
      clerks.endRow()
      comments.endRow()
      buffer.advance(to: writer.target)
    }
  }

  func appendLines(_ range: Range<Int>, _ buffer: TextBuffer) -> Int {
    var streams = LineStreams(scale, row: range.lowerBound)
    var details = DetailStreams(pool, row: range.lowerBound)
    var rows = 0
    for unit in range {
      let (day, lineCount) = streams.order()
      var writer = FieldWriter(buffer.place(2048))
      for number in 1...lineCount {
        let line = streams.line(orderDay: day)
        let supplier = supplier(ofPart: line.part, details.suppliers.next(0, 3))
        writer.number(TPCHGenerator.orderKey(unit))
        writer.separator()
        writer.number(line.part)
        writer.separator()
        writer.number(supplier)
        writer.separator()
        writer.number(number)
        writer.separator()
        writer.number(line.quantity)
        writer.text(".00|")
        writer.money(line.extendedPrice)
        writer.separator()
        writer.money(line.discount)
        writer.separator()
        writer.money(line.tax)
        writer.separator()
        details.write(line, orderDay: day, calendar, &writer)
      }
      rows += lineCount
      streams.endRow()
      details.endRow()
      buffer.advance(to: writer.target)
    }
    return rows
  }
}

/// The streams that only lines have.
private struct DetailStreams {
  var suppliers: RandomStream
  private var commits: RandomStream
  private var receipts: RandomStream
  private var returns: RandomStream
  private var instructions: RandomStream
  private var modes: RandomStream
  private var comments: CommentStream

  init(_ pool: TextPool, row: Int) {
    func lines(_ seed: Int64) -> RandomStream {
      RandomStream(seed: seed, usesPerRow: LineStreams.limit, row: row)
    }
    suppliers = lines(2_095_021_727)
    commits = lines(904_914_315)
    receipts = lines(373_135_028)
    returns = lines(717_419_739)
    instructions = lines(1_371_272_478)
    modes = lines(675_466_456)
    comments = CommentStream(
      pool, seed: 1_095_462_486, average: 27, perRow: LineStreams.limit, row: row)
  }

  /// From the return flag to the end of the row.
  @inline(__always)
  mutating func write(
    _ line: Line, orderDay: Int, _ calendar: TPCHCalendar, _ writer: inout FieldWriter
  ) {
    let commitDay = orderDay + commits.next(30, 90)
    let receiptDay = line.shipDay + receipts.next(1, 30)
    let isReceived = receiptDay <= TPCHCalendar.currentDay
    // Only what has been received can have been returned.
    let flag: StaticString = isReceived ? (returns.next(0, 1) == 0 ? "R" : "A") : "N"
    writer.text(flag)
    writer.separator()
    let status: StaticString = line.isShipped ? "F" : "O"
    writer.text(status)
    writer.separator()
    calendar.write(line.shipDay, &writer)
    writer.separator()
    calendar.write(commitDay, &writer)
    writer.separator()
    calendar.write(receiptDay, &writer)
    writer.separator()
    writer.text(TPCHWords.shipInstructions[instructions.next(0, 3)])
    writer.separator()
    writer.text(SharedWords.shipModes[modes.next(0, 6)])
    writer.separator()
    writer.text(comments.next())
    writer.newline()
  }

  @inline(__always)
  mutating func endRow() {
    suppliers.endRow()
    commits.endRow()
    receipts.endRow()
    returns.endRow()
    instructions.endRow()
    modes.endRow()
    comments.endRow()
  }
}
