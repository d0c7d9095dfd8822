#include "analyzer/commands/origin.h"

#include <algorithm>

#include "analyzer/fold/stack_filter.h"
#include "analyzer/text/shell_words.h"
#include "format/base/units.h"

namespace twofold {
namespace {

constexpr size_t kShownHosts = 3;

// Captures with an interval that the filters of time choose.
Result<Statement> ChosenCaptures(Database& database, const std::vector<Condition>& conditions) {
  std::string sql =
      "SELECT hostname, file_name, start_realtime_ns, scope, pids, tids, cgroup, command, comm"
      " FROM capture WHERE capture_id IN (SELECT capture_id FROM interval WHERE true";
  std::vector<SqlValue> parameters;
  for (const Condition& condition : conditions) {
    if (!condition.selects_by_time) continue;
    sql += " AND " + condition.sql;
    parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
  }
  return database.Prepare(sql + ") ORDER BY capture_id", parameters);
}

// What was recorded of the host: ", processes 812"; empty for all of it.
std::string ScopeText(const Statement& row) {
  std::string_view scope = row.Text(3);
  std::string text;
  if (scope == "processes") text = ", processes " + std::string(row.Text(4));
  if (scope == "threads") text = ", threads " + std::string(row.Text(5));
  if (scope == "cgroup") text = ", control group " + std::string(row.Text(6));
  if (scope == "command") text = ", command " + std::string(row.Text(7));
  if (!row.Text(8).empty()) text += ", threads named " + std::string(row.Text(8));
  return text;
}

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kShownHosts); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kShownHosts) {
    text += " and " + FormatCount(names.size() - kShownHosts, " other", " others");
  }
  return text;
}

}  // namespace

Result<std::string> DescribeOrigin(Database& database, const std::vector<Condition>& conditions) {
  TWOFOLD_ASSIGN_OR_RETURN(Statement rows, ChosenCaptures(database, conditions));
  std::vector<std::string> hosts;
  std::string single;
  uint64_t captures = 0;
  int64_t first_ns = INT64_MAX;
  int64_t last_ns = 0;
  TWOFOLD_RETURN_IF_ERROR(ForEachRow(rows, [&](const Statement& row) {
    ++captures;
    // What other programs recorded tells neither host nor time.
    std::string host(row.Text(0));
    if (!host.empty() && std::find(hosts.begin(), hosts.end(), host) == hosts.end()) {
      hosts.push_back(host);
    }
    std::string file(row.Text(1) == "-" ? "standard input" : row.Text(1));
    single = (host.empty() ? "" : "Host " + host + ", ") + file;
    int64_t start_ns = row.Int(2);
    if (start_ns != 0) {
      first_ns = std::min(first_ns, start_ns);
      last_ns = std::max(last_ns, start_ns);
      single += ", recorded " + FormatUtc(start_ns);
    }
    single += ScopeText(row);
  }));
  if (captures == 1) return single;
  std::string text = FormatCount(captures, " capture", " captures");
  if (!hosts.empty()) {
    text += " of " + FormatCount(hosts.size(), " host", " hosts") + " (" + Joined(hosts) + ")";
  }
  if (last_ns != 0) text += ", recorded " + FormatUtc(first_ns);
  if (last_ns > first_ns) text += " to " + FormatUtc(last_ns);
  return text;
}

std::string FiltersText(const Arguments& arguments) {
  std::string words;
  auto append = [&](std::string_view option, bool takes_value) {
    if (!arguments.Has(option)) return;
    words += "--" + std::string(option) + std::string(1, '\0');
    if (takes_value) words += arguments.Get(option) + std::string(1, '\0');
  };
  for (const Filter* filter : Filters()) append(filter->option, true);
  for (const StackFilter* filter : StackFilters()) {
    append(filter->option, !filter->value_name.empty());
  }
  return ShellWords(words);
}

}  // namespace twofold
