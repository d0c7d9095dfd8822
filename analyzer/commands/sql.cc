// twofold sql: read-only queries on a capture or a database.
#include <cmath>
#include <set>

#include "analyzer/cli/words.h"
#include "analyzer/commands/command.h"
#include "analyzer/data/input.h"
#include "analyzer/data/losses.h"
#include "analyzer/tabular/output.h"
#include "analyzer/text/table.h"
#include "format/base/input_file.h"
#include "format/base/output_file.h"

namespace twofold {
namespace {

constexpr uint64_t kMaxQueryBytes = 1 << 20;

void AddOptions(OptionSet& options) {
  std::string formats;
  for (const TabularOutput& output : TabularOutputs()) {
    formats += (formats.empty() ? "" : ", ") + std::string(output.name);
  }
  options.Value("format", "FORMAT",
                formats +
                    " (default: table). csv is RFC 4180 with a heading line, json an array "
                    "of objects with null for NULL; bytes (BLOB) are hexadecimal digits");
  options.OneOf("format", NamesOf(TabularOutputs()));
  options.Flag("csv", "the same as --format csv");
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
      for (const char* readable : {"application_id", "user_version"}) {
        if (std::string_view(first) == readable) return second == nullptr ? SQLITE_OK : SQLITE_DENY;
      }
      for (const char* harmless :
           {"table_info", "table_xinfo", "table_list", "index_list", "index_info"}) {
        if (std::string_view(first) == harmless) return SQLITE_OK;
      }
      return SQLITE_DENY;
    default:
      return SQLITE_DENY;
  }
}

std::string HexDigits(std::string_view bytes) {
  static const char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned char byte : bytes) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

TabularCell CellOf(const Statement& row, int column) {
  switch (row.Type(column)) {
    case SQLITE_NULL:
      return {};
    case SQLITE_INTEGER:
      return row.Int(column);
    case SQLITE_FLOAT: {
      bool is_finite = std::isfinite(row.Real(column));
      std::string text(row.Text(column));
      return Structure{is_finite ? text : "null", text};  // JSON has no infinite numbers
    }
    case SQLITE_BLOB:
      // As text, bytes could not be told from letters that look like them.
      return HexDigits(row.Text(column));
    default:
      return std::string(row.Text(column));
  }
}

// Names for programs: none is empty and no two are the same, as the members of an object need it.
std::vector<TabularColumn> ColumnsOf(const Statement& statement) {
  std::vector<TabularColumn> columns;
  std::set<std::string> names;
  for (int i = 0; i < statement.column_count(); ++i) {
    std::string heading(statement.ColumnName(i));
    std::string base = heading.empty() ? "column" : heading;
    std::string name = base;
    for (int number = 2; !names.insert(name).second; ++number) {
      name = base + "_" + std::to_string(number);
    }
    columns.push_back({name, heading, CellKind::kNumber});
  }
  return columns;
}

// Columns with any text go to the left; a table of a query may be as wide as it needs to be.
std::string TextOf(const Tabular& tabular) {
  std::vector<TableColumn> columns;
  for (const TabularColumn& column : tabular.columns) {
    columns.push_back(
        {column.heading, column.kind == CellKind::kText ? Align::kLeft : Align::kRight});
  }
  std::vector<std::vector<std::string>> lines;
  for (const std::vector<TabularCell>& row : tabular.rows) {
    lines.emplace_back();
    for (const TabularCell& cell : row) {
      if (const int64_t* number = std::get_if<int64_t>(&cell)) {
        lines.back().push_back(std::to_string(*number));
      } else if (const std::string* text = std::get_if<std::string>(&cell)) {
        lines.back().push_back(*text);
      } else if (const Structure* real = std::get_if<Structure>(&cell)) {
        lines.back().push_back(real->line);
      } else {
        lines.back().emplace_back();
      }
    }
  }
  return FormatTable(columns, lines);
}

// Runs one statement. Results are kept whole: a table's widths depend on its last row.
Result<Tabular> Answer(Statement& statement, const TabularOutput& format) {
  Tabular tabular;
  tabular.columns = ColumnsOf(statement);
  TWOFOLD_RETURN_IF_ERROR(ForEachRow(statement, [&](const Statement& row) {
    tabular.rows.emplace_back();
    for (int i = 0; i < row.column_count(); ++i) {
      tabular.rows.back().push_back(CellOf(row, i));
      if (std::holds_alternative<std::string>(tabular.rows.back().back())) {
        tabular.columns[size_t(i)].kind = CellKind::kText;
      }
    }
  }));
  if (format.for_people) tabular.text = TextOf(tabular);
  return tabular;
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

Result<const TabularOutput*> FormatOf(const Arguments& arguments) {
  if (!arguments.Has("csv")) return FindTabularOutput(arguments.Get("format", "table"));
  if (!arguments.Has("format")) return FindTabularOutput("csv");
  return Error{"--csv is a format already", "--format", "Give one of the two", Error::Kind::kUsage};
}

Result<ExitStatus> Run(const Arguments& arguments) {
  if (arguments.positionals().size() != 2) {
    return Error{"a capture and a query are needed", "", "Put the query between quotes",
                 Error::Kind::kUsage};
  }
  TWOFOLD_ASSIGN_OR_RETURN(const TabularOutput* format, FormatOf(arguments));
  const std::string& path = arguments.positionals()[0];
  std::string query = arguments.positionals()[1];
  if (query == "-") {
    if (path == "-") {
      return Error{"the capture and the query cannot both come from standard input", "", "",
                   Error::Kind::kUsage};
    }
    TWOFOLD_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, ReadInputFile("-", kMaxQueryBytes));
    query.assign(bytes.begin(), bytes.end());
  }
  TWOFOLD_ASSIGN_OR_RETURN(
      OutputFile output, OutputFile::Create(arguments.Get("output", "-"), arguments.Has("force")));
  TWOFOLD_ASSIGN_OR_RETURN(Input input, OpenInput(path, TableKind::kCopied));
  Database& database = input.database;
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> notes, PartialNotes(database));
  for (const std::string& note : notes) Say(note);
  TWOFOLD_ASSIGN_OR_RETURN(bool losses, HasLosses(database));

