// The table "exec": programs that were executed and attempts at it, in order of time, with what
// became of them.
#include <csignal>
#include <cstdio>
#include <cstring>

#include "analyzer/tabular/view.h"
#include "analyzer/text/json.h"
#include "analyzer/text/shell_words.h"
#include "analyzer/text/table.h"
#include "format/base/escape_text.h"
#include "format/base/units.h"

namespace twofold {
namespace {

// So that something is left for the file and its arguments.
constexpr size_t kWidestName = 12;
constexpr size_t kWidestParent = 15;

// Columns of the query, in the order in which programs get them.
enum Column {
  kCapture,
  kStart,
  kPid,
  kName,
  kParentPid,
  kParentName,
  kFile,
  kDuration,
  kEnded,
  kExitCode,
  kExitSignal,
  kError,
  kErrorName,
  kArguments,
  kArgumentsCut,
};

constexpr char kColumns[] =
    "capture_id, start_ns, pid, name, parent_pid, parent_name, file, duration_ns, ended, exit_code,"
    " exit_signal, error, error_name, arguments, arguments_cut";

// "12.345".
std::string Seconds(int64_t time_ns) {
  char text[48];
  snprintf(text, sizeof(text), "%lld.%03lld", static_cast<long long>(time_ns / 1000000000),
           static_cast<long long>(time_ns % 1000000000 / 1000000));
  return text;
}

// Cut to a width; not escaped.
std::string Shortened(std::string_view text, size_t width) {
  return UnescapeText(Shorten(EscapeText(text), width));
}

std::string SignalText(int64_t number) {
  const char* name = number > 0 && number < NSIG ? sigabbrev_np(int(number)) : nullptr;
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(number);
}

// In a few letters.
std::string EndText(const Statement& row) {
  std::string_view ended = row.Text(kEnded);
  if (ended == "failed") {
    std::string name(row.Text(kErrorName));
    return name.empty() ? "errno " + std::to_string(row.Int(kError)) : name;
  }
  if (ended == "exited") return "exit " + std::to_string(row.Int(kExitCode));
  if (ended == "killed") return SignalText(row.Int(kExitSignal));
  if (ended == "executed another") return "exec";
  return std::string(ended);
}

// What follows the first word of what a shell would read: the program's name for itself says no
// more than its file.
std::string_view WithoutFirstWord(std::string_view arguments) {
  char quote = 0;  // 0: outside of quotes
  for (size_t i = 0; i < arguments.size(); ++i) {
    const char c = arguments[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == ' ') {
      return arguments.substr(i + 1);
    }
  }
  return {};
}

// Not escaped, for FormatTable does that.
std::string CommandText(const Statement& row) {
  std::string text = row.IsNull(kFile) ? "[unreadable]" : EscapeText(row.Text(kFile));
  std::string_view rest = WithoutFirstWord(row.Text(kArguments));
  if (!rest.empty()) text += " " + HarmlessShellWords(rest);
  if (row.Int(kArgumentsCut) != 0) text += " ...";
  return UnescapeText(text);
}

class Maker {
 public:
  Maker(Database& database, const TabularRequest& request)
      : database_(database), request_(request) {}

  Result<Tabular> Make() {
    TWOFOLD_ASSIGN_OR_RETURN(
        int64_t recorded, database_.QueryInt("SELECT count(*) FROM interval WHERE has_execs <> 0"));
    if (recorded == 0) {
      return Error{"the table exec needs executed programs, which this capture did not record", "",
                   "Record again with --record exec"};
    }
    TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> notes,
                             MissingNotes(database_, "has_execs", "executed programs"));
    tabular_.notes = std::move(notes);
    TWOFOLD_RETURN_IF_ERROR(ReadTotals());
    TWOFOLD_RETURN_IF_ERROR(ReadRows());
    if (request_.limit != 0 && uint64_t(all_) > request_.limit) {
      tabular_.notes.push_back("shows the last " + std::to_string(request_.limit) + " of " +
                               std::to_string(all_) + "; --limit 0 shows all");
    }
    tabular_.text = Caption() + "\n";
    if (!lines_.empty()) {
      tabular_.text += FormatTable({{"at s", Align::kRight},
                                    {"pid", Align::kRight},
                                    {"name", Align::kLeft},
                                    {"parent", Align::kLeft},
                                    {"lasted", Align::kRight},
                                    {"ended", Align::kLeft},
                                    {"file", Align::kLeft}},
                                   lines_, 0, request_.width, 1);
    }
    return std::move(tabular_);
  }

