import Stoa

/// Texts of `--help` and `.help`.
enum Help {
  static let usage = """
    stoa \(Warehouse.version): an embedded columnar warehouse

    Usage:
      stoa WAREHOUSE [options]                      shell; the warehouse is created when absent
      stoa import WAREHOUSE FILE… TABLE [options]   load text files; creates an absent table
      stoa inspect FILE                             print a segment, log or checkpoint
      stoa verify WAREHOUSE|BACKUP [--deep] [TABLE] check every byte; --deep also order and keys
      stoa backup WAREHOUSE TARGET [--incremental-to EARLIER] [--copy]
                                                    while others write; hard links unless --copy
      stoa restore BACKUP TARGET                    make a warehouse of a backup
      stoa recover WAREHOUSE [--salvage] [--dry-run] [--memory-limit SIZE]
                                                    make a damaged warehouse writable again at its
                                                    last good commit; --salvage also saves what can
                                                    be read behind the damage

    Options:
      -c SQL, --command SQL    run SQL and exit; may be repeated, also with -f
      -f FILE, --file FILE     run a script and exit; - is standard input
      --readonly               refuse to write
      --threads N              worker threads (default: processors)
      --memory-limit SIZE      such as 500MB or 4GB
      --mode MODE              box, csv, json, jsonlines, markdown or line
      --null-value TOKEN       text of NULL in csv (default: an empty field)
      --no-header              csv without column names
      --bail, --no-bail        stop a script at its first error (default), or go on
      --version, --help

    Exit codes: 0 good, 1 an SQL error or damage found, 2 wrong usage or cannot open, 130 interrupted.

    """

  static let importUsage = """
    Usage: stoa import WAREHOUSE FILE… TABLE [options]

    Loads delimited text files (also .zst, several files, patterns, - for standard input) into a table and
    commits once. Delimiter, header, NULL text and types are detected and printed; an absent table is created.

    Options:
      --delimiter TEXT, --quote C, --escape C  the delimiter may be several characters
      --header, --no-header                   whether the first line holds names
      --null TEXT                             text of NULL
      --skip N                                lines to leave out at the start of each file
      --columns a,b,c                         columns of an existing table, in the order of the file
      --names a,b,c                           columns of a new table, instead of the header's
      --types INT,VARCHAR or a:INT,b:DATE     types of a new table, instead of those detected
      --max-rejects N                         write up to N bad rows to a file and go on
      --rejects FILE                          where to write them
      --threads N                             worker threads
      --memory-limit SIZE                     such as 500MB or 4GB
      --option NAME=VALUE                     any other option of COPY
      --quiet                                 print nothing but errors

    """

  static let dotCommands = """
    .bail on|off            stop scripts at the first error
    .exit, .quit            leave
    .header on|off          names at the top of csv
    .help [NAME]            this list, or a function, operator or command
    .import FILE… TABLE     load files; options as in stoa import --help
    .maxrows N              rows shown of a long result in box mode, 0 for all
    .mode [MODE]            box, csv, json, jsonlines, markdown or line
    .nullvalue TEXT         text of NULL
    .output [FILE]          results go to FILE; without it to standard output again
    .print TEXT             print TEXT
    .read FILE              run a script
    .schema [TABLE]         CREATE TABLE statements
    .space                  where the bytes are and why they are still there
    .tables                 names of all tables
    .timer on|off           time of each statement
    """

  /// A function with its example, a dot command, or the functions whose names contain the word.
  static func lines(about name: String) throws(StoaError) -> [String] {
    let exact = FunctionHelp.named(name)
    if !exact.isEmpty { return exact.flatMap(\.lines) }
    let commands = dotCommands.split(separator: "\n").map(String.init)
    let known = commands.filter { $0.hasPrefix(".") && name.hasPrefix(".") }
    if let line = known.first(where: { $0.split(separator: " ").first.map(String.init) == name }) {
      return [line]
    }
    let close = FunctionHelp.containing(name)
    guard close.isEmpty else {
      return close.map { "\($0.signatures[0]): \($0.text)" }
    }
    throw StoaError(
      .usage, "there is no function or command \(name)",
      hint: FunctionHelp.suggestion(for: name).map { "Did you mean \($0)?" }
        ?? "FROM stoa_functions() lists all functions")
  }
}
