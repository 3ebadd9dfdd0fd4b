/// Reads TZif files (RFC 8536), versions 1 to 4. Nothing in them is believed: every count is checked against the
/// length, times must ascend, offsets must be less than a day.
///
///   offset  size  field
///        0     4  "TZif"
///        4     1  version: 0, or '2' and up for a second, 64-bit part behind the first
///        5    15  reserved
///       20    24  six counts of 4 bytes, big-endian: UT flags, standard flags, leap seconds, transitions,
///                 types, bytes of abbreviations
///       44     *  transition times (4 or 8 bytes each), their types (1), types (6: offset 4, daylight 1,
///                 abbreviation 1), abbreviations, leap seconds (8 or 12), flags (1 each)
///        *     *  behind the 64-bit part: newline, the rule for later times, newline
struct ZoneFile {
  /// `nil` for anything that is no such file.
  static func parse(_ bytes: [UInt8], name: String) -> ZoneRules? {
    guard let first = Header(bytes, at: 0) else { return nil }
    if first.version < 2 { return rules(bytes, first, at: 44, width: 4, name: name) }
    let second = 44 + first.byteCount(width: 4)
    guard let header = Header(bytes, at: second) else { return nil }
    return rules(bytes, header, at: second + 44, width: 8, name: name)
  }

  private struct Header {
    let version: Int
    let counts: [Int]

    init?(_ bytes: [UInt8], at start: Int) {
      guard start >= 0, bytes.count - start >= 44,
        bytes[start..<start + 4].elementsEqual("TZif".utf8)
      else { return nil }
      let digit = bytes[start + 4]
      version = digit == 0 ? 1 : Int(digit) - 0x30
      guard version >= 1 else { return nil }
      var counts: [Int] = []
      for index in 0..<6 {
        let at = start + 20 + 4 * index
        let value = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
        guard value <= bytes.count else { return nil }
        counts.append(value)
      }
      self.counts = counts
      guard counts[4] > 0, counts[4] <= 256 else { return nil }
    }

    var transitionCount: Int { counts[3] }
    var typeCount: Int { counts[4] }

    func byteCount(width: Int) -> Int {
      transitionCount * (width + 1) + typeCount * 6 + counts[5] + counts[2] * (width + 4)
        + counts[1] + counts[0]
    }
  }

  private static func rules(
    _ bytes: [UInt8], _ header: Header, at start: Int, width: Int, name: String
  ) -> ZoneRules? {
    let end = start + header.byteCount(width: width)
    guard end <= bytes.count else { return nil }
    func integer(_ at: Int, _ width: Int) -> Int64 {
      let bits = bytes[at..<at + width].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return width == 8
        ? Int64(bitPattern: bits) : Int64(Int32(truncatingIfNeeded: bits))
    }
    let typesAt = start + header.transitionCount * (width + 1)
    var typeOffsets: [Int32] = []
    for index in 0..<header.typeCount {
      let offset = integer(typesAt + 6 * index, 4)
      guard offset.magnitude < 86_400 else { return nil }
      typeOffsets.append(Int32(offset))
    }
    var transitions: [Int64] = []
    var offsets = [typeOffsets[0]]
    for index in 0..<header.transitionCount {
      let time = integer(start + width * index, width)
      let type = Int(bytes[start + width * header.transitionCount + index])
      guard type < typeOffsets.count, transitions.last.map({ $0 < time }) ?? true,
        time.magnitude < 1 << 60
      else { return nil }
      // Changes of the name alone are none.
      guard typeOffsets[type] != offsets[offsets.count - 1] else { continue }
      transitions.append(time)
      offsets.append(typeOffsets[type])
    }
    guard width == 8 else {
      return ZoneRules(name: name, transitions: transitions, offsets: offsets, rule: nil)
    }
    guard let text = footer(bytes, at: end) else { return nil }
    if text.isEmpty {
      return ZoneRules(name: name, transitions: transitions, offsets: offsets, rule: nil)
    }
    guard let rule = PosixZone(text) else { return nil }
    return ZoneRules(name: name, transitions: transitions, offsets: offsets, rule: rule)
  }

  private static func footer(_ bytes: [UInt8], at start: Int) -> [UInt8]? {
    guard start < bytes.count, bytes[start] == 0x0A,
      let end = bytes[(start + 1)...].firstIndex(of: 0x0A), end - start < 256
    else { return nil }
    return Array(bytes[start + 1..<end])
  }
}
