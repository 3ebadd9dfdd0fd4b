/// Names of the made-up shop chain. All of it was written for this data set.
enum ShopWords {
  struct Subcategory {
    var name: String
    /// Typical price in cents.
    var price: Int
    var nouns: [String]
  }

  struct Category {
    var name: String
    /// How well it sells by month, 10 being average.
    var season: [Int]
    var subcategories: [Subcategory]
  }

  static let even = [10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 12]

  static let categories: [Category] = [
    Category(
      name: "Kitchen", season: [9, 9, 9, 10, 10, 9, 8, 8, 10, 11, 12, 16],
      subcategories: [
        Subcategory(
          name: "Cookware", price: 4200,
          nouns: ["Frying pan", "Sauté pan", "Stockpot", "Wok", "Cocotte"]),
        Subcategory(
          name: "Knives", price: 3500,
          nouns: ["Chef's knife", "Paring knife", "Bread knife", "Santoku"]),
        Subcategory(
          name: "Tableware", price: 1600,
          nouns: ["Dinner plate", "Bowl", "Mug", "Crème brûlée dish", "Teapot"]),
        Subcategory(
          name: "Small appliances", price: 7900,
          nouns: ["Kettle", "Toaster", "Hand blender", "Espresso machine"]),
        Subcategory(
          name: "Storage", price: 1200,
          nouns: ["Glass jar", "Lunch box", "Bread bin", "Spice rack"]),
      ]),
    Category(
      name: "Garden", season: [3, 5, 12, 20, 24, 18, 13, 10, 8, 6, 3, 3],
      subcategories: [
        Subcategory(
          name: "Tools", price: 2400, nouns: ["Spade", "Rake", "Secateurs", "Trowel", "Hoe"]),
        Subcategory(
          name: "Plants", price: 900, nouns: ["Lavender", "Rosemary", "Hydrangea", "Olive tree"]),
        Subcategory(
          name: "Outdoor furniture", price: 12_900,
          nouns: ["Deck chair", "Bistro table", "Bench", "Parasol"]),
        Subcategory(
          name: "Watering", price: 1900,
          nouns: ["Watering can", "Hose", "Sprinkler", "Rain barrel"]
        ),
      ]),
    Category(
      name: "Books", season: [11, 9, 9, 9, 9, 10, 13, 12, 9, 10, 12, 20],
      subcategories: [
        Subcategory(
          name: "Novels", price: 1400,
          nouns: ["The Lighthouse Keeper", "Salt and Snow", "L'été à Sète", "Grandmother's Atlas"]),
        Subcategory(
          name: "Cookbooks", price: 2600,
          nouns: ["Bread at Home", "Soups of Europe", "Cuisine du marché", "Fermented"]),
        Subcategory(
          name: "Children's books", price: 1200,
          nouns: ["The Bear Who Counted", "Nuit étoilée", "Little Tractor", "Ten Red Kites"]),
        Subcategory(
          name: "Travel", price: 1900,
          nouns: ["Walking the Alps", "Lisboa", "Islands", "Night Trains"]),
      ]),
    Category(
      name: "Toys", season: [6, 5, 6, 8, 8, 9, 9, 8, 7, 9, 18, 42],
      subcategories: [
        Subcategory(
          name: "Building sets", price: 3900,
          nouns: ["Wooden bricks", "Marble run", "Castle kit", "Crane kit"]),
        Subcategory(
          name: "Board games", price: 2900,
          nouns: ["Harbour", "Mill & Market", "Tiny Kingdoms", "Émile's Heist"]),
        Subcategory(name: "Soft toys", price: 1800, nouns: ["Bear", "Otter", "Hedgehog", "Whale"]),
        Subcategory(
          name: "Puzzles", price: 1500, nouns: ["Puzzle 500", "Puzzle 1000", "3D puzzle"]),
      ]),
    Category(
      name: "Home", season: [10, 9, 9, 10, 10, 9, 9, 9, 10, 11, 12, 14],
      subcategories: [
        Subcategory(
          name: "Bedding", price: 4900, nouns: ["Duvet cover", "Pillow", "Linen sheet", "Throw"]),
        Subcategory(
          name: "Lighting", price: 5900, nouns: ["Desk lamp", "Pendant", "Candle set", "Lantern"]),
        Subcategory(
          name: "Bathroom", price: 1700,
          nouns: ["Towel", "Bath mat", "Soap dish", "Laundry basket"]
        ),
        Subcategory(
          name: "Decoration", price: 2200,
          nouns: ["Vase", "Picture frame", "Wall clock", "Déjà-vu mirror"]),
        Subcategory(
          name: "Furniture", price: 18_900, nouns: ["Side table", "Bookshelf", "Stool", "Armchair"]),
      ]),
    Category(
      name: "Food", season: even,
      subcategories: [
        Subcategory(
          name: "Coffee & tea", price: 850,
          nouns: ["Café crema 500 g", "Earl Grey", "Rooibos", "Espresso beans 1 kg"]),
        Subcategory(
          name: "Chocolate", price: 450,
          nouns: ["Dark bar", "Pralinés", "Milk bar", "Hot chocolate"]),
        Subcategory(
          name: "Oil & vinegar", price: 1150, nouns: ["Olive oil", "Aceto balsamico", "Walnut oil"]),
        Subcategory(
          name: "Preserves", price: 550,
          nouns: ["Apricot jam", "Honey", "Piment d'Espelette", "Chutney"]),
      ]),
    Category(
      name: "Stationery", season: [12, 9, 9, 9, 9, 9, 10, 18, 20, 10, 10, 12],
      subcategories: [
        Subcategory(
          name: "Paper", price: 690, nouns: ["Notebook A5", "Sketchbook", "Diary", "Écru cards"]),
        Subcategory(
          name: "Writing", price: 1290,
          nouns: ["Fountain pen", "Ballpoint", "Pencil set", "Ink 50 ml"]),
        Subcategory(
          name: "Bags", price: 3900, nouns: ["Satchel", "Pencil case", "Backpack", "Tote"]),
      ]),
    Category(
      name: "Sport", season: [14, 9, 10, 11, 12, 13, 12, 10, 10, 9, 9, 12],
      subcategories: [
        Subcategory(
          name: "Running", price: 3300, nouns: ["Running belt", "Headlamp", "Cap", "Bottle 600 ml"]),
        Subcategory(name: "Yoga", price: 2800, nouns: ["Mat", "Block", "Bolster", "Strap"]),
        Subcategory(
          name: "Cycling", price: 4600, nouns: ["Helmet", "Bell", "Pannier", "Floor pump", "Lock"]),
        Subcategory(
          name: "Camping", price: 6900, nouns: ["Tent", "Sleeping bag", "Stove", "Lantern"]),
      ]),
  ]

