/// Sentences after clause 4.2.2.14, of which every comment is a piece. Made once, in a second or two.
public final class TextPool: @unchecked Sendable {
  /// Bytes of text.
  let byteCount: Int
  /// No sentence is longer.
  private static let longestSentence = 1024

  let variant: TPCHVariant
  private let base: UnsafeMutablePointer<UInt8>

  /// Makes the text.
  public init(_ variant: TPCHVariant = .published) {
    self.variant = variant
    byteCount = variant == .published ? 300 << 20 : 10 << 20
    base = .allocate(capacity: byteCount + TextPool.longestSentence)
    var writer = SentenceWriter(base)
    let end = base + byteCount
    while writer.target < end { writer.sentence() }
  }

  // Safe because every byte that is read was written before `init` returned.
  deinit { base.deallocate() }

  /// The text at `offset`.
  @inline(__always)
  func start(_ offset: Int) -> UnsafePointer<UInt8> { UnsafePointer(base + offset) }
}

/// Words by weight: a random number names a slot, as many slots as the weights add up to.
private struct WordTable {
  private var slots: [(start: UnsafePointer<UInt8>, count: Int)] = []

  init(_ words: TPCHWords.Weighted) {
    for (word, weight) in words {
      for _ in 0..<weight { slots.append((word.utf8Start, word.utf8CodeUnitCount)) }
    }
  }

  @inline(__always)
  func pick(_ random: inout RandomStream) -> (start: UnsafePointer<UInt8>, count: Int) {
    slots[random.next(0, slots.count - 1)]
  }
}

private struct SentenceWriter {
  var target: UnsafeMutablePointer<UInt8>
  private var random = RandomStream(seed: 933_588_178)
  private let sentences = WordTable(TPCHWords.sentences)
  private let nounPhrases = WordTable(TPCHWords.nounPhrases)
  private let verbPhrases = WordTable(TPCHWords.verbPhrases)
  private let nouns = WordTable(TPCHWords.nouns)
  private let verbs = WordTable(TPCHWords.verbs)
  private let adverbs = WordTable(TPCHWords.adverbs)
  private let adjectives = WordTable(TPCHWords.adjectives)
  private let prepositions = WordTable(TPCHWords.prepositions)
  private let auxiliaries = WordTable(TPCHWords.auxiliaries)
  private let terminators = WordTable(TPCHWords.terminators)

  init(_ target: UnsafeMutablePointer<UInt8>) { self.target = target }

  mutating func sentence() {
    let syntax = sentences.pick(&random)
    for index in 0..<syntax.count {
      switch syntax.start[index] {
      case UInt8(ascii: "V"): verbPhrase()
      case UInt8(ascii: "N"): nounPhrase()
      case UInt8(ascii: "P"):
        word(prepositions)
        literal("the ")
        nounPhrase()
      default:
        // Follows the last word directly.
        target -= 1
        word(terminators)
      }
    }
  }

  private mutating func verbPhrase() {
    let syntax = verbPhrases.pick(&random)
    for index in 0..<syntax.count {
      switch syntax.start[index] {
      case UInt8(ascii: "D"): word(adverbs)
      case UInt8(ascii: "X"): word(auxiliaries)
      default: word(verbs)
      }
    }
  }

  private mutating func nounPhrase() {
    let syntax = nounPhrases.pick(&random)
    for index in 0..<syntax.count {
      switch syntax.start[index] {
      case UInt8(ascii: "J"): word(adjectives)
      case UInt8(ascii: "D"): word(adverbs)
      case UInt8(ascii: ","):
        target -= 1
        literal(", ")
      default: word(nouns)
      }
    }
  }

  /// A random word and a blank.
  @inline(__always)
  private mutating func word(_ table: WordTable) {
    let word = table.pick(&random)
    target.update(from: word.start, count: word.count)
    target[word.count] = UInt8(ascii: " ")
    target += word.count + 1
  }

  private mutating func literal(_ text: StaticString) {
    target.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
    target += text.utf8CodeUnitCount
  }
}
