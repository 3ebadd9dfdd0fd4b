#if LineEditing
  import CEdit
  import Stoa

  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Musl)
    import Musl
  #endif

  /// Lines typed at a terminal, with editing and a history kept in `~/.stoa_history`.
  final class EditLineReader: LineReader {
    private static let historyLimit: Int32 = 2000
    private let historyPath: String?
    private var last = ""

    init() {
      historyPath = getenv("HOME").map { String(cString: $0) + "/.stoa_history" }
      rl_initialize()
      using_history()
      stifle_history(EditLineReader.historyLimit)
      if let historyPath { read_history(historyPath) }
    }

    func next(prompt: String) throws(StoaError) -> ReadLine {
      try OutputFile.standard.flush()
      guard let line = readline(prompt) else {
        if Interrupts.shared.takePending() {
          printError("\n")
          return .interrupted
        }
        return .end
      }
      defer { free(line) }
      return .line(Array(UnsafeRawBufferPointer(start: line, count: strlen(line))))
    }

    var isStandardInput: Bool { true }

    func remember(_ statement: String) {
      guard statement != last else { return }
      last = statement
      // One entry of the history is one line.
      add_history(String(statement.map { $0 == "\n" ? " " : $0 }))
      if let historyPath {
        write_history(historyPath)
        chmod(historyPath, 0o600)
      }
    }
  }
#endif
