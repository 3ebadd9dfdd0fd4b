import BenchmarkSupport

// Data of TPC-H (TPC Benchmark H, revision 3.0.1, clause 4.2), row by row what the published generator makes: the same
// random numbers from the same seeds, so that answers can be compared with anybody's. Files have `|` between
// fields, no header and none of the generator's trailing separators.
//
// What ties columns together:
// - order keys use 8 of every 32 numbers; an order has 1…7 lines and one of 2,406 dates;
// - only customers whose key is no multiple of 3 have orders;
// - a part's price in cents is 90000 + (key / 10) % 20001 + 100 (key % 1000), extended price = quantity × price;
// - the suppliers of a line are among the four of its part.

/// Generates any range of any table, always the same.
public struct TPCHGenerator: Sendable {
  public let scale: TPCHScale
  let pool: TextPool
  let calendar = TPCHCalendar()

  /// - Parameter pool: decides the variant; may be shared by generators, as it is large.
  public init(scale: TPCHScale, pool: TextPool = TextPool()) {
    self.scale = scale
    self.pool = pool
  }

  /// Appends the rows of units `range` of `table` (parts with their suppliers for `partsupp`, orders with their lines for
  /// `lineitem`), counted from 0; returns how many rows that was.
  @discardableResult
  public func append(_ table: TPCHTable, _ range: Range<Int>, to buffer: TextBuffer) -> Int {
    precondition(range.lowerBound >= 0 && range.upperBound <= scale.unitCount(table))
    switch table {
    case .region: appendRegions(range, buffer)
    case .nation: appendNations(range, buffer)
    case .supplier: appendSuppliers(range, buffer)
    case .customer: appendCustomers(range, buffer)
    case .part: appendParts(range, buffer)
    case .partsupp:
      appendPartSuppliers(range, buffer)
      return range.count * 4
    case .orders: appendOrders(range, buffer)
    case .lineitem: return appendLines(range, buffer)
    }
    return range.count
  }

  /// Writes the eight files into `directory`, which must exist, with `threadCount` threads. The bytes do not
  /// depend on the number of threads.
  public func write(
    to directory: String, threadCount: Int
  ) throws(BenchmarkError) -> [WrittenFile] {
    var files: [WrittenFile] = []
    for table in TPCHTable.allCases {
      files.append(
        try WrittenFile.write(
          directory + "/" + table.fileName, unitCount: scale.unitCount(table),
          threadCount: threadCount
        ) { range, buffer in append(table, range, to: buffer) })
    }
    return files
  }

  /// Price of a part in cents.
  @inline(__always)
  static func price(ofPart key: Int) -> Int { 90_000 + (key / 10) % 20_001 + (key % 1000) * 100 }

  /// The `index`th of the four suppliers of a part.
  @inline(__always)
  func supplier(ofPart part: Int, _ index: Int) -> Int {
    let count = scale.supplierCount
    return (part + index * (count / 4 + (part - 1) / count)) % count + 1
  }

  /// Keys of orders leave three quarters of the numbers free.
  @inline(__always)
  static func orderKey(_ unit: Int) -> Int {
    let number = unit + 1
    return (number >> 3) << 5 | number & 7
  }
}

extension FieldWriter {
  /// An amount in cents.
  @inline(__always)
  mutating func money(_ cents: Int) {
    if cents < 0 { byte(UInt8(ascii: "-")) }
    let amount = cents < 0 ? -cents : cents
    number(amount / 100)
    byte(UInt8(ascii: "."))
    number(amount % 100, digits: 2)
  }

  @inline(__always)
  mutating func text(_ bytes: UnsafeBufferPointer<UInt8>) {
    if let base = bytes.baseAddress { target.update(from: base, count: bytes.count) }
    target += bytes.count
  }
}