 private:
  Result<void> ReadTotals() {
    std::vector<SqlValue> parameters;
    std::string where = WhereText(request_.conditions, parameters);
    TWOFOLD_ASSIGN_OR_RETURN(
        Statement row,
        database_.Prepare("SELECT count(*), count(error) FROM exec" + where, parameters));
    TWOFOLD_RETURN_IF_ERROR(row.Step());
    all_ = row.Int(0);
    failed_ = row.Int(1);
    std::string sql = "SELECT sum(end_ns - start_ns) FROM interval WHERE has_execs <> 0";
    std::vector<SqlValue> time_parameters;
    for (const Condition& condition : request_.conditions) {
      if (!condition.selects_by_time) continue;
      sql += " AND " + condition.sql;
      time_parameters.insert(time_parameters.end(), condition.parameters.begin(),
                             condition.parameters.end());
    }
    TWOFOLD_ASSIGN_OR_RETURN(int64_t time_ns, database_.QueryInt(sql, time_parameters));
    time_ns_ = time_ns;
    return {};
  }

  // "1,000 programs executed in 10.0 s, 100 a second; 12 attempts failed".
  std::string Caption() const {
    auto executed = uint64_t(all_ - failed_);
    std::string text =
        FormatCount(executed, " program", " programs") + " executed in " + FormatDuration(time_ns_);
    if (time_ns_ > 0) {
      char rate[48];
      double per_second = double(executed) * 1e9 / double(time_ns_);
      snprintf(rate, sizeof(rate), ", %.*f a second", per_second < 9.95 ? 1 : 0, per_second);
      text += rate;
    }
    return text + "; " + FormatCount(uint64_t(failed_), " attempt failed", " attempts failed");
  }

  Result<void> ReadRows() {
    tabular_.columns = {
        {"capture_id", "", CellKind::kNumber},
        {"start_ns", "", CellKind::kNumber},
        {"pid", "", CellKind::kNumber},
        {"name", "", CellKind::kText},
        {"parent_pid", "", CellKind::kNumber},
        {"parent_name", "", CellKind::kText},
        {"file", "", CellKind::kText},
        {"duration_ns", "", CellKind::kNumber},
        {"ended", "", CellKind::kText},
        {"exit_code", "", CellKind::kNumber},
        {"exit_signal", "", CellKind::kNumber},
        {"error", "", CellKind::kNumber},
        {"error_name", "", CellKind::kText},
        {"arguments", "", CellKind::kText},
        {"arguments_cut", "", CellKind::kNumber},
    };
    std::vector<SqlValue> parameters;
    std::string where = WhereText(request_.conditions, parameters);
    int64_t limit = request_.limit == 0 ? -1 : int64_t(request_.limit);
    parameters.emplace_back(limit);
    const std::string columns(kColumns);
    return ForEachRow(database_,
                      "SELECT " + columns + " FROM (SELECT exec_call_id, " + columns +
                          " FROM exec" + where +
                          " ORDER BY capture_id DESC, start_ns DESC, exec_call_id DESC LIMIT ?)"
                          " ORDER BY capture_id, start_ns, exec_call_id",
                      parameters, [&](const Statement& row) { AddRow(row); });
  }

  void AddRow(const Statement& row) {
    std::vector<TabularCell>& cells = tabular_.rows.emplace_back();
    for (size_t i = 0; i < tabular_.columns.size(); ++i) {
      int column = int(i);
      if (row.IsNull(column)) {
        cells.emplace_back(std::monostate());
      } else if (column == kArguments) {
        std::string words = HarmlessShellWords(row.Text(column));
        cells.emplace_back(Structure{.json = JsonString(words), .line = words});
      } else if (tabular_.columns[i].kind == CellKind::kText) {
        cells.emplace_back(std::string(row.Text(column)));
      } else {
        cells.emplace_back(row.Int(column));
      }
    }
    std::string parent = row.IsNull(kParentPid) ? "?" : std::to_string(row.Int(kParentPid));
    if (!row.IsNull(kParentName)) parent += " " + std::string(row.Text(kParentName));
    lines_.push_back({Seconds(row.Int(kStart)), std::to_string(row.Int(kPid)),
                      Shortened(row.Text(kName), kWidestName), Shortened(parent, kWidestParent),
                      row.IsNull(kDuration) ? "" : FormatDuration(row.Int(kDuration)), EndText(row),
                      CommandText(row)});
  }

  Database& database_;
  const TabularRequest& request_;
  Tabular tabular_;
  std::vector<std::vector<std::string>> lines_;
  int64_t all_ = 0;
  int64_t failed_ = 0;
  int64_t time_ns_ = 0;
};

}  // namespace

Result<Tabular> MakeExec(Database& database, const TabularRequest& request) {
  return Maker(database, request).Make();
}

}  // namespace twofold
