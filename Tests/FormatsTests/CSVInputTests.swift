import CZstd
import Formats
import Testing
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A folder of its own for one test, removed with the value.
final class TemporaryFolder {
  let path: String
  init() {
    var template = Array("/tmp/stoa-formats-XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
  }
  deinit {
    for name in names { unlink("\(path)/\(name)") }
    rmdir(path)
  }
  private var names: [String] = []
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) -> String {
    let file = fopen("\(path)/\(name)", "w")!
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
    names.append(name)
    return "\(path)/\(name)"
  }
}

private func compressed(_ bytes: [UInt8]) -> [UInt8] {
  [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.count)) { buffer, count in
    count = ZSTD_compress(buffer.baseAddress, buffer.count, bytes, bytes.count, 3)
  }
}

private func rowCount(_ inputs: [TextInput], _ types: [LogicalType]) throws -> Int {
  let reader = try CSVReader(
    inputs, dialect: CSVOptions.headerless,
    columns: types.enumerated().map { CSVColumn(name: "c\($0.offset)", type: $0.element) })
  var rows = 0
  while let block = try reader.nextBlock() { rows += try reader.parse(block).batch.rowCount }
  return rows
}

private func failure(_ body: () throws -> Void) -> StoaError? {
  do {
    try body()
    return nil
  } catch {
    return error as? StoaError
  }
}

@Suite struct CSVInputTests {
  @Test("several files, globs and compressed files are read one after the other")
  func manyFiles() throws {
    let folder = TemporaryFolder()
    folder.write("a1.csv", Array("1\n2".utf8))
    folder.write("a2.csv", Array("3\n".utf8))
    folder.write("b.csv.zst", compressed(Array("4\n5\n".utf8)) + compressed(Array("6\n".utf8)))
    folder.write("star*.csv", Array("7\n".utf8))
    #expect(try rowCount(try TextInput.resolve("\(folder.path)/a?.csv"), [.integer]) == 3)
    #expect(try rowCount(try TextInput.resolve("\(folder.path)/*"), [.integer]) == 7)
    #expect(try TextInput.resolve("\(folder.path)/star*.csv").count == 1)
    #expect(try TextInput.resolve("\(folder.path)/*").map(\.name).sorted().count == 4)
    // The sample of a compressed file is its plain text.
    let detected = try CSVDialectDetector.detect([.file("\(folder.path)/b.csv.zst")])
    #expect(detected.columns.map(\.type) == [.integer])
  }

  @Test("missing files, directories, binary data, UTF-16 and gzip are errors naming the file")
  func wrongFiles() throws {
    let folder = TemporaryFolder()
    let missing = failure { _ = try TextInput.resolve("\(folder.path)/none.csv") }
    #expect(missing?.kind == .io && missing?.path == "\(folder.path)/none.csv")
    #expect(failure { _ = try TextInput.resolve("\(folder.path)/*.none") }?.kind == .io)
    let directory = failure { _ = try rowCount([.file(folder.path)], [.integer]) }
    #expect(directory?.description.contains("directory") == true)
    let binary = folder.write("x.bin", [1, 2, 10, 0, 3, 10])
    let zero = failure { _ = try rowCount([.file(binary)], [.integer]) }
    #expect(zero?.kind == .input && zero?.line == 2 && zero?.path == binary)
    #expect(failure { _ = try CSVDialectDetector.detect([.file(binary)]) }?.kind == .input)
    let wide = folder.write("w.csv", [0xFF, 0xFE, 0x31, 0, 0x0A, 0])
    #expect(
      failure { _ = try rowCount([.file(wide)], [.integer]) }?.message.contains("UTF-16") == true)
    let gzip = folder.write("g.csv.gz", [0x1F, 0x8B, 8, 0, 0, 0])
    #expect(failure { _ = try rowCount([.file(gzip)], [.integer]) }?.kind == .unsupported)
    let whole = compressed(Array(String(repeating: "12345\n", count: 1000).utf8))
    let cut = folder.write("c.zst", Array(whole.dropLast(5)))
    #expect(failure { _ = try rowCount([.file(cut)], [.integer]) }?.kind == .input)
    var damaged = whole
    damaged[whole.count / 2] ^= 0xFF
    let broken = folder.write("d.zst", damaged)
    _ = failure { _ = try rowCount([.file(broken)], [.integer]) }
  }

  @Test("invalid UTF-8 is refused with its line and column")
  func invalidUTF8() throws {
    for bad: [UInt8] in [
      [0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0x80],
    ] {
      let text = Array("a,b\nc,".utf8) + bad + Array("\nd,é\n".utf8)
      let got = try readCSV(text, [.varchar, .varchar])
      #expect(got.rejects.map(\.reason) == ["invalid UTF-8"], "\(bad)")
      #expect(got.rejects.map(\.line) == [2])
      #expect(got.rejects.map(\.column) == ["c1"])
      #expect(got.rows.count == 2)
    }
  }

  @Test("a row past the maximal size is an error, found without reading all of it")
  func longLine() throws {
    final class Endless: ByteSource {
      let name = "endless"
      var consumedByteCount = 0
      func read(into target: UnsafeMutableRawPointer, count: Int) throws(StoaError) -> Int {
        memset(target, 0x61, count)
        consumedByteCount += count
        return count
      }
    }
    let long = [UInt8](repeating: 0x61, count: 3_000_000)
    let error = failure {
      _ = try readCSV(long, [.varchar]) { $0.maximalLineByteCount = 1 << 20 }
    }
    #expect(error?.kind == .input && error?.line == 1)
    #expect(try readCSV(long, [.varchar]).rows.count == 1)
    let header = failure {
      _ = try readCSV(long, [.varchar]) {
        $0.maximalLineByteCount = 1 << 20
        $0.hasHeader = true
      }
    }
    #expect(header?.kind == .input)
  }

  @Test("a quoted field that never ends is an error naming its line")
  func unclosedQuote() throws {
    let error = failure { _ = try readCSV("1,a\n2,\"b\n3,c\n", [.integer, .varchar]) }
    #expect(error?.message == "a quoted field never ends")
    #expect(error?.line == 2)
  }

  @Test("contradictory dialects are refused")
  func contradictions() throws {
    #expect(
      failure { _ = try readCSV("1\n", [.integer]) { $0.delimiter = $0.quote! } }?.kind == .usage)
    #expect(failure { _ = try readCSV("1\n", [.integer]) { $0.delimiter = 10 } }?.kind == .usage)
    #expect(try CSVDialect.character("\\t", option: "DELIMITER") == 9)
    #expect(failure { _ = try CSVDialect.character("||", option: "DELIMITER") }?.kind == .usage)
    #expect(failure { _ = try CSVDialect.character("é", option: "DELIMITER") }?.kind == .usage)
  }
}
