import Glibc

/// How a program ended and what it printed.
public struct ProgramResult: Sendable {
  /// Exit code, or 128 + signal number as shells report it.
  public var exitCode: Int32
  public var output: String
  public var errorOutput: String
  /// True when it ran past its time limit and was killed for that.
  public var timedOut: Bool

  public init(exitCode: Int32, output: String, errorOutput: String, timedOut: Bool) {
    self.exitCode = exitCode
    self.output = output
    self.errorOutput = errorOutput
    self.timedOut = timedOut
  }
}

/// Why a program could not be started at all.
public struct ProgramFailure: Error, CustomStringConvertible {
  public var description: String
}

/// Runs the `stoa` executable (or another) as a user would. Standard streams are files, so that no amount
/// of output can block the child.
public enum Program {
  /// The `stoa` that was built beside the running test bundle.
  public static let stoa: String = built("stoa")

  /// An executable that was built beside the running test bundle.
  public static func built(_ name: String) -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBytes { bytes in
      readlink("/proc/self/exe", bytes.baseAddress!.assumingMemoryBound(to: CChar.self), 4096)
    }
    let path = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    let beside = path.split(separator: "/").dropLast().joined(separator: "/")
    let candidate = "/\(beside)/\(name)"
    return access(candidate, X_OK) == 0 ? candidate : "\(repositoryRoot)/.build/debug/\(name)"
  }

  /// The folder of `Package.swift`.
  public static let repositoryRoot: String =
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

  /// Folder of the shared real data, or `nil` where it is absent.
  public static func sharedData(_ name: String) -> String? {
    var folder = repositoryRoot
    for _ in 0..<4 {
      let candidate = folder + "/shared/data/" + name
      if access(candidate, R_OK) == 0 { return candidate }
      folder = "/" + folder.split(separator: "/").dropLast().joined(separator: "/")
    }
    return nil
  }

  /// Runs `arguments[0]` (a path) to its end.
  /// - Parameters:
  ///   - killAfterMicroseconds: sends SIGKILL at that moment, when it has not ended before.
  ///   - signalAfter: sends the given signal after that many microseconds.
  public static func run(
    _ arguments: [String], input: String = "",
    timeoutSeconds: Int = 120, killAfterMicroseconds: Int? = nil,
    signalAfter: (signal: Int32, microseconds: Int)? = nil
  ) throws -> ProgramResult {
    let scratch = try TemporaryDirectory()
    try scratch.write("in", input)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, scratch.path + "/in", O_RDONLY, 0)
    let writing = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&actions, 1, scratch.path + "/out", writing, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, scratch.path + "/err", writing, 0o600)
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    let status = posix_spawn(&child, arguments[0], &actions, nil, words, environ)
    guard status == 0 else {
      throw ProgramFailure(
        description: "cannot start \(arguments[0]): \(String(cString: strerror(status)))")
    }
    let (code, timedOut) = wait(
      for: child, timeoutSeconds: timeoutSeconds, killAfter: killAfterMicroseconds,
      signalAfter: signalAfter)
    return ProgramResult(
      exitCode: code, output: try scratch.read("out"), errorOutput: try scratch.read("err"),
      timedOut: timedOut)
  }

  private static func wait(
    for child: pid_t, timeoutSeconds: Int, killAfter: Int?,
    signalAfter: (signal: Int32, microseconds: Int)?
  ) -> (Int32, Bool) {
    let start = now()
    var timedOut = false
    var signalled = false
    var status: Int32 = 0
    while waitpid(child, &status, WNOHANG) == 0 {
      let elapsed = now() - start
      if let killAfter, elapsed >= killAfter {
        kill(child, SIGKILL)
      } else if elapsed > timeoutSeconds * 1_000_000 {
        timedOut = true
        kill(child, SIGKILL)
      } else if let signalAfter, !signalled, elapsed >= signalAfter.microseconds {
        signalled = true
        kill(child, signalAfter.signal)
      }
      usleep(200)
    }
    let signal = status & 0x7f
    return (signal == 0 ? (status >> 8) & 0xff : 128 + signal, timedOut)
  }

  /// Microseconds of the monotonic clock.
  private static func now() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
  }
}

/// A folder that goes away with its owner.
public final class TemporaryDirectory: Sendable {
  public let path: String

  public init() throws {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/stoa-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw ProgramFailure(description: "cannot make a folder in \(base)")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { TemporaryDirectory.remove(path) }

  public func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

  public func write(_ name: String, _ bytes: [UInt8]) throws {
    let file = open(path + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    guard file >= 0 else { throw ProgramFailure(description: "cannot write \(name)") }
    defer { close(file) }
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress! + done, bytes.count - done)
      }
      guard count > 0 else { throw ProgramFailure(description: "cannot write \(name)") }
      done += count
    }
  }

  public func read(_ name: String) throws -> String {
    String(decoding: try TemporaryDirectory.bytes(path + "/" + name), as: UTF8.self)
  }

  /// All bytes of the file at `path`.
  public static func bytes(_ path: String) throws -> [UInt8] {
    let file = open(path, O_RDONLY)
    guard file >= 0 else { throw ProgramFailure(description: "cannot read \(path)") }
    defer { close(file) }
    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(file, &chunk, chunk.count)
      guard count >= 0 else { throw ProgramFailure(description: "cannot read \(path)") }
      if count == 0 { return result }
      result += chunk[..<count]
    }
  }

  /// Names in a folder, sorted, without `.` and `..`.
  public static func names(_ path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Paths of all plain files below a folder, sorted.
  public static func files(below path: String) -> [String] {
    names(path).flatMap { name -> [String] in
      let child = path + "/" + name
      var facts = stat()
      guard lstat(child, &facts) == 0 else { return [] }
      return facts.st_mode & S_IFMT == S_IFDIR ? files(below: child) : [child]
    }
  }

  /// Copies plain files and folders below `source` to `target`.
  public static func copyTree(_ source: String, to target: String) throws {
    mkdir(target, 0o700)
    for path in files(below: source) {
      let relative = path.dropFirst(source.count + 1)
      var folder = target
      for part in relative.split(separator: "/").dropLast() {
        folder += "/" + part
        mkdir(folder, 0o700)
      }
      let file = open(target + "/" + relative, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
      guard file >= 0 else { throw ProgramFailure(description: "cannot write \(relative)") }
      let bytes = try bytes(path)
      _ = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, bytes.count) }
      close(file)
    }
    for name in names(source) where access(target + "/" + name, F_OK) != 0 {
      mkdir(target + "/" + name, 0o700)
    }
  }

  /// Removes a folder and everything below it.
  public static func remove(_ path: String) {
    for name in names(path) {
      let child = path + "/" + name
      var facts = stat()
      if lstat(child, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR {
        remove(child)
      } else {
        unlink(child)
      }
    }
    rmdir(path)
  }
}
