// A shop chain of three years: sales with their date, product → subcategory → category, store → city → country, and
// promotion. Always the same bytes: integer arithmetic and one seeded generator only.
//
// What makes it look real:
// - products and stores sell by Zipf's law (weight 1 / (rank + c));
// - days vary by month, weekday, year and feast, categories by season (garden in May, toys in December);
// - promotions run in windows of the year; about every eighth sale has one, others have NULL;
// - ratings are mostly NULL, some store areas too; 1 % of sales are returns with negative quantity.

/// Generates the data set, table by table, as CSV with a header.
public struct ShopGenerator: Sendable {
  /// Sales in three years.
  public static let saleCount = 200_000

  struct Product {
    var name: String
    var brand: String
    var subcategory: Int
    var category: Int
    var cost: Int
    var price: Int
    var launchDay: Int
    var weight: Int
  }

  struct Store {
    var name: String
    var city: Int
    var openDay: Int
    var area: Int?
    var format: String
    var priceLevel: Int
    var weight: Int
  }

  let days = ShopDay.all
  let products: [Product]
  let stores: [Store]

  public init() {
    var random = ShopRandom(seed: 1897)
    products = ShopGenerator.makeProducts(&random)
    stores = ShopGenerator.makeStores(&random)
  }

  /// Names of the dimension files, without `.csv`.
  public static let dimensions = [
    "calendar", "category", "subcategory", "product", "country", "city", "store", "promotion",
  ]

  /// A dimension as CSV.
  public func dimension(_ name: String) -> String? {
    switch name {
    case "calendar": calendar()
    case "category": categories()
    case "subcategory": subcategories()
    case "product": productTable()
    case "country": countries()
    case "city": cities()
    case "store": storeTable()
    case "promotion": promotions()
    default: nil
    }
  }

  private static func makeProducts(_ random: inout ShopRandom) -> [Product] {
    var products: [Product] = []
    var subcategory = 0
    for (category, group) in ShopWords.categories.enumerated() {
      for part in group.subcategories {
        subcategory += 1
        for index in 0..<18 {
          let noun = part.nouns[index % part.nouns.count]
          let variant = ShopWords.variants[index / part.nouns.count * 2 + random.uniform(0, 1)]
          let price = (part.price * random.uniform(50, 220) / 100) / 10 * 10 + 9
          products.append(
            Product(
              name: variant.isEmpty ? noun : noun + " " + variant,
              brand: ShopWords.brands[random.uniform(0, ShopWords.brands.count - 1)],
              subcategory: subcategory, category: category + 1,
              cost: price * random.uniform(42, 68) / 100, price: price,
              launchDay: random.uniform(0, 9) < 7
                ? -random.uniform(1, 1500) : random.uniform(0, 900),
              weight: 0))
        }
      }
    }
    for (rank, index) in random.shuffled(products.count).enumerated() {
      products[index].weight = 1_000_000 / (rank + 8)
    }
    return products
  }

  private static func makeStores(_ random: inout ShopRandom) -> [Store] {
    var stores: [Store] = []
    var city = 0
    for country in ShopWords.countries {
      for (name, inhabitants) in country.cities {
        city += 1
        let count = 1 + min(4, inhabitants / 500)
        for number in 1...count {
          let format = ShopWords.formats[number == 1 ? 0 : random.uniform(0, 3)]
          let isUnknown = random.uniform(0, 9) == 0
          stores.append(
            Store(
              name: number == 1 ? name : "\(name) \(number)", city: city,
              openDay: number == 1 ? -random.uniform(200, 5000) : random.uniform(-2000, 600),
              area: isUnknown ? nil : random.uniform(8, 140) * 10, format: format,
              priceLevel: country.priceLevel, weight: 0))
        }
      }
    }
    for (rank, index) in random.shuffled(stores.count).enumerated() {
      stores[index].weight = 1_000_000 / (rank + 5)
    }
    return stores
  }
}

/// One day of 2022, 2023 or 2024.
struct ShopDay: Sendable {
  var year: Int
  var month: Int
  var day: Int
  var dayInYear: Int
  /// 0 for Monday.
  var weekday: Int
  var isHoliday: Bool
  /// Share of the three years' sales.
  var weight: Int

  var text: String { ShopDay.text(year, month, day) }

  static func text(_ year: Int, _ month: Int, _ day: Int) -> String {
    "\(year)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)"
  }

  static func length(_ year: Int, _ month: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  static let all: [ShopDay] = {
    let monthWeights = [88, 80, 90, 96, 102, 98, 92, 86, 98, 102, 126, 190]
    let weekdayWeights = [84, 82, 88, 96, 122, 160, 68]
    let holidays = [101, 501, 815, 1101, 1225, 1226]
    var days: [ShopDay] = []
    // 2022-01-01 was a Saturday.
    var weekday = 5
    for year in 2022...2024 {
      var dayInYear = 1
      for month in 1...12 {
        for day in 1...length(year, month) {
          let isHoliday = holidays.contains(month * 100 + day)
          var weight = monthWeights[month - 1] * weekdayWeights[weekday] * (100 + 7 * (year - 2022))
          if month == 12 && (10...23).contains(day) { weight = weight * 3 / 2 }
          if isHoliday { weight /= 12 }
          days.append(
            ShopDay(
              year: year, month: month, day: day, dayInYear: dayInYear, weekday: weekday,
              isHoliday: isHoliday, weight: weight))
          dayInYear += 1
          weekday = (weekday + 1) % 7
        }
      }
    }
    return days
  }()

  /// The date `offset` days after (or before) 2022-01-01.
  static func text(offset: Int) -> String {
    if offset >= 0 && offset < all.count { return all[offset].text }
    var year = 2022
    var left = -offset
    while true {
      year -= 1
      let yearLength = year % 4 == 0 ? 366 : 365
      if left > yearLength {
        left -= yearLength
        continue
      }
      var month = 12
      while left > length(year, month) {
        left -= length(year, month)
        month -= 1
      }
      return text(year, month, length(year, month) - left + 1)
    }
  }
}

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
struct ShopRandom {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func uniform(_ low: Int, _ high: Int) -> Int {
    low + Int(next().multipliedFullWidth(by: UInt64(high - low + 1)).high)
  }

  /// 0..<count in random order.
  mutating func shuffled(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, uniform(0, last)) }
    return order
  }
}

/// Picks an index with probability proportional to its weight.
struct WeightedChoice {
  private let ends: [Int]

  init(_ weights: [Int]) {
    var total = 0
    ends = weights.map { weight in
      total += weight
      return total
    }
  }

  func pick(_ random: inout ShopRandom) -> Int {
    let target = random.uniform(0, (ends.last ?? 1) - 1)
    var low = 0
    var high = ends.count - 1
    while low < high {
      let middle = (low + high) / 2
      if ends[middle] > target { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
