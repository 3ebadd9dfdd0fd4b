import SQL
import Storage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// COPY … TO: a query's rows into a text file or standard output, in any output mode.
extension Session {
  func export(
    _ copy: BoundCopyTo, snapshot: Snapshot, parameters: [Value]
  ) throws(StoaError) -> QueryResult {
    var formatter = try ExportOptions(copy).makeFormatter()
    let (readable, notices) = try readable(copy.source, snapshot, parameters)
    let stream = try stream(copy.source, snapshot: readable, parameters: parameters)
    let target = try ExportTarget(copy.place, at: copy.placePosition)
    do throws(StoaError) {
      var bytes: [UInt8] = []
      formatter.begin(
        copy.source.columns.map { ResultColumn(name: $0.name, type: $0.type) }, to: &bytes)
      var rowCount = 0
      while let batch = try stream.next() {
        formatter.append(batch, to: &bytes)
        rowCount += batch.rowCount
        if bytes.count >= 1 << 18 { try target.write(&bytes) }
      }
      formatter.end(footer: nil, to: &bytes)
      try target.write(&bytes)
      try target.finish()
      return QueryResult(rowsChanged: rowCount, notices: notices)
    } catch {
      target.abandon()
      throw error
    }
  }
}

/// The options of COPY … TO.
private struct ExportOptions {
  private var mode: OutputMode?
  private var output = OutputOptions()

  init(_ copy: BoundCopyTo) throws(StoaError) {
    for option in copy.options { try take(option) }
    if mode == nil { mode = ExportOptions.mode(forPlace: copy.place) }
  }

  func makeFormatter() -> any ResultFormatter { (mode ?? .csv).makeFormatter(output) }

  private static func mode(forPlace place: CopyPlace) -> OutputMode {
    guard case .files(let files) = place, let name = files.first?.lowercased() else { return .csv }
    if name.hasSuffix(".json") { return .json }
    if [".jsonl", ".jsonlines", ".ndjson"].contains(where: { name.hasSuffix($0) }) {
      return .jsonlines
    }
    return .csv
  }

  private mutating func take(_ option: CopyOption) throws(StoaError) {
    let value = option.values.joined(separator: ",")
    switch option.name {
    case "format":
      guard let found = OutputMode(rawValue: value.lowercased()) else {
        throw StoaError(
          .binding, "there is no format \"\(value)\"",
          hint: "Formats: " + OutputMode.allCases.map(\.rawValue).joined(separator: ", "),
          position: option.position)
      }
      mode = found
    case "delimiter", "delim", "sep":
      let bytes = Array(value.utf8)
      guard 1...16 ~= bytes.count, !bytes.contains(where: { [0, 0x0A, 0x0D, 0x22].contains($0) })
      else {
        throw StoaError(
          .binding, "DELIMITER is one to 16 bytes without quotes and newlines",
          position: option.position)
      }
      output.delimiter = value == "\\t" || value.lowercased() == "tab" ? "\t" : value
    case "header":
      switch value.lowercased() {
      case "", "true", "on", "1": output.hasHeader = true
      case "false", "off", "0": output.hasHeader = false
      default: throw StoaError(.binding, "HEADER is true or false", position: option.position)
      }
    case "null", "nullstr":
      output.nullToken = value.isEmpty ? nil : value
      output.nullText = value
    default:
      throw StoaError(
        .binding, "COPY TO has no option \"\(option.name)\"",
        hint: closestSpelling(to: option.name, among: ["format", "delimiter", "header", "null"])
          .map { "Did you mean \($0)?" } ?? "Options: FORMAT, DELIMITER, HEADER, NULL",
        position: option.position)
    }
  }
}

/// A file that is written whole or not at all: under another name first, renamed at the end.
private final class ExportTarget {
  private var descriptor: Int32
  private let path: String?
  private let temporaryPath: String

  init(_ place: CopyPlace, at position: Range<Int>) throws(StoaError) {
    switch place {
    case .standard:
      descriptor = 1
      path = nil
      temporaryPath = ""
    case .files(let files):
      guard files.count == 1 else {
        throw StoaError(.binding, "COPY TO writes one file", position: position)
      }
      var status = stat()
      let exists = stat(files[0], &status) == 0
      // Devices and pipes such as /dev/stdout are written where they are.
      let isSpecial = exists && status.st_mode & S_IFMT != S_IFREG
      path = files[0]
      temporaryPath = isSpecial ? "" : files[0] + ".stoa-\(getpid())"
      let flags = O_WRONLY | O_CLOEXEC | (isSpecial ? 0 : O_CREAT | O_TRUNC)
      descriptor = Glibc.open(isSpecial ? files[0] : temporaryPath, flags, 0o666)
      guard descriptor >= 0 else {
        throw StoaError(
          .io, "cannot write: \(String(cString: strerror(errno)))", position: position,
          path: files[0])
      }
    }
  }

  func write(_ bytes: inout [UInt8]) throws(StoaError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written)
      }
      guard count > 0 || errno == EINTR else { throw failure("write") }
      written += max(0, count)
    }
    bytes.removeAll(keepingCapacity: true)
  }

  func finish() throws(StoaError) {
    guard let path, descriptor >= 0 else { return }
    let code = close(descriptor)
    descriptor = -1
    guard code == 0 else { throw failure("write") }
    if !temporaryPath.isEmpty, rename(temporaryPath, path) != 0 { throw failure("rename") }
  }

  func abandon() {
    guard path != nil else { return }
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
    if !temporaryPath.isEmpty { unlink(temporaryPath) }
  }

  private func failure(_ what: String) -> StoaError {
    StoaError(.io, "cannot \(what): \(String(cString: strerror(errno)))", path: path)
  }
}
