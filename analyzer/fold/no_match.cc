#include "analyzer/fold/no_match.h"

#include "format/base/suggest.h"

namespace twofold {
namespace {

constexpr size_t kMaxNames = 20000;

// What rows of a condition's column are in, whatever the view; empty: only rows of the view tell.
std::string_view HoldersOf(std::string_view column) {
  if (column == "thread_id" || column == "process_id") return "thread";
  if (column == "interval_id") return "interval";
  return {};
}

Result<bool> MatchesAnything(Database& database, const Condition& condition,
                             std::string_view holders) {
  TWOFOLD_ASSIGN_OR_RETURN(Statement row,
                           database.Prepare("SELECT 1 FROM " + std::string(holders) + " WHERE " +
                                                condition.sql + " LIMIT 1",
                                            condition.parameters));
  return row.Step();
}

Result<std::string> NearestName(Database& database, const Condition& condition) {
  if (condition.filter->names_sql.empty()) return std::string();
  TWOFOLD_ASSIGN_OR_RETURN(Statement rows,
                           database.Prepare(std::string(condition.filter->names_sql), {}));
  std::vector<std::string> names;
  while (names.size() < kMaxNames) {
    TWOFOLD_ASSIGN_OR_RETURN(bool row, rows.Step());
    if (!row) break;
    if (!rows.Text(0).empty()) names.emplace_back(rows.Text(0));
  }
  return std::string(Nearest(condition.value, {names.begin(), names.end()}));
}

}  // namespace

Error NothingMatches(Database& database, const std::vector<Condition>& conditions,
                     const std::string& what) {
  for (const Condition& condition : conditions) {
    std::string_view holders = HoldersOf(condition.column);
    if (condition.filter == nullptr || holders.empty()) continue;
    TWOFOLD_ASSIGN_OR_RETURN(bool matches, MatchesAnything(database, condition, holders));
    if (matches) continue;
    TWOFOLD_ASSIGN_OR_RETURN(std::string nearest, NearestName(database, condition));
    std::string advice = holders == "thread" ? "'twofold table' lists processes and threads"
                                             : "'twofold info' tells what was recorded, and when";
    if (!nearest.empty()) advice = "Perhaps '" + nearest + "' is meant";
    return Error{"nothing in the capture matches '" + condition.value + "'",
                 "--" + std::string(condition.option), advice};
  }
  return Error{what, "", ""};
}

}  // namespace twofold
