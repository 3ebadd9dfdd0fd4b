import Testing

@testable import Vectors

/// The same values in every form a vector can take, so that one expectation checks all of them.
private func everyForm(_ type: LogicalType, _ values: [Value]) -> [Vector] {
  let flat = Vector.make(type, values)
  var distinct: [Value] = []
  var codes: [UInt32] = []
  for value in values {
    if value.isNull {
      codes.append(0)
    } else if let code = distinct.firstIndex(of: value) {
      codes.append(UInt32(code))
    } else {
      codes.append(UInt32(distinct.count))
      distinct.append(value)
    }
  }
  let codeBuffer = Buffer(of: UInt32.self, count: max(1, codes.count))
  for (row, code) in codes.enumerated() { codeBuffer.typed(UInt32.self)[row] = code }
  let dictionary = Vector(
    codes: codeBuffer, count: values.count, dictionary: .make(type, distinct),
    validity: .make(count: values.count) { !values[$0].isNull })
  var forms = [flat, dictionary, runs(type, values)]
  if let first = values.first, values.allSatisfy({ $0 == first }) {
    forms.append(Vector(constant: first, type: type, count: values.count))
  }
  return forms
}

private func runs(_ type: LogicalType, _ values: [Value]) -> Vector {
  var heads: [Value] = []
  var ends: [UInt32] = []
  for (row, value) in values.enumerated() {
    if heads.last == value {
      ends[ends.count - 1] = UInt32(row + 1)
    } else {
      heads.append(value)
      ends.append(UInt32(row + 1))
    }
  }
  let buffer = Buffer(of: UInt32.self, count: max(1, ends.count))
  for (run, end) in ends.enumerated() { buffer.typed(UInt32.self)[run] = end }
  return Vector(runEnds: buffer, values: .make(type, heads), count: values.count)
}

private let long = "a string that does not fit in a view, étoile"

private let cases: [(LogicalType, [Value])] = [
  (.boolean, [.boolean(true), .null, .boolean(false), .boolean(false)]),
  (.tinyint, [.integer(-128), .integer(127), .null]),
  (.smallint, [.integer(-32768), .integer(-32768), .integer(32767)]),
  (.integer, [.integer(1), .integer(1), .null, .null, .integer(7)]),
  (.bigint, [.integer(Int128(Int64.min)), .integer(Int128(Int64.max))]),
  (.hugeint, [.integer(.min), .integer(.max), .null]),
  (.real, [.double(0.5), .null, .double(-1)]),
  (.double, [.double(.infinity), .double(.nan), .double(.nan)]),
  (.decimal(precision: 20, scale: 2), [.integer(12345), .null]),
  (.varchar, [.string(""), .string(long), .string(long), .null, .string("twelve bytes")]),
  (.date, [.integer(0), .integer(-1)]),
  (.varchar, [.string(long), .string(long)]),
  (.integer, [.null, .null, .null]),
  (.integer, []),
]

@Suite struct VectorTests {
  @Test("Every form of a vector gives the same values", arguments: cases.indices)
  func formsAgree(index: Int) {
    let (type, values) = cases[index]
    for vector in everyForm(type, values) {
      #expect(vector.allValues == values, "\(vector.form)")
      #expect(vector.flattened().form == .flat)
      #expect(vector.flattened().allValues == values, "flattened \(vector.form)")
    }
  }

  @Test("Slices and gathers of every form pick the rows asked for", arguments: cases.indices)
  func rowsArePicked(index: Int) {
    let (type, values) = cases[index]
    for vector in everyForm(type, values) {
      for lower in 0...values.count {
        for upper in lower...values.count {
          let slice = vector.slice(lower..<upper)
          #expect(slice.allValues == Array(values[lower..<upper]), "slice of \(vector.form)")
          #expect(slice.flattened().allValues == Array(values[lower..<upper]))
        }
      }
      guard !values.isEmpty else { continue }
      let picks = (0..<9).map { UInt32(($0 * 5) % values.count) }
      let gathered = vector.gather(picks, count: picks.count)
      #expect(gathered.allValues == picks.map { values[Int($0)] }, "gather of \(vector.form)")
      let narrow = picks.map { UInt16($0) }
      #expect(vector.gather(narrow, count: narrow.count).allValues == gathered.allValues)
    }
  }

