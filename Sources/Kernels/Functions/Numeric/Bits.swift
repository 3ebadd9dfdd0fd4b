import Vectors

/// Operators on the bits of integers; both operands of one type.
enum Bits {
  enum Operation: Sendable { case and, or, xor, shiftLeft, shiftRight }

  static func binding(_ name: String, _ operation: Operation) -> ScalarFunction.Binding {
    .overloads(
      [LogicalType.tinyint, .smallint, .integer, .bigint, .hugeint].map { type in
        .init([type, type], type) { (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
          switch type.physical {
          case .int8: try rows(operation, arguments, count, type, Int8.self)
          case .int16: try rows(operation, arguments, count, type, Int16.self)
          case .int32: try rows(operation, arguments, count, type, Int32.self)
          case .int64: try rows(operation, arguments, count, type, Int64.self)
          default: try rows(operation, arguments, count, type, Int128.self)
          }
        }
      })
  }

  private static func rows<T: FlaggingInteger>(
    _ operation: Operation, _ arguments: [Vector], _ count: Int, _ type: LogicalType, _: T.Type
  ) throws(StoaError) -> Vector {
    try RowKernels.binary(arguments, count, type, zero: 0 as T) {
      (left: T, right: T) throws(StoaError) -> T in
      switch operation {
      case .and: return left & right
      case .or: return left | right
      case .xor: return left ^ right
      case .shiftLeft, .shiftRight:
        guard right >= 0, right < T(truncatingIfNeeded: T.bitWidth) else {
          throw StoaError(.evaluation, "a \(type) cannot be shifted by \(right) bits")
        }
        return operation == .shiftLeft ? left &<< right : left &>> right
      }
    }
  }
}

extension ScalarFunction {
  static let bitAnd = ScalarFunction(
    "&", .arithmetic, help: "Bits set in both integers",
    example: .init(.integer(6), .integer(3), gives: "2"), Bits.binding("&", .and))
  static let bitOr = ScalarFunction(
    "|", .arithmetic, help: "Bits set in one of two integers",
    example: .init(.integer(6), .integer(3), gives: "7"), Bits.binding("|", .or))
  static let bitXor = ScalarFunction(
    "xor", .arithmetic, help: "Bits set in just one of two integers",
    example: .init(.integer(6), .integer(3), gives: "5"), Bits.binding("xor", .xor))
  static let shiftLeft = ScalarFunction(
    "<<", .arithmetic, help: "Bits moved to the left; what leaves is lost",
    example: .init(.integer(3), .integer(2), gives: "12"), Bits.binding("<<", .shiftLeft))
  static let shiftRight = ScalarFunction(
    ">>", .arithmetic, help: "Bits moved to the right, keeping the sign",
    example: .init(.integer(-8), .integer(1), gives: "-4"), Bits.binding(">>", .shiftRight))
}

extension Bits {
  /// `~` before an integer.
  static let inversions: [ScalarFunction.Overload] = [
    .value([.tinyint], .tinyint, zero: 0 as Int8) {
      (reader: ArgumentReader, row: Int) in ~reader.value(0, row, Int8.self)
    },
    .value([.smallint], .smallint, zero: 0 as Int16) {
      (reader: ArgumentReader, row: Int) in ~reader.value(0, row, Int16.self)
    },
    .value([.integer], .integer, zero: 0 as Int32) {
      (reader: ArgumentReader, row: Int) in ~reader.short(0, row)
    },
    .value([.bigint], .bigint, zero: 0 as Int64) {
      (reader: ArgumentReader, row: Int) in ~reader.integer(0, row)
    },
    .value([.hugeint], .hugeint, zero: 0 as Int128) {
      (reader: ArgumentReader, row: Int) in ~reader.wide(0, row)
    },
  ]
}
