/// Finds where statements end in text that arrives piece by piece (a script, a terminal): at semicolons outside
/// quotes, dollar quotes and comments. Does not check anything else; the parser sees each piece as it is.
public struct StatementSplitter: Sendable {
  /// One statement with its semicolon, without the blanks around it.
  public struct Piece: Sendable, Equatable {
    public var text: String
    /// Bytes of the stream before `text`.
    public var offset: Int
    /// One-based line of the stream on which `text` begins.
    public var line: Int
  }

  /// What the text so far stands in.
  public enum State: Sendable, Equatable {
    case plain
    case lineComment
    case blockComment(depth: Int)
    case text(escapes: Bool)
    case name
    case dollarText(delimiter: [UInt8])
  }

  /// What the text appended so far ends in; a prompt can show it.
  public private(set) var state = State.plain
  private var buffer: [UInt8] = []
  /// Next byte of `buffer` to look at.
  private var position = 0
  /// First byte of the statement in progress.
  private var start = 0
  /// Bytes of the stream before `buffer[0]`.
  private var offset = 0
  /// Line of the stream at `buffer[counted]`.
  private var line = 1
  private var counted = 0
  /// Set when the text ends within what may be the tag of a dollar quote.
  private var awaitsTag = false

  public init() {}

  /// Adds text to the stream.
  public mutating func append(_ text: String) {
    if start > 1 << 16, start > buffer.count / 2 { discardFinished() }
    buffer.append(contentsOf: text.utf8)
  }

  /// Adds UTF-8 bytes to the stream.
  public mutating func append(bytes: some Sequence<UInt8>) {
    if start > 1 << 16, start > buffer.count / 2 { discardFinished() }
    buffer.append(contentsOf: bytes)
  }

  /// The next whole statement; `nil` when more text is needed.
  public mutating func next() -> Piece? { scan(isFinal: false) }

  /// After the last `next`: what remains without a semicolon; `nil` when only blanks and comments do.
  public mutating func finish() -> Piece? {
    if let piece = scan(isFinal: true) { return piece }
    defer {
      start = buffer.count
      position = start
      state = .plain
    }
    return makePiece(to: buffer.count)
  }

  /// Forgets an unfinished statement, as after Ctrl-C.
  public mutating func reset() {
    start = buffer.count
    position = start
    state = .plain
  }

  /// True when no statement is in progress: only blanks and comments since the last one.
  public var isBetweenStatements: Bool {
    switch state {
    case .plain, .lineComment:
      Self.skipBlanks(buffer, from: start, to: buffer.count) == buffer.count
    default: false
    }
  }

  private mutating func discardFinished() {
    countLines(to: start)
    counted = 0
    offset += start
    buffer.removeSubrange(..<start)
    position -= start
    start = 0
  }

  private mutating func countLines(to end: Int) {
    guard counted < end else { return }
    for byte in buffer[counted..<end] where byte == 0x0A { line += 1 }
    counted = end
  }

  private mutating func makePiece(to end: Int) -> Piece? {
    var lower = start
    while lower < end, Lexer.isBlank(buffer[lower]) { lower += 1 }
    var upper = end
    while upper > lower, Lexer.isBlank(buffer[upper - 1]) { upper -= 1 }
    guard Self.skipBlanks(buffer, from: lower, to: upper) < upper else { return nil }
    countLines(to: lower)
    return Piece(
      text: String(decoding: buffer[lower..<upper], as: UTF8.self), offset: offset + lower,
      line: line)
  }

  /// First byte that is neither blank nor in a comment.
  private static func skipBlanks(_ buffer: [UInt8], from: Int, to end: Int) -> Int {
    var position = from
    while position < end {
      if Lexer.isBlank(buffer[position]) {
        position += 1
      } else if position + 1 < end, buffer[position] == 0x2D, buffer[position + 1] == 0x2D {
        while position < end, buffer[position] != 0x0A { position += 1 }
      } else if position + 1 < end, buffer[position] == 0x2F, buffer[position + 1] == 0x2A {
        var depth = 0
        repeat {
          if position + 1 < end, buffer[position] == 0x2F, buffer[position + 1] == 0x2A {
            depth += 1
            position += 2
          } else if position + 1 < end, buffer[position] == 0x2A, buffer[position + 1] == 0x2F {
            depth -= 1
            position += 2
          } else {
            position += 1
          }
        } while depth > 0 && position < end
        if depth > 0 { return from }  // an open comment is not blank: something is in progress
      } else {
        return position
      }
    }
    return end
  }
}

