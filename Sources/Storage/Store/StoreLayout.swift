import Catalog

/// Names of the files of a warehouse. Numbers and ids only, never names a user chose.
///
///   WAREHOUSE           format version and warehouse id
///   CURRENT             names the checkpoint in force
///   TIP                 how far the log is synced
///   LOCK                locked by the writer, who leaves its process id in it
///   LEASES              readers lock the byte of the commit they read, so that its files stay
///   log/000031.log      commits
///   checkpoint/000012   the whole state at one commit
///   segments/7/000187.seg
///   damaged/000001      files that `stoa recover` replaced, with its report
struct StoreLayout: Sendable {
  let root: String

  var warehouse: String { "\(root)/\(WarehouseFile.name)" }
  var current: String { "\(root)/\(CurrentFile.name)" }
  var tip: String { "\(root)/\(TipFile.name)" }
  var lock: String { "\(root)/LOCK" }
  var leases: String { "\(root)/LEASES" }
  var logDirectory: String { "\(root)/log" }
  var checkpointDirectory: String { "\(root)/checkpoint" }
  var segmentsDirectory: String { "\(root)/segments" }

  func log(_ number: UInt64) -> String { "\(logDirectory)/\(fileNumber(number)).log" }
  func checkpoint(_ number: UInt64) -> String { "\(checkpointDirectory)/\(fileNumber(number))" }
  func tableDirectory(_ table: TableID) -> String { "\(segmentsDirectory)/\(table)" }
  func segment(_ table: TableID, _ id: SegmentID) -> String {
    "\(tableDirectory(table))/\(fileNumber(id)).seg"
  }

  /// Everything a half-made warehouse may contain; a directory with anything else is not ours to fill.
  static let ownNames: Set<String> = [
    WarehouseFile.name, "WAREHOUSE.tmp", CurrentFile.name, "CURRENT.tmp", TipFile.name, "LOCK",
    "LEASES", "log", "checkpoint", "segments",
  ]

  /// The number in a file name like `000031.log`, or `nil` for other names.
  static func number(_ name: String, suffix: String) -> UInt64? {
    guard name.hasSuffix(suffix), let number = UInt64(name.dropLast(suffix.count)),
      number < numberLimit
    else { return nil }
    return number
  }
}

extension StoreLayout {
  /// A path below the root without the root, for reports.
  func relative(_ path: String) -> String {
    path.hasPrefix("\(root)/") ? String(path.dropFirst(root.utf8.count + 1)) : path
  }
}
