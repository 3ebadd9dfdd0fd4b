import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How much memory this process may reckon with.
enum SystemMemory {
  /// 80 % of the machine's memory, or of the control group's limit when that is less.
  static var defaultLimit: Int {
    let machine = max(1 << 28, sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)))
    return min(machine, controlGroupLimit ?? machine) / 10 * 8
  }

  private static var controlGroupLimit: Int? {
    for path in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      var bytes = [UInt8](repeating: 0, count: 32)
      let count = read(descriptor, &bytes, bytes.count)
      let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
      if let limit = Int(text.prefix { $0.isNumber }), limit > 1 << 20 { return limit }
    }
    return nil
  }
}

extension MemoryBudget {
  /// A budget of this many bytes, such as `500MB`, or of what this process may reckon with.
  /// - Throws: `.usage` for a text that is no number of bytes.
  public static func ofProcess(_ limit: String? = nil) throws(StoaError) -> MemoryBudget {
    guard let limit else { return MemoryBudget(limit: SystemMemory.defaultLimit) }
    guard let bytes = ByteCountText.parse(limit) else {
      throw StoaError(.usage, "\"\(limit)\" is no memory limit", hint: "Write it as 500MB or 4GB")
    }
    return MemoryBudget(limit: bytes)
  }
}

/// Byte counts as people write them.
enum ByteCountText {
  private static let units: [(suffix: String, factor: Double)] = [
    ("TIB", 0x1p40), ("GIB", 0x1p30), ("MIB", 0x1p20), ("KIB", 0x1p10), ("TB", 1e12), ("GB", 1e9),
    ("MB", 1e6), ("KB", 1e3), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("K", 1e3), ("B", 1),
  ]

  /// `500MB`, `1.5 GiB`, `1000000`; `nil` for anything else.
  static func parse(_ text: String) -> Int? {
    let upper = text.uppercased().filter { $0 != " " }
    var number = upper[...]
    var factor = 1.0
    for unit in units where upper.hasSuffix(unit.suffix) {
      number = upper.dropLast(unit.suffix.count)
      factor = unit.factor
      break
    }
    guard let value = Double(number), value >= 0, value * factor < 0x1p62 else { return nil }
    return Int(value * factor)
  }

  /// `1.5GiB`: the largest unit that keeps three digits.
  static func text(_ byteCount: Int) -> String {
    for (suffix, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where byteCount >= 1 << shift {
      let tenths = (Double(byteCount) / Double(1 << shift) * 10).rounded()
      let whole = Int(tenths) / 10
      let rest = Int(tenths) % 10
      return rest == 0 ? "\(whole)\(suffix)" : "\(whole).\(rest)\(suffix)"
    }
    return "\(byteCount)B"
  }
}