extension StatementSplitter {
  private mutating func scan(isFinal: Bool) -> Piece? {
    while position < buffer.count {
      // Where the meaning depends on the next byte and it is not there yet, wait for it.
      if position + 1 == buffer.count, !isFinal, needsNextByte(buffer[position]) { return nil }
      switch state {
      case .plain:
        if let piece = scanPlain(isFinal: isFinal) { return piece }
        if awaitsTag {
          awaitsTag = false
          return nil
        }
      case .lineComment:
        if buffer[position] == 0x0A { state = .plain }
        position += 1
      case .blockComment(let depth): scanBlockComment(depth)
      case .text(let escapes): scanText(escapes)
      case .name:
        if buffer[position] == 0x22 { state = .plain }
        position += 1
      case .dollarText(let delimiter):
        guard scanDollarText(delimiter, isFinal: isFinal) else { return nil }
      }
    }
    return nil
  }

  private func needsNextByte(_ byte: UInt8) -> Bool {
    switch state {
    case .plain: byte == 0x2D || byte == 0x2F
    case .blockComment: byte == 0x2A || byte == 0x2F
    case .text: byte == 0x27 || byte == 0x5C
    default: false
    }
  }

  private func byte(_ index: Int) -> UInt8 {
    index >= 0 && index < buffer.count ? buffer[index] : 0
  }

  private mutating func scanPlain(isFinal: Bool) -> Piece? {
    let current = buffer[position]
    switch current {
    case 0x3B:
      position += 1
      let piece = makePiece(to: position)
      let isEmpty = piece.map { $0.text == ";" } ?? true
      start = position
      return isEmpty ? nil : piece
    case 0x27:
      let isEscape = byte(position - 1) | 32 == 0x65 && !Lexer.continuesWord(byte(position - 2))
      state = .text(escapes: isEscape && position > start)
      position += 1
    case 0x22:
      state = .name
      position += 1
    case 0x2D where byte(position + 1) == 0x2D:
      state = .lineComment
      position += 2
    case 0x2F where byte(position + 1) == 0x2A:
      state = .blockComment(depth: 1)
      position += 2
    case 0x24 where !Lexer.continuesWord(byte(position - 1)): scanDollar(isFinal: isFinal)
    default: position += 1
    }
    return nil
  }

  private mutating func scanDollar(isFinal: Bool) {
    var end = position + 1
    while end < buffer.count, Lexer.continuesWord(buffer[end]), buffer[end] != 0x24 { end += 1 }
    if end == buffer.count, !isFinal {
      awaitsTag = true
    } else if byte(end) == 0x24, !Lexer.isDigit(byte(position + 1)) {
      state = .dollarText(delimiter: Array(buffer[position...end]))
      position = end + 1
    } else {
      position += 1
    }
  }

  private mutating func scanBlockComment(_ depth: Int) {
    if buffer[position] == 0x2A, byte(position + 1) == 0x2F {
      state = depth > 1 ? .blockComment(depth: depth - 1) : .plain
      position += 2
    } else if buffer[position] == 0x2F, byte(position + 1) == 0x2A {
      state = .blockComment(depth: depth + 1)
      position += 2
    } else {
      position += 1
    }
  }

  private mutating func scanText(_ escapes: Bool) {
    if buffer[position] == 0x27 {
      let isDoubled = byte(position + 1) == 0x27
      if !isDoubled { state = .plain }
      position += isDoubled ? 2 : 1
    } else if escapes, buffer[position] == 0x5C {
      position = min(position + 2, buffer.count)
    } else {
      position += 1
    }
  }

  /// False when the delimiter cannot be told yet.
  private mutating func scanDollarText(_ delimiter: [UInt8], isFinal: Bool) -> Bool {
    if buffer.count - position < delimiter.count {
      guard isFinal else { return false }
      position = buffer.count
    } else if buffer[position] == 0x24,
      buffer[position..<position + delimiter.count].elementsEqual(delimiter)
    {
      state = .plain
      position += delimiter.count
    } else {
      position += 1
    }
    return true
  }
}
