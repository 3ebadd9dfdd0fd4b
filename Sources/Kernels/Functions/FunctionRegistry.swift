import Vectors

/// Every scalar function and operator by name. `bind` is what a binder calls: it chooses the signature,
/// inserts casts, and rewrites the functions that evaluate their arguments only where needed.
public enum FunctionRegistry {
  /// All functions, in the order help lists them.
  public static let all: [ScalarFunction] = listed + ScalarFunction.intervalMakers

  /// One row per function.
  private static let listed: [ScalarFunction] = [
    // Arithmetic
    .add, .subtract, .multiply, .divide, .integerDivide, .modulo,
    .bitAnd, .bitOr, .bitXor, .shiftLeft, .shiftRight,
    // Numbers
    .abs, .sign, .round, .trunc, .ceil, .floor,
    .sqrt, .cbrt, .exp, .ln, .log, .log2, .log10, .power,
    .sine, .cosine, .tangent, .cotangent, .arcSine, .arcCosine, .arcTangent, .arcTangent2,
    .hyperbolicSine, .hyperbolicCosine, .hyperbolicTangent, .degrees, .radians, .pi,
    .isNaN, .isInfinite, .isFinite, .random, .randomNormal, .setSeed,
    .inverseHyperbolicSine, .inverseHyperbolicCosine, .inverseHyperbolicTangent, .gamma, .logGamma,
    .errorFunction, .errorFunctionComplement, .sineOfDegrees, .cosineOfDegrees, .tangentOfDegrees,
    .cotangentOfDegrees, .arcSineInDegrees, .arcCosineInDegrees, .arcTangentInDegrees,
    .arcTangent2InDegrees, .even, .floorDivide, .floorModulo, .nextAfter, .signBit, .roundEven,
    .scale, .minimalScale, .gcd, .lcm, .factorial, .binomial, .bitCount, .widthBucket, .toNumber,
    // Text
    .length, .octetLength, .bitLength, .upper, .lower, .initcap, .substring, .left, .right,
    .trim, .ltrim, .rtrim, .concatenateOperator, .concat, .concatWithSeparator,
    .startsWith, .endsWith, .contains, .position, .replace, .splitPart, .translate,
    .lpad, .rpad, .repeatText, .reverse, .ascii, .chr, .like, .ilike,
    .overlay, .levenshtein, .damerauLevenshtein, .hamming, .jaccard, .jaroSimilarity,
    .jaroWinklerSimilarity, .md5, .sha1, .sha224, .sha256, .sha384, .sha512, .crc32, .crc32c,
    .hex, .toHex, .toOctal, .toBinary, .bin, .toBase, .urlEncode, .urlDecode,
    .lengthGrapheme, .substringGrapheme, .leftGrapheme, .rightGrapheme, .normalize, .stripAccents,
    .quoteLiteral, .quoteNullable, .quoteIdentifier, .format, .printf,
    .bar, .formatBytes, .formatDecimalBytes, .parseFileName, .parseDirectoryName,
    .parseDirectoryPath,
    .glob, .similarTo, .matchesOperator, .matchesAnyCaseOperator, .notMatchesOperator,
    .notMatchesAnyCaseOperator, .regexpMatches, .regexpFullMatch, .regexpReplace, .regexpExtract,
    .regexpSubstring, .regexpCount, .regexpPosition, .regexpEscape,
    .encode, .decode, .unhex, .base64, .fromBase64,
    // Dates
    .datePart, .dateTrunc, .year, .quarter, .month, .week, .day, .dayOfWeek, .isoDayOfWeek,
    .dayOfYear, .isoYear, .decade, .century, .millennium, .hour, .minute, .second, .millisecond,
    .microsecond, .epoch, .epochMilliseconds, .makeDate, .makeTimestamp, .toTimestamp, .currentDate,
    .now, .clockTimestamp, .dateDiff, .dateSub, .dateAdd, .lastDay, .dayName, .monthName, .strftime,
    .strptime, .tryStrptime,
    .age, .toChar, .toDate, .timeBucket, .dateBin, .julian, .yearWeek, .era, .nanosecond,
    .epochMicroseconds, .epochNanoseconds, .makeTimestampMilliseconds, .makeTimestampNanoseconds,
    .makeInterval, .justifyHours, .justifyDays, .justifyInterval,
    .timeZone, .makeTime, .localTimestamp, .localTime,
    // Conditions
    .coalesce, .nullIf, .ifThenElse, .greatest, .least, .nvl2, .constantOrNull, .nullsCount,
    .valuesCount,
    // Others
    .typeOf, .hash, .uuid, .error, .version, .currentDatabase, .currentSchema, .currentQuery,
    .currentUser, .currentSetting,
  ]

  private static let byName: [String: ScalarFunction] = {
    var table: [String: ScalarFunction] = [:]
    for function in all {
      for name in [function.name] + function.aliases { table[name] = function }
    }
    return table
  }()

  /// The function of that name or alias, in any case.
  public static func function(named name: String) -> ScalarFunction? { byName[name.lowercased()] }

