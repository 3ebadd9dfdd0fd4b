/// Dimensions as CSV.
extension ShopGenerator {
  func calendar() -> String {
    var text = "date_key,year,quarter,month,month_name,week,weekday,weekday_name,is_holiday\n"
    for day in days {
      let quarter = (day.month + 2) / 3
      text += "\(day.text),\(day.year),\(quarter),\(day.month),\(ShopWords.months[day.month - 1])"
      text += ",\((day.dayInYear + 6) / 7),\(day.weekday + 1)"
      text += ",\(ShopWords.weekdays[day.weekday]),\(day.isHoliday)\n"
    }
    return text
  }

  func categories() -> String {
    var text = "category_id,category_name\n"
    for (index, category) in ShopWords.categories.enumerated() {
      text += "\(index + 1),\(category.name)\n"
    }
    return text
  }

  func subcategories() -> String {
    var text = "subcategory_id,subcategory_name,category_id\n"
    var number = 0
    for (index, category) in ShopWords.categories.enumerated() {
      for part in category.subcategories {
        number += 1
        text += "\(number),\(part.name),\(index + 1)\n"
      }
    }
    return text
  }

  func productTable() -> String {
    var text = "product_id,product_name,brand,subcategory_id,unit_cost,list_price,launched\n"
    for (index, product) in products.enumerated() {
      text += "\(index + 1),\(product.name),\(product.brand),\(product.subcategory)"
      text += ",\(money(product.cost)),\(money(product.price))"
      text += ",\(ShopDay.text(offset: product.launchDay))\n"
    }
    return text
  }

  func countries() -> String {
    var text = "country_id,country_name,currency\n"
    for (index, country) in ShopWords.countries.enumerated() {
      text += "\(index + 1),\(country.name),\(country.currency)\n"
    }
    return text
  }

  func cities() -> String {
    var text = "city_id,city_name,country_id,inhabitants\n"
    var number = 0
    for (index, country) in ShopWords.countries.enumerated() {
      for (name, inhabitants) in country.cities {
        number += 1
        text += "\(number),\(name),\(index + 1),\(inhabitants * 1000)\n"
      }
    }
    return text
  }

  func storeTable() -> String {
    var text = "store_id,store_name,city_id,format,area_m2,opened\n"
    for (index, store) in stores.enumerated() {
      text += "\(index + 1),\(store.name),\(store.city),\(store.format)"
      text += ",\(store.area.map(String.init) ?? ""),\(ShopDay.text(offset: store.openDay))\n"
    }
    return text
  }

  func promotions() -> String {
    var text = "promotion_id,promotion_name,kind,percent_off\n"
    for (index, promotion) in ShopWords.promotions.enumerated() {
      text += "\(index + 1),\(promotion.name),\(promotion.kind),\(promotion.percent)\n"
    }
    return text
  }
}

/// Cents as a decimal number.
func money(_ cents: Int) -> String {
  let magnitude = abs(cents)
  let fraction = magnitude % 100
  return "\(cents < 0 ? "-" : "")\(magnitude / 100).\(fraction < 10 ? "0" : "")\(fraction)"
}
