import BenchmarkSupport

/// Regions, nations, suppliers, customers, parts and who supplies them.
extension TPCHGenerator {
  func appendRegions(_ range: Range<Int>, _ buffer: TextBuffer) {
    var comments = CommentStream(pool, seed: 1_500_869_201, average: 72, row: range.lowerBound)
    for key in range {
      var writer = FieldWriter(buffer.place(256))
      writer.number(key)
      writer.separator()
      writer.text(SharedWords.regions[key])
      writer.separator()
      writer.text(comments.next())
      comments.endRow()
      writer.newline()
      buffer.advance(to: writer.target)
    }
  }

  func appendNations(_ range: Range<Int>, _ buffer: TextBuffer) {
    var comments = CommentStream(pool, seed: 606_179_079, average: 72, row: range.lowerBound)
    for key in range {
      var writer = FieldWriter(buffer.place(256))
      writer.number(key)
      writer.separator()
      writer.text(SharedWords.nations[key].name)
      writer.separator()
      writer.number(SharedWords.nations[key].region)
      writer.separator()
      writer.text(comments.next())
      comments.endRow()
      writer.newline()
      buffer.advance(to: writer.target)
    }
  }

  func appendSuppliers(_ range: Range<Int>, _ buffer: TextBuffer) {
    let row = range.lowerBound
    var addresses = AddressStream(pool.variant, seed: 706_178_559, row: row)
    var nations = RandomStream(seed: 110_356_601, row: row)
    var phones = PhoneStream(seed: 884_434_366, row: row)
    var balances = RandomStream(seed: 962_338_209, row: row)
    var comments = CommentStream(pool, seed: 1_341_315_363, average: 63, row: row)
    var remarks = RemarkStreams(row: row)
    for unit in range {
      var writer = FieldWriter(buffer.place(512))
      writer.number(unit + 1)
      writer.text("|Supplier#")
      writer.number(unit + 1, digits: 9)
      writer.separator()
      addresses.write(&writer)
      writer.separator()
      let nation = nations.next(0, 24)
      writer.number(nation)
      writer.separator()
      phones.write(nation: nation, &writer)
      writer.separator()
      writer.money(balances.next(-99_999, 999_999))
      writer.separator()
      let start = writer.target
      writer.text(comments.next())
      remarks.write(over: start, count: writer.target - start)
      writer.newline()
      nations.endRow()
      balances.endRow()
      comments.endRow()
      buffer.advance(to: writer.target)
    }
  }

  func appendCustomers(_ range: Range<Int>, _ buffer: TextBuffer) {
    let row = range.lowerBound
    var addresses = AddressStream(pool.variant, seed: 881_155_353, row: row)
    var nations = RandomStream(seed: 1_489_529_863, row: row)
    var phones = PhoneStream(seed: 1_521_138_112, row: row)
    var balances = RandomStream(seed: 298_370_230, row: row)
    var segments = RandomStream(seed: 1_140_279_430, row: row)
    var comments = CommentStream(pool, seed: 1_335_826_707, average: 73, row: row)
    for unit in range {
      var writer = FieldWriter(buffer.place(512))
      writer.number(unit + 1)
      writer.text("|Customer#")
      writer.number(unit + 1, digits: 9)
      writer.separator()
      addresses.write(&writer)
      writer.separator()
      let nation = nations.next(0, 24)
      writer.number(nation)
      writer.separator()
      phones.write(nation: nation, &writer)
      writer.separator()
      writer.money(balances.next(-99_999, 999_999))
      writer.separator()
      writer.text(TPCHWords.segments[segments.next(0, 4)])
      writer.separator()
      writer.text(comments.next())
      writer.newline()
      nations.endRow()
      balances.endRow()
      segments.endRow()
      comments.endRow()
      buffer.advance(to: writer.target)
    }
  }