  /// A call of `name`: arguments are cast to what the function wants. Errors name the function, the types
  /// and what exists instead. `context` is the statement's, the same for all of its calls.
  public static func bind(
    _ name: String, _ arguments: [Expression], context: StatementContext = StatementContext()
  ) throws(StoaError) -> Expression {
    guard let function = function(named: name) else { throw unknown(name) }
    if case .contextual(let rewrite) = function.binding {
      guard let expression = try rewrite(context, arguments) else {
        throw mismatch(function, arguments.map(\.type))
      }
      return expression
    }
    if case .rewritten(let rewrite) = function.binding {
      guard let expression = try rewrite(arguments) else {
        throw mismatch(function, arguments.map(\.type))
      }
      return expression
    }
    let bound = try resolve(name, arguments.map(\.type), literals: arguments.map(\.literal))
    var cast: [Expression] = []
    for (argument, type) in zip(arguments, bound.argumentTypes) {
      cast.append(try coerce(argument, to: type))
    }
    return .call(bound, cast)
  }

  /// The function for arguments of these types, and in its `argumentTypes` what to cast them to.
  /// `literals` holds the value of each argument that is a constant; it lets `'2024-01-01'` be a date.
  public static func resolve(
    _ name: String, _ argumentTypes: [LogicalType], literals: [Value?] = []
  ) throws(StoaError) -> BoundFunction {
    guard let function = function(named: name) else { throw unknown(name) }
    switch function.binding {
    case .computed(let resolve):
      let arguments = ScalarFunction.Arguments(types: argumentTypes, literals: literals)
      if let bound = try resolve(arguments) { return bound }
    case .overloads(let overloads):
      if let bound = cheapest(overloads, function.name, argumentTypes, literals) { return bound }
    case .rewritten, .contextual:
      throw StoaError(
        .inconsistency, "\(name) becomes another expression; bind it instead of resolving it")
    }
    throw mismatch(function, argumentTypes)
  }

  /// `expression` cast to `type`; constants are converted at once.
  public static func coerce(
    _ expression: Expression, to type: LogicalType
  ) throws(StoaError) -> Expression {
    if expression.type == type { return expression }
    if case .constant(let value, let source) = expression {
      return .constant(try Cast.apply(value, from: source, to: type), type)
    }
    return .cast(expression, to: type, isTry: false)
  }

  private static func cheapest(
    _ overloads: [ScalarFunction.Overload], _ name: String, _ types: [LogicalType],
    _ literals: [Value?]
  ) -> BoundFunction? {
    var best: (cost: Int, overload: ScalarFunction.Overload, parameters: [LogicalType])?
    for overload in overloads {
      guard let parameters = overload.parameters(count: types.count) else { continue }
      var total = 0
      var fits = true
      for (number, type) in types.enumerated() {
        let literal = number < literals.count ? literals[number] : nil
        guard let cost = ImplicitCast.cost(type, parameters[number], literal: literal) else {
          fits = false
          break
        }
        total += cost
      }
      if fits, best == nil || total < best!.cost { best = (total, overload, parameters) }
    }
    guard let best else { return nil }
    let overload = best.overload
    return .make(
      name, best.parameters, overload.result, isDeterministic: overload.isDeterministic,
      propagatesNull: overload.propagatesNull, kernel: overload.kernel)
  }

  private static func unknown(_ name: String) -> StoaError {
    let close = nearest(to: name)
    return StoaError(
      .binding, "there is no function \(name.lowercased())",
      hint: close.isEmpty ? nil : "Did you mean \(close.joined(separator: " or "))?")
  }

  private static func mismatch(_ function: ScalarFunction, _ types: [LogicalType]) -> StoaError {
    let given = types.map(\.description).joined(separator: ", ")
    let isOperator =
      !(function.name.unicodeScalars.first.map { $0.properties.isAlphabetic } ?? false)
    if isOperator, types.count == 2 {
      return StoaError(
        .binding, "there is no operator \(types[0]) \(function.name) \(types[1])",
        hint: "Cast an operand")
    }
    let choices = function.signatures.joined(separator: "; ")
    return StoaError(
      .binding, "\(function.name) does not take (\(given))",
      hint: "There is \(choices), as in \(function.exampleSQL)")
  }

  /// Up to three names within a third of their length in edits.
  static func nearest(to name: String) -> [String] {
    let wanted = Array(name.lowercased().utf8)
    let limit = max(1, wanted.count / 3)
    let scored = byName.keys.compactMap { candidate -> (Int, String)? in
      let distance = EditDistance.between(wanted, Array(candidate.utf8))
      return distance <= limit ? (distance, candidate) : nil
    }
    return scored.sorted { $0 < $1 }.prefix(3).map(\.1)
  }
}

extension ScalarFunction.Overload {
  /// One parameter type per argument, or `nil` when the number does not fit.
  func parameters(count: Int) -> [LogicalType]? {
    if count == parameters.count { return parameters }
    guard isVariadic, let last = parameters.last, count > parameters.count else { return nil }
    return parameters + [LogicalType](repeating: last, count: count - parameters.count)
  }
}

/// Levenshtein's distance with transposition of neighbours, for "did you mean".
public enum EditDistance {
  /// Insertions, deletions, replacements and swaps that turn `left` into `right`. O(left × right).
  public static func between(_ left: [UInt8], _ right: [UInt8]) -> Int {
    if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for row in 1...left.count {
      var current = [row]
      for column in 1...right.count {
        let isSame = left[row - 1] == right[column - 1]
        var best = min(
          last[column] + 1, current[column - 1] + 1, last[column - 1] + (isSame ? 0 : 1))
        if row > 1, column > 1, left[row - 1] == right[column - 2],
          left[row - 2] == right[column - 1]
        {
          best = min(best, beforeLast[column - 2] + 1)
        }
        current.append(best)
      }
      beforeLast = last
      last = current
    }
    return last[right.count]
  }
}
