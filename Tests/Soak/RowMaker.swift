/// What rows of one table may have, for making new ones that its constraints allow.
struct RowMaker {
  let columns: [String]
  /// Values that columns with a foreign key may have.
  let choices: [String: [Int]]
  private var nextKey: Int

  init(_ name: String, _ model: Model, offset: Int) {
    let table = model.tables[name]
    columns = table?.columns ?? []
    nextKey = (table?.numbers("k").max() ?? 0) + 1 + offset
    var choices: [String: [Int]] = [:]
    for column in columns {
      guard let parent = Model.parent(of: name, column).flatMap({ model.tables[$0] }) else {
        continue
      }
      choices[column] = column.hasPrefix("r") ? parent.ids : parent.numbers("k").sorted()
    }
    self.choices = choices
  }

  /// A number above all keys there are and all that were taken.
  mutating func takeKey(_ gap: Int) -> Int {
    nextKey += 1 + gap
    return nextKey
  }
}
