/// The word lists that TPC-H and SSB have in common, in the order of clause 4.2.2.13 of TPC-H's specification.
public enum SharedWords {
  /// Name, and the number of its region; the position is the nation's key.
  public static let nations: [(name: StaticString, region: Int)] = [
    ("ALGERIA", 0), ("ARGENTINA", 1), ("BRAZIL", 1), ("CANADA", 1), ("EGYPT", 4), ("ETHIOPIA", 0),
    ("FRANCE", 3), ("GERMANY", 3), ("INDIA", 2), ("INDONESIA", 2), ("IRAN", 4), ("IRAQ", 4),
    ("JAPAN", 2), ("JORDAN", 4), ("KENYA", 0), ("MOROCCO", 0), ("MOZAMBIQUE", 0), ("PERU", 1),
    ("CHINA", 2), ("ROMANIA", 3), ("SAUDI ARABIA", 4), ("VIETNAM", 2), ("RUSSIA", 3),
    ("UNITED KINGDOM", 3), ("UNITED STATES", 1),
  ]
  /// Names of the regions by key.
  public static let regions: [StaticString] = [
    "AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST",
  ]
  /// How goods travel.
  public static let shipModes: [StaticString] = [
    "REG AIR", "AIR", "RAIL", "TRUCK", "MAIL", "FOB", "SHIP",
  ]
  /// First words of part types.
  public static let typeSizes: [StaticString] = [
    "STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO",
  ]
  /// Second words of part types.
  public static let typeFinishes: [StaticString] = [
    "ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED",
  ]
  /// Third words of part types.
  public static let typeMetals: [StaticString] = ["TIN", "NICKEL", "BRASS", "STEEL", "COPPER"]
  /// Words of part names.
  public static let colors: [StaticString] = [
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
}
