import Vectors

/// GLOB: `*` any text, `?` one character, `[abc]`, `[a-z]` one of these, `[!abc]` none of these; a backslash makes
/// the next character literal. The whole text must match.
struct GlobPattern: Sendable {
  private enum Step: Sendable {
    case character(Unicode.Scalar)
    case any
    case anyText
    case members([ClosedRange<Unicode.Scalar>], isNegated: Bool)
    /// A bracket that never closes.
    case nothing
  }

  private let steps: [Step]

  init(_ pattern: String) {
    let scalars = Array(pattern.unicodeScalars)
    var steps: [Step] = []
    var index = 0
    while index < scalars.count {
      let scalar = scalars[index]
      index += 1
      switch scalar {
      case "*":
        if case .anyText? = steps.last { continue }
        steps.append(.anyText)
      case "?": steps.append(.any)
      case "\\" where index < scalars.count:
        steps.append(.character(scalars[index]))
        index += 1
      case "[": steps.append(GlobPattern.members(scalars, &index))
      default: steps.append(.character(scalar))
      }
    }
    self.steps = steps
  }

  /// From behind the opening bracket to behind the closing one.
  private static func members(_ scalars: [Unicode.Scalar], _ index: inout Int) -> Step {
    var ranges: [ClosedRange<Unicode.Scalar>] = []
    var isNegated = false
    if index < scalars.count, scalars[index] == "!" || scalars[index] == "^" {
      isNegated = true
      index += 1
    }
    let start = index
    while index < scalars.count, scalars[index] != "]" || index == start {
      let first = scalars[index]
      if index + 2 < scalars.count, scalars[index + 1] == "-", scalars[index + 2] != "]" {
        let last = scalars[index + 2]
        if first <= last { ranges.append(first...last) }
        index += 3
      } else {
        ranges.append(first...first)
        index += 1
      }
    }
    guard index < scalars.count else { return .nothing }
    index += 1
    return .members(ranges, isNegated: isNegated)
  }

  /// Steps of at most text × pattern: only the last `*` is ever taken back.
  func matches(_ text: [Unicode.Scalar]) -> Bool {
    var (step, position) = (0, 0)
    var resume: (step: Int, position: Int)?
    while true {
      if step < steps.count, case .anyText = steps[step] {
        step += 1
        resume = (step, position)
        continue
      }
      if step == steps.count, position == text.count { return true }
      if step < steps.count, position < text.count, accepts(steps[step], text[position]) {
        step += 1
        position += 1
        continue
      }
      guard let last = resume, last.position < text.count else { return false }
      resume = (last.step, last.position + 1)
      step = last.step
      position = last.position + 1
    }
  }

  private func accepts(_ step: Step, _ scalar: Unicode.Scalar) -> Bool {
    switch step {
    case .character(let wanted): wanted == scalar
    case .any: true
    case .members(let ranges, let isNegated):
      ranges.contains { $0.contains(scalar) } != isNegated
    case .anyText, .nothing: false
    }
  }
}

extension ScalarFunction {
  static let glob = ScalarFunction(
    "glob", .text,
    help:
      "GLOB: whether a text matches a pattern of * (any text), ? (one character), [a-z], [!a-z]",
    example: .init(.text("report.csv"), .text("*.[ct]sv"), gives: "true"),
    .overloads([
      Overload([.varchar, .varchar], .boolean) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let isConstant = arguments[1].form == .constant
        var pattern: GlobPattern?
        var scalars: [Unicode.Scalar] = []
        return try RowKernels.binary(arguments, count, .boolean, zero: 0 as UInt8) {
          (text: StringView, written: StringView) in
          if pattern == nil || !isConstant { pattern = GlobPattern(written.string) }
          scalars.removeAll(keepingCapacity: true)
          scalars.append(contentsOf: text.string.unicodeScalars)
          return pattern?.matches(scalars) ?? false ? 1 : 0
        }
      }
    ]))
}
