import Stoa
import Storage

/// `stoa inspect FILE…`: what is in a segment, log, checkpoint or warehouse directory.
enum InspectCommand {
  static func run(_ words: [String]) -> Int32 {
    let paths = words.filter { !$0.hasPrefix("--") }
    guard !paths.isEmpty, paths.count == words.count else {
      printError("Error: name the files to inspect. See stoa --help\n")
      return Program.usageCode
    }
    do throws(StoaError) { try Program.requireReadable(paths) } catch {
      printError(ErrorReport.text(error))
      return Program.usageCode
    }
    let output = OutputFile.standard
    var failure: StoaError?
    for path in paths {
      do throws(StoaError) {
        try Inspector.inspect(path) { line in
          guard failure == nil else { return }
          do throws(StoaError) { try output.print(line) } catch { failure = error }
        }
        try output.flush()
      } catch {
        failure = failure ?? error
      }
      if let failure {
        if failure == BrokenPipe.error { return BrokenPipe.exitCode }
        try? output.flush()
        printError(ErrorReport.text(failure))
        return 1
      }
    }
    return 0
  }
}
