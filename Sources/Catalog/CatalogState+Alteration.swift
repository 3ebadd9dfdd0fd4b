import Vectors

/// What ALTER TABLE may not do. Column ids name stored columns, so none is ever given out twice.
extension CatalogState {
  /// The definition that `new` replaces.
  /// - Throws: `.binding` when the change contradicts the state, `.inconsistency` when the definition does
  ///   not fit together.
  func checkedAlteration(_ new: TableDefinition) throws(StoaError) -> TableDefinition {
    guard let old = tables[new.id] else {
      throw StoaError(.binding, "there is no table with id \(new.id)")
    }
    try checkColumns(of: new, against: old)
    let ids = Set(new.columns.map(\.id))
    let mentioned = new.sortKey + new.keys.flatMap(\.columns) + new.foreignKeys.flatMap(\.columns)
    guard mentioned.allSatisfy(ids.contains) else {
      throw StoaError(.inconsistency, "a key of \"\(new.name)\" names no column")
    }
    guard new.sortKey == old.sortKey else {
      throw StoaError(.inconsistency, "the sort key of \"\(new.name)\" cannot change")
    }
    for key in new.foreignKeys {
      let target = key.referencedTable == new.id ? new : tables[key.referencedTable]
      try check(key, of: new, against: target)
    }
    for other in tables.values where other.id != new.id {
      for key in other.foreignKeys where key.referencedTable == new.id {
        try check(key, of: other, against: new)
      }
    }
    return old
  }

  private func checkColumns(
    of new: TableDefinition, against old: TableDefinition
  ) throws(StoaError) {
    guard !new.columns.isEmpty else {
      throw StoaError(.binding, "a table keeps at least one column", table: new.name)
    }
    let ids = Set(new.columns.map(\.id))
    let names = Set(new.columns.map { CatalogState.key($0.name) })
    guard ids.count == new.columns.count, names.count == new.columns.count else {
      throw StoaError(.inconsistency, "table \"\(new.name)\" would have a column twice")
    }
    guard new.nextColumnID >= old.nextColumnID, ids.allSatisfy({ $0 < new.nextColumnID }) else {
      throw StoaError(.inconsistency, "column ids of \"\(new.name)\" are out of order")
    }
    for column in new.columns {
      guard let index = old.index(of: column.id) else {
        if column.id >= old.nextColumnID { continue }
        throw StoaError(
          .inconsistency, "column id \(column.id) of \"\(new.name)\" was used before")
      }
      let type = old.columns[index].type
      guard type == column.type || type.canWiden(to: column.type) else {
        throw StoaError(
          .binding, "a column of type \(type) cannot become \(column.type)",
          hint: LogicalType.wideningHint, column: column.name, table: new.name)
      }
    }
  }

  /// - Throws: `.binding` when a foreign key refers to a table that is gone, or to columns that are no key any more.
  public func requireReferenceTargets() throws(StoaError) {
    for table in tables.values {
      for key in table.foreignKeys {
        let target = tables[key.referencedTable]
        let columns = Set(key.referencedColumns)
        guard target?.keys.contains(where: { Set($0.columns) == columns }) != true else { continue }
        throw StoaError(
          .binding, "what a foreign key of \"\(table.name)\" refers to is gone", table: table.name)
      }
    }
  }

  private func check(
    _ key: ForeignKeyDefinition, of table: TableDefinition, against target: TableDefinition?
  ) throws(StoaError) {
    guard let target, key.columns.count == key.referencedColumns.count,
      target.keys.contains(where: { Set($0.columns) == Set(key.referencedColumns) })
    else {
      throw StoaError(
        .binding,
        "a foreign key of \"\(table.name)\" needs a key of \"\(target?.name ?? "?")\"",
        hint: "Drop the foreign key first", table: table.name)
    }
    for (own, other) in zip(key.columns, key.referencedColumns) {
      guard let a = table.index(of: own), let b = target.index(of: other),
        table.columns[a].type == target.columns[b].type
      else {
        throw StoaError(
          .binding,
          "a foreign key of \"\(table.name)\" and its key in \"\(target.name)\" would differ in type",
          hint: "Drop the foreign key, change both columns, and add it again", table: table.name)
      }
    }
  }
}

extension LogicalType {
  /// What `canWiden` allows, in words.
  public static let wideningHint =
    "Integers become wider integers, DECIMAL(p,s) gets more digits before the point, REAL becomes DOUBLE"

  /// Whether a stored column can become `wider` without its rows being written again: every value stays what
  /// it is and its stored form only grows.
  public func canWiden(to wider: LogicalType) -> Bool {
    switch (self, wider) {
    case (.decimal(let precision, let scale), .decimal(let newPrecision, let newScale)):
      return newScale == scale && newPrecision > precision
    case (.real, .double): return true
    default:
      return isInteger && wider.isInteger
        && self != wider && wider.holdsAll(of: self)
    }
  }
}