  sqlite3_set_authorizer(database.handle(), Authorize, nullptr);
  std::string_view rest = query;
  bool any = false;
  while (!rest.empty()) {
    Result<Statement> statement = database.Prepare(rest, {}, &rest);
    if (!statement) return QueryError(statement.error());
    if (!statement->has_query()) continue;  // blanks and comments
    Result<Tabular> tabular = Answer(*statement, *format);
    if (!tabular) return QueryError(tabular.error());
    if (any) TWOFOLD_RETURN_IF_ERROR(output.Append(std::string("\n")));
    TWOFOLD_RETURN_IF_ERROR(format->write(*tabular, output));
    any = true;
  }
  if (!any) return Error{"the query is empty", "", "", Error::Kind::kUsage};
  TWOFOLD_RETURN_IF_ERROR(output.Commit());
  bool incomplete = !notes.empty() || losses;
  return incomplete && arguments.Has("strict") ? ExitStatus::kIncomplete : ExitStatus::kDone;
}

}  // namespace

const Command kSqlCommand = {
    "sql",
    "query a capture, or a database made by load, with SQL",
    "[--format FORMAT] CAPTURE QUERY",
    "Runs a query (- reads it from standard input) and prints its rows; of several queries with "
    "';' "
    "between them, those of one after the other. Tables and views "
    "are described in docs/sql.md; nothing can be changed. CAPTURE may be a database made by "
    "'twofold load', which is read without trusting it.",
    "twofold sql host.twofold \"SELECT pid, name FROM process ORDER BY pid LIMIT 10\"\n"
    "twofold sql host.twofold \"SELECT loss, sum(value_us) FROM cpu GROUP BY loss\"\n"
    "twofold sql --format json host.twofold \"SELECT name, start_ns FROM process\"\n"
    "twofold sql --format csv -o cost.csv host.twofold \"SELECT * FROM cost\"",
    AddOptions,
    Run,
};

}  // namespace twofold
