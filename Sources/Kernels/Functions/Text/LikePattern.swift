import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A LIKE pattern made ready: the pieces between its `%`, each a sequence of bytes and `_` (one character).
///
/// The first piece stands at the start, the last at the end, those between are looked for from left to right;
/// the leftmost place is always good enough, because `%` can take up whatever lies between.
public struct LikePattern: Sendable {
  /// A stretch without `%`.
  struct Piece: Sendable, Equatable {
    /// Literal bytes between the `_`: one more than there are `_`.
    var literals: [[UInt8]] = [[]]

    var isEmpty: Bool { literals.count == 1 && literals[0].isEmpty }
    /// The bytes when there is no `_`.
    var plain: [UInt8]? { literals.count == 1 ? literals[0] : nil }
  }

  /// One piece: no `%` in the pattern.
  let pieces: [Piece]

  /// - Throws: when the pattern ends within an escape.
  public init(_ pattern: UnsafeRawBufferPointer, escape: UInt8?) throws(StoaError) {
    var pieces = [Piece()]
    var index = 0
    while index < pattern.count {
      let byte = pattern[index]
      index += 1
      if let escape, byte == escape {
        guard index < pattern.count else {
          throw StoaError(.evaluation, "a LIKE pattern must not end with its escape character")
        }
        pieces[pieces.count - 1].literals[pieces[pieces.count - 1].literals.count - 1].append(
          pattern[index])
        index += 1
      } else if byte == UInt8(ascii: "%") {
        pieces.append(Piece())
      } else if byte == UInt8(ascii: "_") {
        pieces[pieces.count - 1].literals.append([])
      } else {
        pieces[pieces.count - 1].literals[pieces[pieces.count - 1].literals.count - 1].append(byte)
      }
    }
    // `%%` is `%`: empty pieces count only at the ends.
    var kept: [Piece] = []
    for (number, piece) in pieces.enumerated()
    where number == 0 || number == pieces.count - 1 || !piece.isEmpty { kept.append(piece) }
    self.pieces = kept
  }

  /// The bytes every match starts with.
  public var prefix: [UInt8] { pieces[0].literals[0] }
  /// Whether the pattern is `prefix` and nothing else, or `prefix` followed by `%`.
  public var isExact: Bool { pieces.count == 1 && pieces[0].plain != nil }
  public var isPrefix: Bool { pieces.count == 2 && pieces[0].plain != nil && pieces[1].isEmpty }

  public func matches(_ text: UnsafeRawBufferPointer) -> Bool {
    guard let start = LikePattern.match(pieces[0], text, at: 0) else { return false }
    if pieces.count == 1 { return start == text.count }
    var position = start
    for piece in pieces[1..<(pieces.count - 1)] {
      guard let end = LikePattern.find(piece, text, from: position) else { return false }
      position = end
    }
    return LikePattern.isAtEnd(pieces[pieces.count - 1], text, from: position)
  }

  /// Where `piece` ends when it stands at `start`.
  private static func match(_ piece: Piece, _ text: UnsafeRawBufferPointer, at start: Int) -> Int? {
    var position = start
    for (number, literal) in piece.literals.enumerated() {
      if number > 0 {
        guard position < text.count else { return nil }
        position = UTF8Text.offset(after: 1, from: position, in: text)
      }
      guard isEqual(literal, text, at: position) else { return nil }
      position += literal.count
    }
    return position
  }

  /// Where the leftmost occurrence of `piece` at `start` or later ends.
  private static func find(_ piece: Piece, _ text: UnsafeRawBufferPointer, from start: Int) -> Int?
  {
    if let plain = piece.plain {
      return plain.withUnsafeBytes { UTF8Text.find($0, in: text, from: start) }.map {
        $0 + plain.count
      }
    }
    var position = start
    while position <= text.count {
      if let end = match(piece, text, at: position) { return end }
      guard position < text.count else { return nil }
      position = UTF8Text.offset(after: 1, from: position, in: text)
    }
    return nil
  }

  /// Whether `piece` stands at the end of `text`, not before `start`.
  private static func isAtEnd(_ piece: Piece, _ text: UnsafeRawBufferPointer, from start: Int)
    -> Bool
  {
    // From the end backwards: literals are bytes, each `_` steps over one character.
    var position = text.count
    for (number, literal) in piece.literals.enumerated().reversed() {
      position -= literal.count
      guard position >= start, isEqual(literal, text, at: position) else { return false }
      if number > 0 {
        guard let before = UTF8Text.offset(before: position, count: 1, in: text), before >= start
        else {
          return false
        }
        position = before
      }
    }
    return true
  }

  private static func isEqual(_ literal: [UInt8], _ text: UnsafeRawBufferPointer, at start: Int)
    -> Bool
  {
    guard literal.count > 0 else { return true }
    guard text.count - start >= literal.count, let base = text.baseAddress else { return false }
    return literal.withUnsafeBytes { memcmp($0.baseAddress!, base + start, literal.count) == 0 }
  }
}