  func appendParts(_ range: Range<Int>, _ buffer: TextBuffer) {
    let row = range.lowerBound
    let colors = SharedWords.colors
    var names = RandomStream(seed: 709_314_158, usesPerRow: colors.count, row: row)
    var makers = RandomStream(seed: 1, row: row)
    var brands = RandomStream(seed: 46_831_694, row: row)
    var types = RandomStream(seed: 1_841_581_359, row: row)
    var sizes = RandomStream(seed: 1_193_163_244, row: row)
    var containers = RandomStream(seed: 727_633_698, row: row)
    var comments = CommentStream(pool, seed: 804_159_733, average: 14, row: row)
    for unit in range {
      var writer = FieldWriter(buffer.place(512))
      writer.number(unit + 1)
      // Five different words: the beginning of a shuffle.
      var words = colors
      for place in 0..<5 {
        words.swapAt(place, names.next(place, colors.count - 1))
        writer.byte(place == 0 ? UInt8(ascii: "|") : UInt8(ascii: " "))
        writer.text(words[place])
      }
      let maker = makers.next(1, 5)
      writer.text("|Manufacturer#")
      writer.number(maker)
      writer.text("|Brand#")
      writer.number(maker * 10 + brands.next(1, 5))
      writer.separator()
      let type = types.next(0, 149)
      writer.text(SharedWords.typeSizes[type / 25])
      writer.byte(UInt8(ascii: " "))
      writer.text(SharedWords.typeFinishes[type / 5 % 5])
      writer.byte(UInt8(ascii: " "))
      writer.text(SharedWords.typeMetals[type % 5])
      writer.separator()
      writer.number(sizes.next(1, 50))
      writer.separator()
      let container = containers.next(0, 39)
      writer.text(TPCHWords.containerSizes[container / 8])
      writer.byte(UInt8(ascii: " "))
      writer.text(TPCHWords.containerKinds[container % 8])
      writer.separator()
      writer.money(TPCHGenerator.price(ofPart: unit + 1))
      writer.separator()
      writer.text(comments.next())
      writer.newline()
      names.endRow()
      makers.endRow()
      brands.endRow()
      types.endRow()
      sizes.endRow()
      containers.endRow()
      comments.endRow()
      buffer.advance(to: writer.target)
    }
  }

  func appendPartSuppliers(_ range: Range<Int>, _ buffer: TextBuffer) {
    let row = range.lowerBound
    var quantities = RandomStream(seed: 1_671_059_989, usesPerRow: 4, row: row)
    var costs = RandomStream(seed: 1_051_288_424, usesPerRow: 4, row: row)
    var comments = CommentStream(pool, seed: 1_961_692_154, average: 124, perRow: 4, row: row)
    for unit in range {
      var writer = FieldWriter(buffer.place(1024))
      for index in 0..<4 {
        writer.number(unit + 1)
        writer.separator()
        writer.number(supplier(ofPart: unit + 1, index))
        writer.separator()
        writer.number(quantities.next(1, 9999))
        writer.separator()
        writer.money(costs.next(100, 100_000))
        writer.separator()
        writer.text(comments.next())
        writer.newline()
      }
      quantities.endRow()
      costs.endRow()
      comments.endRow()
      buffer.advance(to: writer.target)
    }
  }
}

/// Complaints and recommendations, which the generator writes over the comments of one supplier in a thousand.
private struct RemarkStreams {
  private var choice: RandomStream
  private var gap: RandomStream
  private var place: RandomStream
  private var kind: RandomStream

  init(row: Int) {
    choice = RandomStream(seed: 202_794_285, row: row)
    gap = RandomStream(seed: 263_032_577, row: row)
    place = RandomStream(seed: 715_851_524, row: row)
    kind = RandomStream(seed: 753_643_799, row: row)
  }

  mutating func write(over comment: UnsafeMutablePointer<UInt8>, count: Int) {
    if choice.next(1, 10_000) <= 10 {
      let gap = gap.next(0, count - 19)
      let place = place.next(0, count - 19 - gap)
      let isComplaint = kind.next(0, 100) < 50
      var writer = FieldWriter(comment + place)
      writer.text("Customer ")
      writer.target += gap
      writer.text(isComplaint ? "Complaints" : "Recommends")
    }
    choice.endRow()
    gap.endRow()
    place.endRow()
    kind.endRow()
  }
}
