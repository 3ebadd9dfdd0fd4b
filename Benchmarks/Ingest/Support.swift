#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What keeps a measurement from being made.
struct BenchmarkError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// Seconds since some moment.
func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Of this process: user and system.
func cpuSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func seconds(_ work: () throws -> Void) rethrows -> Double {
  let start = now()
  try work()
  return now() - start
}

/// The middle one, of an even number the lower.
func median(_ values: [Double]) -> Double {
  values.isEmpty ? 0 : values.sorted()[(values.count - 1) / 2]
}

func note(_ text: String) {
  let line = Array((text + "\n").utf8)
  _ = write(2, line, line.count)
}

/// `value` with thousands apart, or with decimals when small.
func number(_ value: Double, _ decimals: Int = 0) -> String {
  guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
  let power = (0..<decimals).reduce(1.0) { result, _ in result * 10 }
  let scaled = Int((abs(value) * power).rounded())
  var whole = String(scaled / Int(power))
  var place = whole.count - 3
  while place > 0 {
    whole.insert(",", at: whole.index(whole.startIndex, offsetBy: place))
    place -= 3
  }
  if value < 0, scaled != 0 { whole = "-" + whole }
  guard decimals > 0 else { return whole }
  let fraction = String(scaled % Int(power))
  return whole + "." + String(repeating: "0", count: decimals - fraction.count) + fraction
}

/// A new directory, and everything in it goes when this goes.
final class Scratch {
  let path: String

  init(in parent: String) throws(BenchmarkError) {
    var step = ""
    for name in parent.split(separator: "/", omittingEmptySubsequences: false) {
      step += step.isEmpty && name.isEmpty ? "/" : "\(name)/"
      _ = mkdir(step, 0o755)
    }
    var template = Array("\(parent)/run-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw BenchmarkError("no directory can be made in \(parent)")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { Scratch.remove(path) }

  /// Bytes of the files below `path`.
  static func byteCount(_ path: String) -> Int {
    if let names = names(path) { return names.reduce(0) { $0 + byteCount("\(path)/\($1)") } }
    var status = stat()
    return lstat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  private static func remove(_ path: String) {
    if let names = names(path) {
      for name in names { remove("\(path)/\(name)") }
      rmdir(path)
    } else {
      unlink(path)
    }
  }

  /// Names in a directory; `nil` for a file.
  private static func names(_ path: String) -> [String]? {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
      let directory = opendir(path)
    else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}

/// Runs bodies on threads of their own and waits for them.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  final class Start {
    let index: Int
    let body: @Sendable (Int) -> Void
    init(_ index: Int, _ body: @escaping @Sendable (Int) -> Void) {
      self.index = index
      self.body = body
    }
  }
  var threads: [pthread_t] = []
  for index in 0..<count {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Start(index, body)).toOpaque()
    let code = pthread_create(
      &thread, nil,
      { argument in
        if let argument {
          let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
          start.body(start.index)
        }
        return nil
      }, argument)
    if code == 0 {
      threads.append(thread)
    } else {
      Unmanaged<Start>.fromOpaque(argument).release()
    }
  }
  for thread in threads { pthread_join(thread, nil) }
}
