import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Names of time zones and the files behind them.
enum ZoneNames {
  /// Abbreviations that mean one fixed offset, in seconds, and have no file; PostgreSQL's meanings.
  static let abbreviations: [String: Int] = [
    "Z": 0, "ZULU": 0, "EST": -18_000, "EDT": -14_400, "CST": -21_600, "CDT": -18_000,
    "MST": -25_200, "MDT": -21_600, "PST": -28_800, "PDT": -25_200, "AKST": -32_400,
    "AKDT": -28_800, "HST": -36_000, "CEST": 7_200, "MEZ": 3_600, "MESZ": 7_200, "BST": 3_600,
    "EEST": 10_800, "WEST": 3_600, "JST": 32_400, "AEST": 36_000, "AEDT": 39_600, "NZST": 43_200,
    "NZDT": 46_800,
  ]

  private static let folders = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"]

  /// No zone file is as large.
  private static let largestFile = 1 << 20

  /// - Throws: `.evaluation` when there is no such zone or its file is damaged.
  static func read(_ name: String) throws(StoaError) -> ZoneRules {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    let isName =
      name.utf8.count <= 100
      && parts.allSatisfy { part in
        !part.isEmpty && !part.hasPrefix(".") && part.utf8.allSatisfy(isNameByte)
      }
    guard isName else { throw unknown(name) }
    for folder in folders {
      guard let path = find(parts, in: folder) else { continue }
      guard let bytes = contents(path), bytes.starts(with: "TZif".utf8) else { continue }
      let spelled = String(path.dropFirst(folder.count + 1))
      guard let rules = ZoneFile.parse(bytes, name: spelled) else {
        throw StoaError(.evaluation, "the time zone file \(path) is damaged")
      }
      return rules
    }
    throw unknown(name)
  }

  private static func unknown(_ name: String) -> StoaError {
    StoaError(
      .evaluation, "there is no time zone '\(name)'",
      hint: "Zones have names such as Europe/Berlin, America/New_York or UTC")
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- 0x30 < 10 || byte == UInt8(ascii: "_")
      || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
  }

  /// The path as the folders spell it: the name itself, else part by part in any case.
  private static func find(_ parts: [Substring], in folder: String) -> String? {
    let direct = folder + "/" + parts.joined(separator: "/")
    if access(direct, R_OK) == 0 { return direct }
    var path = folder
    for part in parts {
      guard let entry = entry(of: path, like: part.lowercased()) else { return nil }
      path += "/" + entry
    }
    return path
  }

  private static func entry(of folder: String, like wanted: String) -> String? {
    guard let directory = opendir(folder) else { return nil }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.lowercased() == wanted { return name }
    }
    return nil
  }

  static func contents(_ path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    let piece = Buffer(byteCount: 65_536)
    while bytes.count <= largestFile {
      let count = Glibc.read(file, piece.pointer, 65_536)
      guard count >= 0 else { return nil }
      if count == 0 { return bytes }
      bytes.append(contentsOf: UnsafeRawBufferPointer(start: piece.pointer, count: count))
    }
    return nil
  }

  /// What may name the zone of this machine, the best first.
  static func systemNames() -> [String] {
    var names: [String] = []
    if let variable = getenv("TZ") {
      let name = String(cString: variable)
      names.append(name.hasPrefix(":") ? String(name.dropFirst()) : name)
    }
    let target = Buffer(byteCount: 4096)
    let count = readlink("/etc/localtime", target.typed(CChar.self), 4096)
    if count > 0 {
      let bytes = UnsafeRawBufferPointer(start: target.pointer, count: count)
      let path = String(decoding: bytes, as: UTF8.self)
      if let range = path.split(separator: "zoneinfo/", maxSplits: 1).last,
        path.contains("zoneinfo/")
      {
        names.append(String(range))
      }
    }
    return names
  }

  /// `2`, `+02`, `-05:30`, `+0530` as seconds east of Greenwich; `nil` for other text.
  static func offset(_ text: String) -> Int? {
    var digits = text[...]
    let isWest = digits.hasPrefix("-")
    if isWest || digits.hasPrefix("+") { digits = digits.dropFirst() }
    let parts = digits.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...3).contains(parts.count),
      parts.allSatisfy({ !$0.isEmpty && $0.count <= 4 && $0.utf8.allSatisfy { $0 &- 0x30 < 10 } })
    else { return nil }
    var numbers = parts.compactMap { Int($0) }
    if numbers.count == 1, parts[0].count >= 3 { numbers = [numbers[0] / 100, numbers[0] % 100] }
    guard numbers[0] <= 167, numbers.dropFirst().allSatisfy({ $0 < 60 }) else { return nil }
    let seconds =
      numbers[0] * 3600 + (numbers.count > 1 ? numbers[1] * 60 : 0)
      + (numbers.count > 2 ? numbers[2] : 0)
    return isWest ? -seconds : seconds
  }
}
