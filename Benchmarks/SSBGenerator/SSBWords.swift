/// The word lists of SSB that TPC-H has not or in another order; see `SharedWords`.
enum SSBWords {
  static let segments: [StaticString] = [
    "AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY", "HOUSEHOLD",
  ]
  static let priorities: [StaticString] = [
    "1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECI", "5-LOW",
  ]
  static let containerSizes: [StaticString] = ["SM", "MED", "JUMBO", "WRAP", "LG"]
  static let containerKinds: [StaticString] = [
    "CASE", "BOX", "JAR", "PKG", "PACK", "CAN", "DRUM", "BAG",
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