  /// Added to a noun to tell variants apart.
  static let variants = [
    "", "Classic", "Mini", "Maxi", "Blue", "Sage", "Ivory", "Nº 2", "Bio", "Duo", "Atelier",
    "Édition limitée",
    "Travel", "Plus", "Natural",
  ]
  static let brands = [
    "Maison Aubépine", "Nordhaus", "Casa Lume", "Fjord & Field", "Kestrel", "Öland", "Tricot",
    "Bellweather",
    "Zitronenhof", "Papyrus", "Quercus",
  ]

  struct Country {
    var name: String
    var currency: String
    /// Price level in percent.
    var priceLevel: Int
    /// City and inhabitants in thousands.
    var cities: [(String, Int)]
  }

  static let countries: [Country] = [
    Country(
      name: "France", currency: "EUR", priceLevel: 100,
      cities: [
        ("Paris", 2103), ("Lyon", 522), ("Nîmes", 148), ("Besançon", 119), ("Saint-Étienne", 173),
        ("Nantes", 323),
      ]),
    Country(
      name: "Germany", currency: "EUR", priceLevel: 97,
      cities: [
        ("Berlin", 3677), ("München", 1488), ("Köln", 1073), ("Lübeck", 216), ("Leipzig", 601),
      ]),
    Country(
      name: "Switzerland", currency: "CHF", priceLevel: 138,
      cities: [("Zürich", 421), ("Genève", 203), ("Basel", 173), ("Neuchâtel", 44)]),
    Country(
      name: "Spain", currency: "EUR", priceLevel: 88,
      cities: [("Madrid", 3280), ("Málaga", 579), ("Cádiz", 113), ("A Coruña", 244)]),
    Country(
      name: "Portugal", currency: "EUR", priceLevel: 85,
      cities: [("Lisboa", 545), ("Porto", 231), ("Évora", 53)]),
    Country(
      name: "Italy", currency: "EUR", priceLevel: 95,
      cities: [("Roma", 2755), ("Milano", 1371), ("Torino", 841), ("Forlì", 117)]),
    Country(
      name: "Poland", currency: "PLN", priceLevel: 72,
      cities: [("Warszawa", 1861), ("Kraków", 803), ("Łódź", 658), ("Wrocław", 673)]),
    Country(
      name: "Sweden", currency: "SEK", priceLevel: 112,
      cities: [("Stockholm", 984), ("Göteborg", 596), ("Malmö", 357)]),
    Country(
      name: "Denmark", currency: "DKK", priceLevel: 118,
      cities: [("København", 653), ("Århus", 285)]),
    Country(
      name: "Côte d'Ivoire", currency: "XOF", priceLevel: 64,
      cities: [("Abidjan", 5616), ("Bouaké", 833)]),
  ]

  static let formats = ["street", "mall", "station", "outlet"]

  /// Name, kind, category it is for (from 1, 0: all), first and last month × 100 + day, percent off.
  static let promotions:
    [(name: String, kind: String, category: Int, first: Int, last: Int, percent: Int)] = [
      ("Winter sale", "season", 0, 107, 131, 30),
      ("Spring in the garden", "category", 2, 315, 430, 15),
      ("Fête des mères", "event", 5, 520, 531, 20),
      ("Summer reading", "category", 3, 701, 820, 10),
      ("Back to school", "category", 7, 815, 910, 20),
      ("Black week", "event", 0, 1122, 1130, 25),
      ("Advent calendar", "event", 4, 1201, 1223, 10),
      ("Noël gourmand", "category", 6, 1210, 1224, 15),
    ]
  static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
  static let weekdays = [
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
  ]
}
