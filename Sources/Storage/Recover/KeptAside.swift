import Vectors

/// The files of before, under `damaged/NNNNNN`: nothing that recovery takes away is removed from the disk.
///
/// Segments, logs and checkpoints get a second name there, or are copied where a file cannot have two; the small files
/// are copied, since TIP is overwritten in place. All of it is durable before the first file loses its own name.
struct KeptAside {
  static let directoryName = "damaged"
  static let reportName = "REPORT"

  let layout: StoreLayout
  let fileSystem: any FileSystem
  /// Relative to the warehouse.
  let name: String
  private var directory: String { "\(layout.root)/\(name)" }
  private var made: Set<String> = []

  /// Makes a new directory.
  init(_ layout: StoreLayout, _ fileSystem: any FileSystem) throws(StoaError) {
    self.layout = layout
    self.fileSystem = fileSystem
    let top = "\(layout.root)/\(KeptAside.directoryName)"
    try fileSystem.makeDirectory(top)
    let numbers = (try fileSystem.list(top) ?? []).compactMap { StoreLayout.number($0, suffix: "") }
    name = "\(KeptAside.directoryName)/\(fileNumber((numbers.max() ?? 0) + 1))"
    try fileSystem.makeDirectory(directory)
    try fileSystem.syncDirectory(layout.root)
    try fileSystem.syncDirectory(top)
    made.insert(directory)
  }

  /// Keeps the file at `path`, which may be missing or unreadable.
  mutating func keep(_ path: String, asCopy: Bool = false) throws(StoaError) {
    guard try fileSystem.fileSize(path) != nil else { return }
    let target = "\(directory)/\(layout.relative(path))"
    try makeParents(of: target)
    if !asCopy, (try? fileSystem.link(path, to: target)) != nil { return }
    _ = try FileCopy(fileSystem: fileSystem).copy(path, to: target)
  }

  private mutating func makeParents(of path: String) throws(StoaError) {
    let parent = Backup.parent(of: path)
    guard !made.contains(parent) else { return }
    try makeParents(of: parent)
    try fileSystem.makeDirectory(parent)
    made.insert(parent)
  }

  /// Writes the report and makes everything durable.
  func finish(_ report: String) throws(StoaError) {
    try Creation.write(Array(report.utf8), "\(directory)/\(KeptAside.reportName)", fileSystem)
    for directory in made.sorted() { try fileSystem.syncDirectory(directory) }
  }
}
