/// Rows under a header as Markdown: the first column to the left, the others to the right, padded so that the text reads
/// as a table too.
public func markdownTable(_ header: [String], _ rows: [[String]]) -> String {
  let all = [header] + rows
  let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
  func line(_ cells: [String]) -> String {
    let padded = cells.enumerated().map { index, cell in
      let blanks = String(repeating: " ", count: widths[index] - cell.count)
      return index == 0 ? cell + blanks : blanks + cell
    }
    return "| " + padded.joined(separator: " | ") + " |\n"
  }
  let rule = widths.enumerated().map { index, width in
    String(repeating: "-", count: width + (index == 0 ? 2 : 1)) + (index == 0 ? "" : ":")
  }
  return line(header) + "|" + rule.joined(separator: "|") + "|\n" + rows.map(line).joined()
}
