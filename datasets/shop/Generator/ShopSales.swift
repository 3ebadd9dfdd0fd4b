/// The fact.
extension ShopGenerator {
  public static let salesHeader =
    "sale_id,date_key,store_id,product_id,promotion_id,quantity,unit_price,discount,amount,rating\n"

  /// Calls `write` with the header and then the sales of each day.
  public func sales(_ write: (String) -> Void) {
    var random = ShopRandom(seed: 20_220_101)
    let productChoice = WeightedChoice(products.map(\.weight))
    let storeChoice = WeightedChoice(stores.map(\.weight))
    let total = days.reduce(0) { $0 + $1.weight }
    write(ShopGenerator.salesHeader)
    var written = 0
    var weight = 0
    for (number, day) in days.enumerated() {
      weight += day.weight
      // Rounded so that the three years have exactly `saleCount` sales.
      let target = weight * ShopGenerator.saleCount / total
      var text = ""
      while written < target {
        written += 1
        text += sale(written, number, day, productChoice, storeChoice, &random)
      }
      write(text)
    }
  }

  private func sale(
    _ id: Int, _ dayNumber: Int, _ day: ShopDay, _ productChoice: WeightedChoice,
    _ storeChoice: WeightedChoice, _ random: inout ShopRandom
  ) -> String {
    let product = pickProduct(dayNumber, day, productChoice, &random)
    var store = storeChoice.pick(&random)
    while stores[store].openDay > dayNumber { store = storeChoice.pick(&random) }
    let category = products[product].category
    let promotion = pickPromotion(day, category, &random)
    var quantity = 1
    while quantity < 12, random.uniform(0, 99) < (category == 6 ? 45 : 22) { quantity += 1 }
    if random.uniform(0, 99) == 0 { quantity = -1 }
    // Prices rise by 3 % a year.
    let price =
      products[product].price * stores[store].priceLevel * (100 + 3 * (day.year - 2022)) / 10_000
    var percent: Int? = promotion.map { ShopWords.promotions[$0].percent }
    // Loyal customers get 5 % without a promotion.
    if percent == nil, random.uniform(0, 19) == 0 { percent = 5 }
    let full = quantity * price * (100 - (percent ?? 0))
    let amount = (full + (full < 0 ? -50 : 50)) / 100
    var text = "\(id),\(day.text),\(store + 1),\(product + 1),"
    text += promotion.map { "\($0 + 1)" } ?? ""
    text += ",\(quantity),\(money(price)),\(percent.map(money) ?? ""),\(money(amount)),"
    if random.uniform(0, 99) < 28 { text += "\(rating(&random))" }
    return text + "\n"
  }

  private func pickProduct(
    _ dayNumber: Int, _ day: ShopDay, _ choice: WeightedChoice, _ random: inout ShopRandom
  ) -> Int {
    while true {
      let product = choice.pick(&random)
      guard products[product].launchDay <= dayNumber else { continue }
      let season = ShopWords.categories[products[product].category - 1].season[day.month - 1]
      if random.uniform(1, 42) <= season { return product }
    }
  }

  private func pickPromotion(
    _ day: ShopDay, _ category: Int, _ random: inout ShopRandom
  ) -> Int? {
    let today = day.month * 100 + day.day
    let index = ShopWords.promotions.firstIndex { promotion in
      (promotion.first...promotion.last).contains(today)
        && (promotion.category == 0 || promotion.category == category)
    }
    guard let index, random.uniform(0, 9) < 7 else { return nil }
    return index
  }

  private func rating(_ random: inout ShopRandom) -> Int {
    switch random.uniform(0, 99) {
    case ..<4: 1
    case ..<10: 2
    case ..<25: 3
    case ..<60: 4
    default: 5
    }
  }
}