  @Test("A slice of a slice of a long vector keeps NULLs in place")
  func slicesOfSlices() {
    let values: [Value] = (0..<1000).map { $0 % 7 == 3 ? .null : .integer(Int128($0 / 5)) }
    for vector in everyForm(.integer, values) {
      let inner = vector.slice(61..<900).slice(70..<700)
      #expect(inner.allValues == Array(values[131..<761]))
    }
  }

  @Test("Gathered strings outlive the vector they came from")
  func stringsAreKeptAlive() {
    var kept: Vector?
    do {
      let vector = everyForm(.varchar, (0..<100).map { .string(long + "\($0)") })[1]
      kept = vector.gather([5, 99] as [UInt32], count: 2).flattened()
    }
    #expect(kept?.allValues == [.string(long + "5"), .string(long + "99")])
  }

  @Test("A builder takes values, vectors and bytes in any order")
  func builder() {
    var builder = VectorBuilder(type: .varchar, capacity: 1)
    builder.append(.string("x"))
    builder.append(.make(.varchar, [.null, .string(long)]))
    builder.append(bytes: UnsafeRawBufferPointer(start: nil, count: 0))
    builder.appendNull()
    let vector = builder.finish()
    #expect(vector.allValues == [.string("x"), .null, .string(long), .string(""), .null])
  }
}

@Suite struct StringViewTests {
  @Test("Views compare as their bytes do")
  func order() {
    let heap = StringHeap()
    let words = [
      "", "a", "ab", "abcd", "abcde", "abcdefghijkl", "abcdefghijklm", "abcdefghijklmn",
      "abcdefghijkln", "b", "é", "éa", "\u{10FFFF}", "abc\u{0}", "abc",
    ]
    for left in words {
      for right in words {
        let a = heap.add(left)
        let b = heap.add(right)
        #expect((a == b) == left.utf8.elementsEqual(right.utf8))
        let expected = left.utf8.lexicographicallyPrecedes(right.utf8)
        #expect((StringView.compare(a, b) < 0) == expected, "\(left) and \(right)")
        #expect(a.string == left)
      }
    }
  }
}

@Suite struct ValueTests {
  @Test("Strings are equal by bytes, not by Unicode equivalence")
  func bytesDecide() {
    #expect(Value.string("\u{E9}") != Value.string("e\u{301}"))
  }

  @Test("NaN equals itself and sorts above all, zeros are equal, NULL sorts last")
  func floatOrder() {
    #expect(Value.double(.nan) == Value.double(.nan))
    #expect(Value.double(0) == Value.double(-0.0))
    #expect(Value.double(0).hashValue == Value.double(-0.0).hashValue)
    #expect(Value.double(.infinity) < Value.double(.nan))
    #expect(!(Value.double(.nan) < Value.double(.nan)))
    #expect(Value.double(.nan) < Value.null)
  }
}

@Suite struct ValidityTests {
  @Test(
    "Slices, intersections and gathers of masks agree with plain arrays",
    arguments: [1, 63, 64, 65, 200])
  func masks(count: Int) throws {
    let first = (0..<count).map { $0 % 3 != 0 }
    let second = (0..<count).map { $0 % 5 != 1 }
    let a = try #require(Validity.make(count: count) { first[$0] })
    let b = Validity.make(count: count) { second[$0] }
    let both = try #require(Validity.intersection(a, b))
    for row in 0..<count { #expect(both.isValid(row) == (first[row] && second[row])) }
    for lower in stride(from: 0, to: count, by: 7) {
      let slice = a.slice(lower..<count)
      for row in lower..<count { #expect((slice?.isValid(row - lower) ?? true) == first[row]) }
    }
    #expect(a.nullCount == first.count { !$0 })
  }
}
