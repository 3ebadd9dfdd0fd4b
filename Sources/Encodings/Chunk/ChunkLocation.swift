import Vectors

/// Where a chunk came from, for messages about damage.
public struct ChunkLocation: Sendable {
  public var path: String?
  /// Offset of the chunk's first byte in the file.
  public var offsetInFile: UInt64?
  public var rowGroup: Int?
  public var column: String?
  public var table: String?

  public init(
    path: String? = nil, offsetInFile: UInt64? = nil, rowGroup: Int? = nil, column: String? = nil,
    table: String? = nil
  ) {
    self.path = path
    self.offsetInFile = offsetInFile
    self.rowGroup = rowGroup
    self.column = column
    self.table = table
  }

  /// A `.corruption` error at `offset` bytes into the chunk.
  public func damaged(_ what: String, at offset: Int = 0) -> StoaError {
    StoaError(
      .corruption, "damaged column chunk: \(what)", path: path,
      offset: offsetInFile.map { $0 &+ UInt64(truncatingIfNeeded: offset) }, rowGroup: rowGroup,
      column: column, table: table)
  }
}
