import Kernels
import Vectors

/// Frames of windows: which ends go together, and what offsets are added to.
extension Binder {
  func windowFrame(
    _ syntax: WindowSyntax, _ order: [SortItem], _ inner: Clause
  ) throws(StoaError) -> WindowFrame {
    guard let frame = syntax.frame else { return .standard }
    try checkEnds(frame)
    if frame.unit == .groups, order.isEmpty {
      throw StoaError(
        .binding, "GROUPS mode requires an ORDER BY clause", position: frame.position)
    }
    var result = WindowFrame(
      unit: .init(frame.unit), start: .currentRow, end: .currentRow,
      exclusion: .init(frame.exclusion))
    var offsets: [(expression: Expression, position: Range<Int>)] = []
    for bound in [frame.start, frame.end] {
      guard let syntax = bound.offset else { continue }
      offsets.append((try bindExpression(syntax, inner), syntax.position))
    }
    if !offsets.isEmpty, frame.unit == .range {
      try bindRange(&result, &offsets, order, frame.position)
    } else {
      for index in offsets.indices {
        offsets[index].expression = try coerced(
          offsets[index].expression, to: .bigint, at: offsets[index].position)
      }
    }
    var next = offsets[...]
    result.start = .init(frame.start, next.first?.expression)
    if frame.start.offset != nil { next = next.dropFirst() }
    result.end = .init(frame.end, next.first?.expression)
    try checkOffsets(result, frame)
    return result
  }

  /// Ends that exclude each other whatever the rows.
  private func checkEnds(_ frame: WindowFrameSyntax) throws(StoaError) {
    let problem: String? =
      switch (frame.start, frame.end) {
      case (.unboundedFollowing, _): "frame start cannot be UNBOUNDED FOLLOWING"
      case (_, .unboundedPreceding): "frame end cannot be UNBOUNDED PRECEDING"
      case (.currentRow, .preceding):
        "frame starting from current row cannot have preceding rows"
      case (.following, .preceding):
        "frame starting from following row cannot have preceding rows"
      case (.following, .currentRow):
        "frame starting from following row cannot end with current row"
      default: nil
      }
    if let problem { throw StoaError(.binding, problem, position: frame.position) }
  }

  /// Constant offsets are looked at at once, so that the error has a position.
  private func checkOffsets(
    _ frame: WindowFrame, _ syntax: WindowFrameSyntax
  ) throws(StoaError) {
    for (bound, written, name) in [
      (frame.start, syntax.start, "starting"), (frame.end, syntax.end, "ending"),
    ] {
      guard let value = bound.offset?.constantValue else { continue }
      let position = written.offset?.position ?? syntax.position
      if value.isNull {
        throw StoaError(
          .binding, "frame \(name) offset must not be null", position: position)
      }
      let isNegative =
        switch value {
        case .integer(let number) where bound.offset?.type == .interval:
          Interval(packed: number).comparableMicroseconds < 0
        case .integer(let number): number < 0
        case .double(let number): number < 0 || number.isNaN
        default: false
        }
      if isNegative {
        throw StoaError(
          .binding, "frame \(name) offset must not be negative", position: position)
      }
    }
  }

  // MARK: RANGE with offsets

  /// Finds the type in which key and offsets can be added.
  private func bindRange(
    _ frame: inout WindowFrame, _ offsets: inout [(expression: Expression, position: Range<Int>)],
    _ order: [SortItem], _ position: Range<Int>
  ) throws(StoaError) {
    guard order.count == 1 else {
      throw StoaError(
        .binding, "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column",
        position: position)
    }
    let key = order[0].expression
    frame.isDescending = order[0].isDescending
    if key.type.isNumeric {
      var type = key.type
      for (offset, place) in offsets where offset.type != .null {
        guard isTextLiteral(offset) || offset.type.isNumeric,
          let common = isTextLiteral(offset) ? type : commonType(type, offset.type)
        else { throw noRange(key.type, offset.type, place) }
        type = common
      }
      if type.isFloatingPoint { type = .double }
      frame.rangeKey = try explicitCast(key, to: type, isTry: false, at: position)
      for index in offsets.indices {
        offsets[index].expression = try explicitCast(
          offsets[index].expression, to: type, isTry: false, at: offsets[index].position)
      }
      return
    }
    if key.type == .date, offsets.allSatisfy({ $0.expression.type.isInteger }) {
      frame.rangeKey = key
      for index in offsets.indices {
        offsets[index].expression = try explicitCast(
          offsets[index].expression, to: .bigint, isTry: false, at: offsets[index].position)
      }
      return
    }
    guard Binder.addsIntervals(key.type) else {
      throw noRange(key.type, offsets[0].expression.type, offsets[0].position)
    }
    for index in offsets.indices {
      let (offset, place) = offsets[index]
      guard offset.type == .interval || offset.type == .null || isTextLiteral(offset) else {
        throw noRange(key.type, offset.type, place)
      }
      offsets[index].expression = try explicitCast(
        offset, to: .interval, isTry: false, at: place)
    }
    frame.rangeKey =
      key.type == .date
      ? try explicitCast(key, to: .timestamp, isTry: false, at: position) : key
  }

  private static func addsIntervals(_ type: LogicalType) -> Bool {
    switch type {
    case .date, .time, .timestamp, .timestampTZ, .interval: true
    default: false
    }
  }

  private func noRange(
    _ key: LogicalType, _ offset: LogicalType, _ position: Range<Int>
  ) -> StoaError {
    StoaError(
      .binding,
      "RANGE with offset PRECEDING/FOLLOWING is not supported for column type \(key) "
        + "and offset type \(offset)", hint: "Cast the offset to an appropriate type",
      position: position)
  }
}

extension WindowFrameSyntax.Bound {
  /// The offset, where there is one.
  var offset: ExpressionSyntax? {
    switch self {
    case .preceding(let offset), .following(let offset): offset
    case .unboundedPreceding, .currentRow, .unboundedFollowing: nil
    }
  }
}

extension WindowFrame.Bound {
  fileprivate init(_ syntax: WindowFrameSyntax.Bound, _ offset: Expression?) {
    switch syntax {
    case .unboundedPreceding: self = .unboundedPreceding
    case .preceding: self = offset.map { .preceding($0) } ?? .currentRow
    case .currentRow: self = .currentRow
    case .following: self = offset.map { .following($0) } ?? .currentRow
    case .unboundedFollowing: self = .unboundedFollowing
    }
  }
}

extension WindowFrame.Unit {
  fileprivate init(_ syntax: WindowFrameSyntax.Unit) {
    self =
      switch syntax {
      case .rows: .rows
      case .range: .range
      case .groups: .groups
      }
  }
}

extension WindowFrame.Exclusion {
  fileprivate init(_ syntax: WindowFrameSyntax.Exclusion) {
    self =
      switch syntax {
      case .none: .none
      case .currentRow: .currentRow
      case .group: .group
      case .ties: .ties
      }
  }
}
