/// One constraint by its place in the table's definition.
public enum TableConstraint: Hashable, Sendable {
  /// Position in `keys`.
  case key(Int)
  /// Position in `foreignKeys`.
  case foreignKey(Int)
  /// Position in `checks`.
  case check(Int)
}

extension TableDefinition {
  /// All constraints with their names. Those without one are called as PostgreSQL calls them (`t_pkey`,
  /// `t_a_b_key`, `t_a_fkey`, `t_check`), with a number behind where that is taken.
  public var constraints: [(name: String, constraint: TableConstraint)] {
    var taken = Set(
      (keys.map(\.name) + foreignKeys.map(\.name) + checks.map(\.name)).compactMap { $0 }
        .map(CatalogState.key))
    var result: [(name: String, constraint: TableConstraint)] = []
    func add(_ given: String?, _ standard: String, _ constraint: TableConstraint) {
      var name = given ?? standard
      if given == nil {
        var number = 0
        while !taken.insert(CatalogState.key(name)).inserted {
          number += 1
          name = standard + String(number)
        }
      }
      result.append((name, constraint))
    }
    for (index, key) in keys.enumerated() {
      let standard = key.isPrimary ? "\(name)_pkey" : "\(name)_\(joined(key.columns))_key"
      add(key.name, standard, .key(index))
    }
    for (index, key) in foreignKeys.enumerated() {
      add(key.name, "\(name)_\(joined(key.columns))_fkey", .foreignKey(index))
    }
    for (index, check) in checks.enumerated() { add(check.name, "\(name)_check", .check(index)) }
    return result
  }

  /// The constraint of this name, compared case-insensitively.
  public func constraint(named name: String) -> TableConstraint? {
    let key = CatalogState.key(name)
    return constraints.first { CatalogState.key($0.name) == key }?.constraint
  }

  private func joined(_ ids: [ColumnID]) -> String {
    ids.compactMap { id in index(of: id).map { columns[$0].name } }.joined(separator: "_")
  }
}
