import SSBGenerator

/// Stoa as one of the engines of the benchmark.
struct StoaEngine {
  let path: String

  func serve() throws(SSBError) {
    throw SSBError("the Stoa library cannot run statements yet")
  }
}
