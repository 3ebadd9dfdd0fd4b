import Synchronization

/// The labels of an ENUM in their order. A number for a list kept once per process, so that it is copied and
/// compared as cheaply as other types; lists are never forgotten, there are as many as types were declared.
public struct EnumType: Hashable, Sendable {
  private let number: UInt32

  /// Most labels of one type.
  public static let maximumCount = 1 << 24

  /// The type with these labels, which must differ, and the name of the CREATE TYPE it comes from; types with
  /// other names are others.
  public init(name: String? = nil, labels: [String]) {
    number = EnumType.known.withLock { known in
      let key = Key(name: name, labels: labels.map { Array($0.utf8) })
      if let number = known.numbers[key] { return number }
      let number = UInt32(truncatingIfNeeded: known.lists.count)
      known.lists.append(List(name: name, labels: labels))
      known.numbers[key] = number
      return number
    }
  }

  private var list: List { EnumType.known.withLock { $0.lists[Int(number)] } }

  /// As declared by CREATE TYPE; `nil` for an inline list.
  public var name: String? { list.name }

  public var count: Int { list.labels.count }

  /// The labels by code.
  public var labels: [String] { list.labels }

  /// The labels as a VARCHAR vector by code, always the same object.
  public var dictionary: Vector { list.dictionary }

  /// The label of `code`; `nil` when there is none.
  public func label(_ code: Int) -> String? {
    let labels = list.labels
    return labels.indices.contains(code) ? labels[code] : nil
  }

  /// The code of a label, compared by bytes.
  public func code(of label: String) -> Int? { list.codes[Array(label.utf8)] }

  /// The code of a label given by its bytes.
  public func code(ofBytes bytes: UnsafeRawBufferPointer) -> Int? { list.codes[Array(bytes)] }

  /// Codes by the bytes of labels, for loops.
  public var codes: [[UInt8]: Int] { list.codes }

  private struct Key: Hashable {
    let name: String?
    let labels: [[UInt8]]
  }

  private final class List: Sendable {
    let name: String?
    let labels: [String]
    let codes: [[UInt8]: Int]
    let dictionary: Vector

    init(name: String?, labels: [String]) {
      self.name = name
      self.labels = labels
      var codes: [[UInt8]: Int] = [:]
      for (code, label) in labels.enumerated() { codes[Array(label.utf8)] = code }
      self.codes = codes
      dictionary = Vector.make(.varchar, labels.map { .string($0) })
    }
  }

  private struct Known {
    var lists: [List] = []
    var numbers: [Key: UInt32] = [:]
  }

  private static let known = Mutex(Known())
}

extension EnumType: CustomStringConvertible {
  /// `ENUM('a', 'b')`, which is also how SQL writes an inline one.
  public var description: String {
    let quoted = labels.map {
      "'" + $0.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
    return "ENUM(\(quoted.joined(separator: ", ")))"
  }
}
