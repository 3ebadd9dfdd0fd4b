import BenchmarkSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// An engine in a process of its own, so that its memory can be measured: takes commands on standard input, answers
/// each with one line of JSON. `Benchmarks/peers/peer.py` lists the commands.
final class EngineProcess {
  let name: String
  private var process: pid_t = 0
  private let commands: Int32
  private let answers: UnsafeMutablePointer<FILE>

  /// Starts `arguments[0]`, found in PATH when it has no slash.
  init(name: String, arguments: [String]) throws(BenchmarkError) {
    self.name = name
    var toChild: (Int32, Int32) = (0, 0)
    var fromChild: (Int32, Int32) = (0, 0)
    toChild = try EngineProcess.makePipe()
    fromChild = try EngineProcess.makePipe()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild.0, 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild.1, 1)
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    let code = posix_spawnp(&process, arguments[0], &actions, nil, words, environ)
    close(toChild.0)
    close(fromChild.1)
    guard code == 0, let file = fdopen(fromChild.0, "r") else {
      throw BenchmarkError("cannot start \(arguments[0]): \(String(cString: strerror(code)))")
    }
    commands = toChild.1
    answers = file
  }

  deinit {
    close(commands)
    fclose(answers)
    var status: Int32 = 0
    waitpid(process, &status, 0)
  }

  private static func makePipe() throws(BenchmarkError) -> (Int32, Int32) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else {
      throw BenchmarkError("no pipe: \(String(cString: strerror(errno)))")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  /// Sends one command and waits for its answer.
  /// - Throws: when the engine reports an error or has died.
  func send(_ words: String...) throws(BenchmarkError) -> JSONValue {
    var line = Array(words.joined(separator: "\t").utf8)
    line.append(10)
    guard write(commands, line, line.count) == line.count else {
      throw BenchmarkError("\(name) does not take commands any more")
    }
    var buffer: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(buffer) }
    // Lines that are not JSON are messages of the engine's libraries.
    while getline(&buffer, &capacity, answers) > 0 {
      guard let buffer, buffer[0] == CChar(bitPattern: UInt8(ascii: "{")) else { continue }
      guard let answer = JSONValue(String(cString: buffer)) else { continue }
      if let message = answer["error"]?.string { throw BenchmarkError("\(name): \(message)") }
      return answer
    }
    throw BenchmarkError("\(name) ended without an answer")
  }

  /// Ends the process.
  func quit() {
    let line = Array("quit\n".utf8)
    _ = write(commands, line, line.count)
  }
}
