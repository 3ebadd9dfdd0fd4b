import BenchmarkSupport

/// Pieces of the text pool of 40 to 160 % of an average length.
struct CommentStream {
  private var random: RandomStream
  private let pool: TextPool
  private let shortest: Int
  private let longest: Int

  init(_ pool: TextPool, seed: Int64, average: Int, perRow: Int = 1, row: Int) {
    random = RandomStream(seed: seed, usesPerRow: 2 * perRow, row: row)
    self.pool = pool
    shortest = Int(Double(average) * 0.4)
    longest = Int(Double(average) * 1.6)
  }

  @inline(__always)
  mutating func next() -> UnsafeBufferPointer<UInt8> {
    let offset = random.next(0, pool.byteCount - longest)
    let count = random.next(shortest, longest)
    return UnsafeBufferPointer(start: pool.start(offset), count: count)
  }

  @inline(__always)
  mutating func endRow() { random.endRow() }
}

/// Addresses: 10 to 40 letters.
struct AddressStream {
  private var random: RandomStream
  private let variant: TPCHVariant

  init(_ variant: TPCHVariant, seed: Int64, row: Int) {
    random = RandomStream(seed: seed, usesPerRow: 9, row: row)
    self.variant = variant
  }

  mutating func write(_ writer: inout FieldWriter) {
    let count = random.next(10, 40)
    var bits = 0
    for index in 0..<count {
      if index % 5 == 0 { bits = random.nextBits(variant) }
      writer.byte(TPCHWords.letters.utf8Start[bits & 63])
      bits >>= 6
    }
    random.endRow()
  }
}

/// Telephone numbers, which begin with ten more than the nation's key.
struct PhoneStream {
  private var random: RandomStream

  init(seed: Int64, row: Int) { random = RandomStream(seed: seed, usesPerRow: 3, row: row) }

  mutating func write(nation: Int, _ writer: inout FieldWriter) {
    writer.number(10 + nation % 90, digits: 2)
    for (low, high) in [(100, 999), (100, 999), (1000, 9999)] {
      writer.byte(UInt8(ascii: "-"))
      writer.number(random.next(low, high))
    }
    random.endRow()
  }
}

/// The streams that an order and its lines have in common: an order's status and total follow from its lines.
struct LineStreams {
  /// Lines an order has at most, and so uses of each stream of lines by an order.
  static let limit = 7

  var date: RandomStream
  var lineCount: RandomStream
  var quantity: RandomStream
  var discount: RandomStream
  var tax: RandomStream
  var part: RandomStream
  var ship: RandomStream
  private let partCount: Int

  init(_ scale: TPCHScale, row: Int) {
    func lines(_ seed: Int64) -> RandomStream {
      RandomStream(seed: seed, usesPerRow: LineStreams.limit, row: row)
    }
    date = RandomStream(seed: 1_066_728_069, row: row)
    lineCount = RandomStream(seed: 1_434_868_289, row: row)
    quantity = lines(209_208_115)
    discount = lines(554_590_007)
    tax = lines(721_958_466)
    part = lines(1_808_217_256)
    ship = lines(1_769_349_045)
    partCount = scale.partCount
  }

  /// Day of the order, and how many lines it has.
  @inline(__always)
  mutating func order() -> (day: Int, lineCount: Int) {
    (date.next(0, TPCHCalendar.orderDayCount - 1), lineCount.next(1, LineStreams.limit))
  }

  @inline(__always)
  mutating func line(orderDay: Int) -> Line {
    let quantity = quantity.next(1, 50)
    let discount = discount.next(0, 10)
    let tax = tax.next(0, 8)
    let part = part.next(1, partCount)
    return Line(
      quantity: quantity, discount: discount, tax: tax, part: part,
      shipDay: orderDay + ship.next(1, 121))
  }

  @inline(__always)
  mutating func endRow() {
    date.endRow()
    lineCount.endRow()
    quantity.endRow()
    discount.endRow()
    tax.endRow()
    part.endRow()
    ship.endRow()
  }
}

/// What order and line both depend on.
struct Line {
  var quantity: Int
  /// Per cent.
  var discount: Int
  /// Per cent.
  var tax: Int
  var part: Int
  /// Days since 1992-01-01.
  var shipDay: Int

  /// Cents.
  @inline(__always)
  var extendedPrice: Int { quantity * TPCHGenerator.price(ofPart: part) }
  /// What the line adds to the order's total, cents.
  @inline(__always)
  var total: Int { extendedPrice * (100 - discount) / 100 * (100 + tax) / 100 }
  var isShipped: Bool { shipDay <= TPCHCalendar.currentDay }
}
