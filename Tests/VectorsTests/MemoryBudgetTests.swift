import Testing
import Vectors

@Suite("Memory budget")
struct MemoryBudgetTests {
  @Test("What fits is never refused because somebody else asks for too much")
  func refusalsDoNotCount() async {
    let budget = MemoryBudget(limit: 100)
    let refused = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<2 {
        group.addTask {
          (0..<200_000).reduce(0) { count, _ in count + (budget.tryReserve(1_000) ? 1_000_000 : 0) }
        }
      }
      group.addTask {
        (0..<200_000).reduce(0) { count, _ in
          guard budget.tryReserve(1) else { return count + 1 }
          budget.release(1)
          return count
        }
      }
      return await group.reduce(0, +)
    }
    #expect(refused == 0)
    #expect(budget.usedBytes == 0 && budget.peakBytes == 1)
  }

  @Test("The limit is kept to the byte, and taken bytes may pass it")
  func exactLimit() {
    let budget = MemoryBudget(limit: 100)
    #expect(budget.tryReserve(100) && !budget.tryReserve(1))
    budget.take(7)
    #expect(budget.usedBytes == 107 && budget.peakBytes == 107)
    budget.release(8)
    #expect(budget.tryReserve(1) && !budget.tryReserve(1) && budget.tryReserve(-100))
  }

  @Test("A reservation past the limit is refused and nothing is kept")
  func reservations() throws {
    let budget = MemoryBudget(limit: 100)
    do {
      let reservation = MemoryReservation(budget)
      #expect(reservation.tryResize(to: 80))
      #expect(!reservation.tryResize(to: 101))
      #expect(budget.usedBytes == 80)
      #expect(throws: StoaError.self) { try reservation.resize(to: 200, for: "a test") }
      #expect(reservation.tryResize(to: 10))
    }
    #expect(budget.usedBytes == 0)
    #expect(budget.peakBytes == 80)
  }
}
