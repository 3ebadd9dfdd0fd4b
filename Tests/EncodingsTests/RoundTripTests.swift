import Testing
import Vectors

@testable import Encodings

@Suite struct RoundTripTests {
  @Test("every encoding returns every value of every type", arguments: Samples.types)
  func roundTrip(type: LogicalType) throws {
    for sample in Samples.all(type, rows: 3100) {
      let vector = sample.vector
      for forced in [nil] + EncodingID.allCases.map(Optional.some) {
        let encoded = try ChunkEncoder.encode(vector, forced: forced)
        let chunk = try open(encoded, type, sample.values.count)
        let decoded = try chunk.decode(rows: 0..<sample.values.count)
        #expect(
          decoded.allValues == sample.values,
          "\(type) \(sample.name) \(forced?.name ?? "picked") \(chunk.summary)")
      }
    }
  }
}
