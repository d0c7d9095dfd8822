// twofold sql: read-only queries on a capture or a database.
#include <unistd.h>

#include "analyzer/cli/words.h"
#include "analyzer/commands/command.h"
#include "analyzer/data/input.h"
#include "analyzer/data/losses.h"
#include "analyzer/output/csv.h"
#include "analyzer/text/escape.h"
#include "analyzer/text/table.h"
#include "format/base/input_file.h"
#include "format/base/output_file.h"

namespace twofold {
namespace {

constexpr uint64_t kMaxQueryBytes = 1 << 20;

void AddOptions(OptionSet& options) {
  options.Flag("csv", "print comma-separated values (RFC 4180) with a heading line");
  options.Value("output", "FILE", "write to FILE instead of standard output", 'o');
  options.Flag("force", "replace FILE if it exists");
  options.Flag("strict", "exit with 3 when the capture is partial or has losses");
}

// Queries read what is there and nothing else: no other file, no change, no setting.
int Authorize(void*, int action, const char* first, const char* second, const char*, const char*) {
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_FUNCTION:
      return second != nullptr && std::string_view(second) == "load_extension" ? SQLITE_DENY
                                                                               : SQLITE_OK;
    case SQLITE_PRAGMA:
      for (const char* harmless : {"table_info", "table_xinfo", "table_list", "index_list",
                                   "index_info", "application_id", "user_version"}) {
        if (std::string_view(first) == harmless) return SQLITE_OK;
      }
      return SQLITE_DENY;
    default:
      return SQLITE_DENY;
  }
}

std::string CellText(const Statement& row, int column) {
  if (row.IsNull(column)) return "";
  return std::string(row.Text(column));
}

// Runs one statement and formats what it gives. Results are kept whole: a table's widths depend on
// its last row.
Result<std::string> Format(Statement& statement, bool as_csv) {
  std::vector<TableColumn> columns;
  for (int i = 0; i < statement.column_count(); ++i) {
    columns.push_back({std::string(statement.ColumnName(i)), Align::kRight});
  }
  std::vector<std::vector<std::string>> rows;
  while (true) {
    Result<bool> row = statement.Step();
    if (!row) return std::move(row).error();
    if (!*row) break;
    rows.emplace_back();
    for (int i = 0; i < statement.column_count(); ++i) {
      int type = statement.Type(i);
      if (type == SQLITE_TEXT || type == SQLITE_BLOB) {
        columns[static_cast<size_t>(i)].align = Align::kLeft;
      }
      rows.back().push_back(CellText(statement, i));
    }
  }
  if (!as_csv) return FormatTable(columns, rows);
  std::string text;
  std::vector<std::string> names;
  for (const TableColumn& column : columns) names.push_back(column.heading);
  text += CsvLine(names);
  for (std::vector<std::string>& row : rows) {
    for (std::string& cell : row) cell = EscapeText(cell);
    text += CsvLine(row);
  }
  return text;
}

Error QueryError(const Error& cause) {
  Error error = cause;
  error.where = "the query";
  if (error.what.find("not authorized") != std::string::npos) {
    error.what = "queries may only read the tables of the capture";
  }
  error.remedy = "docs/sql.md describes the tables; SELECT name FROM sqlite_schema lists them";
  return error;
}

Result<ExitStatus> Run(const Arguments& arguments) {
  if (arguments.positionals().size() != 2) {
    return Error{"a capture and a query are needed", "", "Put the query between quotes",
                 Error::Kind::kUsage};
  }
  const std::string& path = arguments.positionals()[0];
  std::string query = arguments.positionals()[1];
  if (query == "-") {
    if (path == "-") {
      return Error{"the capture and the query cannot both come from standard input", "", "",
                   Error::Kind::kUsage};
    }
    Result<std::vector<uint8_t>> bytes = ReadInputFile("-", kMaxQueryBytes);
    if (!bytes) return std::move(bytes).error();
    query.assign(bytes->begin(), bytes->end());
  }
  Result<OutputFile> output =
      OutputFile::Create(arguments.Get("output", "-"), arguments.Has("force"));
  if (!output) return std::move(output).error();
  Result<Input> input = OpenInput(path, TableKind::kCopied);
  if (!input) return std::move(input).error();
  Database& database = input->database;
  Result<std::vector<std::string>> notes = PartialNotes(database);
  if (!notes) return std::move(notes).error();
  for (const std::string& note : *notes) Say(note);
  Result<bool> losses = HasLosses(database);
  if (!losses) return std::move(losses).error();

  sqlite3_set_authorizer(database.handle(), Authorize, nullptr);
  std::string_view rest = query;
  bool any = false;
  while (!rest.empty()) {
    Result<Statement> statement = database.Prepare(rest, {}, &rest);
    if (!statement) return QueryError(statement.error());
    if (!statement->has_query()) continue;  // blanks and comments
    Result<std::string> text = Format(*statement, arguments.Has("csv"));
    if (!text) return QueryError(text.error());
    if (any) TWOFOLD_RETURN_IF_ERROR(output->Append(std::string("\n")));
    TWOFOLD_RETURN_IF_ERROR(output->Append(*text));
    any = true;
  }
  if (!any) return Error{"the query is empty", "", "", Error::Kind::kUsage};
  TWOFOLD_RETURN_IF_ERROR(output->Commit());
  bool incomplete = !notes->empty() || *losses;
  return incomplete && arguments.Has("strict") ? ExitStatus::kIncomplete : ExitStatus::kDone;
}

}  // namespace

const Command kSqlCommand = {
    "sql",
    "query a capture, or a database made by load, with SQL",
    "[--csv] CAPTURE QUERY",
    "Runs a query (- reads it from standard input) and prints an aligned table. Tables and views "
    "are described in docs/sql.md; nothing can be changed. CAPTURE may be a database made by "
    "'twofold load', which is read without trusting it.",
    "twofold sql host.twofold \"SELECT pid, name FROM process ORDER BY pid LIMIT 10\"\n"
    "twofold sql host.twofold \"SELECT loss, sum(value_us) FROM cpu GROUP BY loss\"\n"
    "twofold sql --csv -o cost.csv host.twofold \"SELECT * FROM cost\"",
    AddOptions,
    Run,
};

}  // namespace twofold
