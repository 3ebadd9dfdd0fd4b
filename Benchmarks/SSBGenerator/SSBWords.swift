/// The word lists of TPC-H and SSB, in the order of their specifications.
enum SSBWords {
  /// Nation, and the number of its region; the position is the nation's key.
  static let nations: [(name: StaticString, region: Int)] = [
    ("ALGERIA", 0), ("ARGENTINA", 1), ("BRAZIL", 1), ("CANADA", 1), ("EGYPT", 4), ("ETHIOPIA", 0),
    ("FRANCE", 3), ("GERMANY", 3), ("INDIA", 2), ("INDONESIA", 2), ("IRAN", 4), ("IRAQ", 4),
    ("JAPAN", 2), ("JORDAN", 4), ("KENYA", 0), ("MOROCCO", 0), ("MOZAMBIQUE", 0), ("PERU", 1),
    ("CHINA", 2), ("ROMANIA", 3), ("SAUDI ARABIA", 4), ("VIETNAM", 2), ("RUSSIA", 3),
    ("UNITED KINGDOM", 3), ("UNITED STATES", 1),
  ]
  static let regions: [StaticString] = ["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"]
  static let segments: [StaticString] = [
    "AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY", "HOUSEHOLD",
  ]
  static let priorities: [StaticString] = [
    "1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECI", "5-LOW",
  ]
  static let shipModes: [StaticString] = ["REG AIR", "AIR", "RAIL", "TRUCK", "MAIL", "FOB", "SHIP"]
  static let typeSizes: [StaticString] = [
    "STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO",
  ]
  static let typeFinishes: [StaticString] = [
    "ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED",
  ]
  static let typeMetals: [StaticString] = ["TIN", "NICKEL", "BRASS", "STEEL", "COPPER"]
  static let containerSizes: [StaticString] = ["SM", "MED", "JUMBO", "WRAP", "LG"]
  static let containerKinds: [StaticString] = [
    "CASE", "BOX", "JAR", "PKG", "PACK", "CAN", "DRUM", "BAG",
  ]
  static let colors: [StaticString] = [
    "almond", "antique", "aquamarine", "azure", "beige", "bisque", "black", "blanched", "blue",
    "blush", "brown", "burlywood", "burnished", "chartreuse", "chiffon", "chocolate", "coral",
    "cornflower", "cornsilk", "cream", "cyan", "dark", "deep", "dim", "dodger", "drab",
    "firebrick", "floral", "forest", "frosted", "gainsboro", "ghost", "goldenrod", "green",
    "grey", "honeydew", "hot", "indian", "ivory", "khaki", "lace", "lavender", "lawn", "lemon",
    "light", "lime", "linen", "magenta", "maroon", "medium", "metallic", "midnight", "mint",
    "misty", "moccasin", "navajo", "navy", "olive", "orange", "orchid", "pale", "papaya",
    "peach", "peru", "pink", "plum", "powder", "puff", "purple", "red", "rose", "rosy", "royal",
    "saddle", "salmon", "sandy", "seashell", "sienna", "sky", "slate", "smoke", "snow", "spring",
    "steel", "tan", "thistle", "tomato", "turquoise", "violet", "wheat", "white", "yellow",
  ]
  static let months: [StaticString] = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
  static let weekdays: [StaticString] = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]
  /// Selling season by month.
  static let seasons: [StaticString] = [
    "Winter", "Winter", "Winter", "Spring", "Summer", "Summer", "Summer", "Summer", "Fall", "Fall",
    "Christmas", "Christmas",
  ]
  /// Month × 100 + day of the days that count as holidays.
  static let holidays = [101, 220, 420, 520, 720, 820, 920, 1020, 1120, 1224]
  /// Letters of addresses.
  static let letters: StaticString =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ, "
}
