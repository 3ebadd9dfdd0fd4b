import Catalog
import Synchronization
import Vectors

/// A committed segment of an open warehouse; opened (footer read and verified) when first needed.
public final class SegmentReference: Sendable {
  public let description: SegmentDescription
  public let path: String
  private let source: SegmentSource
  private let opened = Mutex<SegmentReader?>(nil)

  init(_ description: SegmentDescription, source: SegmentSource) {
    self.description = description
    self.source = source
    path = source.layout.segment(description.table, description.id)
  }

  /// The same segment, read by `reader`.
  init(_ other: SegmentReference, _ reader: SegmentReader) {
    description = other.description
    path = other.path
    source = other.source
    opened.withLock { $0 = reader }
  }

  /// The reader, shared by everybody; reads the footer on first use.
  /// - Throws: `.corruption` naming the file when it is not the one that was committed.
  public func reader() throws(StoaError) -> SegmentReader {
    if let reader = opened.withLock({ $0 }) { return reader }
    // Two threads may both read the footer; the first to finish wins, so that caches see one object.
    let reader = try SegmentReader.open(
      description, path: path, fileSystem: source.fileSystem, warehouse: source.id,
      cache: source.cache)
    return opened.withLock { known in
      if let known { return known }
      known = reader
      return reader
    }
  }
}

/// Where segments of one warehouse come from.
struct SegmentSource: Sendable {
  let layout: StoreLayout
  let fileSystem: any FileSystem
  let id: WarehouseID
  let cache: ChunkCache
}
