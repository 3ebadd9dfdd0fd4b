import BenchmarkSupport

// Data of the Star Schema Benchmark: O'Neil, O'Neil, Chen, "The Star Schema Benchmark", revision 3, 2009. Row counts,
// key ranges, value domains, distributions and the arithmetic between columns are those of the published
// generator; the random numbers are not, so single rows differ. Files have `|` between fields, no header.
//
// What ties columns together:
// - order keys use 8 of every 32 numbers; an order has 1…7 lines and one of 2,406 dates;
// - only customers whose key is no multiple of 3 have orders;
// - a part's price in cents is 90000 + (key / 10) % 20001 + 100 (key % 1000);
// - extended price = quantity × price, revenue = extended price × (100 − discount) / 100,
//   supply cost = 6 × price / 10, order total = Σ revenue × (100 + tax) / 100, with integer divisions.

/// Generates any range of any table, always the same.
public struct SSBGenerator: Sendable {
  public let scale: SSBScale
  let seed: UInt64
  let calendar = SSBCalendar()

  public init(scale: SSBScale, seed: UInt64 = 1992_01_01) {
    self.scale = scale
    self.seed = seed
  }

  /// Appends the rows of units `range` of `table` (orders with all their lines for `lineorder`), counted from 0;
  /// returns how many rows that was.
  @discardableResult
  public func append(_ table: SSBTable, _ range: Range<Int>, to buffer: TextBuffer) -> Int {
    precondition(range.lowerBound >= 0 && range.upperBound <= scale.unitCount(table))
    switch table {
    case .customer: for unit in range { appendCustomer(unit, buffer) }
    case .supplier: for unit in range { appendSupplier(unit, buffer) }
    case .part: for unit in range { appendPart(unit, buffer) }
    case .date: for unit in range { appendDate(unit, buffer) }
    case .lineorder: return appendOrders(range, buffer)
    }
    return range.count
  }

  /// Price of a part in cents.
  @inline(__always)
  static func price(ofPart key: Int) -> Int { 90_000 + (key / 10) % 20_001 + (key % 1000) * 100 }

  private func random(_ table: SSBTable, _ unit: Int) -> SSBRandom {
    let number: UInt64 =
      switch table {
      case .customer: 1
      case .supplier: 2
      case .part: 3
      case .date: 4
      case .lineorder: 5
      }
    return SSBRandom(seed: seed, table: number, unit: UInt64(unit))
  }

  // MARK: line orders

  private func appendOrders(_ range: Range<Int>, _ buffer: TextBuffer) -> Int {
    var rows = 0
    for unit in range { rows += appendOrder(unit, buffer) }
    return rows
  }

  private struct Line {
    var part = 0
    var supplier = 0
    var quantity = 0
    var extendedPrice = 0
    var discount = 0
    var revenue = 0
    var supplyCost = 0
    var tax = 0
    var commitDay = 0
    var shipMode = 0
  }

  private func appendOrder(_ unit: Int, _ buffer: TextBuffer) -> Int {
    var random = random(.lineorder, unit)
    let number = unit + 1
    let key = (number >> 3) << 5 | number & 7
    var customer = random.uniform(1, scale.customerCount)
    // One in three customers never orders: take the next one, or the one before the last.
    if customer % 3 == 0 { customer += customer < scale.customerCount ? 1 : -1 }
    let orderDay = random.uniform(0, SSBScale.orderDayCount - 1)
    let priority = random.uniform(0, SSBWords.priorities.count - 1)
    let lineCount = random.uniform(1, 7)
    var lines: (Line, Line, Line, Line, Line, Line, Line) = (
      Line(), Line(), Line(), Line(), Line(), Line(), Line()
    )
    return withUnsafeMutableBytes(of: &lines) { raw in
      let lines = raw.assumingMemoryBound(to: Line.self)
      var total = 0
      for index in 0..<lineCount {
        lines[index] = line(&random, orderDay: orderDay)
        total += lines[index].revenue * (100 + lines[index].tax) / 100
      }
      var writer = FieldWriter(buffer.place(lineCount * 200))
      for index in 0..<lineCount {
        write(
          lines[index], number: index + 1, key: key, customer: customer, orderDay: orderDay,
          priority: priority, total: total, &writer)
      }
      buffer.advance(to: writer.target)
      return lineCount
    }
  }

  @inline(__always)
  private func line(_ random: inout SSBRandom, orderDay: Int) -> Line {
    var line = Line()
    line.part = random.uniform(1, scale.partCount)
    line.supplier = random.uniform(1, scale.supplierCount)
    line.quantity = random.uniform(1, 50)
    line.discount = random.uniform(0, 10)
    line.tax = random.uniform(0, 8)
    line.commitDay = orderDay + random.uniform(30, 90)
    line.shipMode = random.uniform(0, SharedWords.shipModes.count - 1)
    let price = SSBGenerator.price(ofPart: line.part)
    line.extendedPrice = line.quantity * price
    line.revenue = line.extendedPrice * (100 - line.discount) / 100
    line.supplyCost = 6 * price / 10
    return line
  }

  @inline(__always)
  private func write(
    _ line: Line, number: Int, key: Int, customer: Int, orderDay: Int, priority: Int, total: Int,
    _ writer: inout FieldWriter
  ) {
    writer.number(key)
    writer.separator()
    writer.number(number)
    writer.separator()
    writer.number(customer)
    writer.separator()
    writer.number(line.part)
    writer.separator()
    writer.number(line.supplier)
    writer.separator()
    writer.number(Int(calendar.keys[orderDay]))
    writer.separator()
    writer.text(SSBWords.priorities[priority])
    writer.text("|0|")
    writer.number(line.quantity)
    writer.separator()
    writer.number(line.extendedPrice)
    writer.separator()
    writer.number(total)
    writer.separator()
    writer.number(line.discount)
    writer.separator()
    writer.number(line.revenue)
    writer.separator()
    writer.number(line.supplyCost)
    writer.separator()
    writer.number(line.tax)
    writer.separator()
    writer.number(Int(calendar.keys[line.commitDay]))
    writer.separator()
    writer.text(SharedWords.shipModes[line.shipMode])
    writer.newline()
  }
}

// MARK: dimensions

extension SSBGenerator {
  private func appendCustomer(_ unit: Int, _ buffer: TextBuffer) {
    var random = random(.customer, unit)
    var writer = FieldWriter(buffer.place(256))
    writer.number(unit + 1)
    writer.text("|Customer#")
    writer.number(unit + 1, digits: 9)
    writer.separator()
    writePlace(&random, &writer)
    writer.separator()
    writer.text(SSBWords.segments[random.uniform(0, SSBWords.segments.count - 1)])
    writer.newline()
    buffer.advance(to: writer.target)
  }

  private func appendSupplier(_ unit: Int, _ buffer: TextBuffer) {
    var random = random(.supplier, unit)
    var writer = FieldWriter(buffer.place(256))
    writer.number(unit + 1)
    writer.text("|Supplier#")
    writer.number(unit + 1, digits: 9)
    writer.separator()
    writePlace(&random, &writer)
    writer.newline()
    buffer.advance(to: writer.target)
  }

  /// Address, city, nation, region, phone.
  private func writePlace(_ random: inout SSBRandom, _ writer: inout FieldWriter) {
    let length = random.uniform(6, 24)
    for position in 0..<length {
      // No blank or comma at the ends, where readers may trim.
      let last = position == 0 || position == length - 1 ? 61 : 63
      writer.byte(SSBWords.letters.utf8Start[random.uniform(0, last)])
    }
    writer.separator()
    let key = random.uniform(0, SharedWords.nations.count - 1)
    let nation = SharedWords.nations[key]
    for position in 0..<9 {
      writer.byte(
        position < nation.name.utf8CodeUnitCount ? nation.name.utf8Start[position] : 32)
    }
    writer.number(random.uniform(0, 9))
    writer.separator()
    writer.text(nation.name)
    writer.separator()
    writer.text(SharedWords.regions[nation.region])
    writer.separator()
    writer.number(key + 10)
    for (low, high) in [(100, 999), (100, 999), (1000, 9999)] {
      writer.byte(UInt8(ascii: "-"))
      writer.number(random.uniform(low, high))
    }
  }

  private func appendPart(_ unit: Int, _ buffer: TextBuffer) {
    var random = random(.part, unit)
    var writer = FieldWriter(buffer.place(256))
    let colors = SharedWords.colors
    writer.number(unit + 1)
    writer.separator()
    let first = random.uniform(0, colors.count - 1)
    // Different from the first, and the part's own color from both.
    let second = (first + random.uniform(1, colors.count - 1)) % colors.count
    writer.text(colors[first])
    writer.byte(32)
    writer.text(colors[second])
    let maker = random.uniform(1, 5)
    let category = random.uniform(1, 5)
    writer.text("|MFGR#")
    writer.number(maker)
    writer.text("|MFGR#")
    writer.number(maker * 10 + category)
    writer.text("|MFGR#")
    writer.number(maker * 10 + category)
    writer.number(random.uniform(1, 40))
    writer.separator()
    var color = random.uniform(0, colors.count - 1)
    while color == first || color == second { color = random.uniform(0, colors.count - 1) }
    writer.text(colors[color])
    writer.separator()
    writer.text(SharedWords.typeSizes[random.uniform(0, 5)])
    writer.byte(32)
    writer.text(SharedWords.typeFinishes[random.uniform(0, 4)])
    writer.byte(32)
    writer.text(SharedWords.typeMetals[random.uniform(0, 4)])
    writer.separator()
    writer.number(random.uniform(1, 50))
    writer.separator()
    writer.text(SSBWords.containerSizes[random.uniform(0, 4)])
    writer.byte(32)
    writer.text(SSBWords.containerKinds[random.uniform(0, 7)])
    writer.newline()
    buffer.advance(to: writer.target)
  }

  private func appendDate(_ unit: Int, _ buffer: TextBuffer) {
    let day = calendar.days[unit]
    let month = SSBWords.months[day.month - 1]
    var writer = FieldWriter(buffer.place(256))
    writer.number(day.key)
    writer.separator()
    writer.text(month)
    writer.byte(32)
    writer.number(day.day)
    writer.text(", ")
    writer.number(day.year)
    writer.separator()
    writer.text(SSBWords.weekdays[day.weekday])
    writer.separator()
    writer.text(month)
    writer.separator()
    writer.number(day.year)
    writer.separator()
    writer.number(day.year * 100 + day.month)
    writer.separator()
    for position in 0..<3 { writer.byte(month.utf8Start[position]) }
    writer.number(day.year)
    for number in [
      day.weekday + 1, day.day, day.dayInYear, day.month, day.dayInYear / 7 + 1,
    ] {
      writer.separator()
      writer.number(number)
    }
    writer.separator()
    writer.text(SSBWords.seasons[day.month - 1])
    let isWeekday = (1...5).contains(day.weekday)
    let isHoliday = SSBWords.holidays.contains(day.month * 100 + day.day)
    for flag in [day.weekday == 6, day.isLastInMonth, isHoliday, isWeekday] {
      writer.separator()
      writer.byte(flag ? 49 : 48)
    }
    writer.newline()
    buffer.advance(to: writer.target)
  }
}
