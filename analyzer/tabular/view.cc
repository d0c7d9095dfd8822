#include "analyzer/tabular/view.h"

#include <algorithm>
#include <string>

#include "format/base/suggest.h"

namespace twofold {

const std::vector<TabularView>& TabularViews() {
  static const std::vector<TabularView> views = {
      {"states",
       "where the time of every thread went, exactly: on a CPU, waiting for one, blocked",
       {"root", "by", "limit", "wait-kinds"},
       {"process_id", "thread_id", "interval_id"},
       MakeStates},
      {"runq",
       "how long processes waited for a CPU: histograms",
       {"root", "limit"},
       {"process_id", "thread_id", "interval_id"},
       MakeRunQueue},
      {"longest",
       "the longest single blocks and waits, with stacks and what ended them",
       {"limit", "wait-kinds", "no-demangle"},
       {"process_id", "thread_id", "interval_id"},
       MakeLongest},
      {"tcp",
       "connections on which TCP sent packets again",
       {"limit"},
       {"process_id", "thread_id", "interval_id", "kind"},
       MakeTcp},
      {"exec",
       "programs that were executed, by time, and how they ended",
       {"limit"},
       {"process_id", "thread_id", "interval_id"},
       MakeExec},
      {"irq",
       "time in interrupts by handler, and the threads that they took most from",
       {"limit"},
       {"interval_id"},
       MakeIrq},
      {"top",
       "functions by their own time and by that of all stacks that they are in",
       {"root", "of", "limit", "no-demangle"},
       {"process_id", "thread_id", "interval_id", "state", "kind", "min_age_ns"},
       MakeTop},
  };
  return views;
}

std::vector<std::string_view> TableNames() {
  std::vector<std::string_view> names;
  for (const TabularView& view : TabularViews()) names.push_back(view.name);
  for (const View& view : Views()) {
    if (std::find(names.begin(), names.end(), view.name) == names.end()) names.push_back(view.name);
  }
  return names;
}

Result<TableChoice> FindTable(std::string_view name) {
  for (const TabularView& view : TabularViews()) {
    if (view.name == name) return TableChoice{&view, nullptr};
  }
  for (const View& view : Views()) {
    if (view.name != name) continue;
    Result<TableChoice> top = FindTable("top");
    if (top) top->of = &view;
    return top;
  }
  std::vector<std::string_view> names = TableNames();
  return Error{"there is no table '" + std::string(name) + "'", "--view", Suggestion(name, names),
               Error::Kind::kUsage};
}

const std::vector<std::string_view>& RowsOfNames() {
  static const std::vector<std::string_view> names = {"thread", "process", "comm", "cgroup",
                                                      "none"};
  return names;
}

Result<RowsOf> ParseRowsOf(std::string_view name) {
  const std::vector<std::string_view>& names = RowsOfNames();
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<RowsOf>(i);
  }
  return Error{"there are no rows of '" + std::string(name) + "'", "--root",
               Suggestion(name, names), Error::Kind::kUsage};
}

Result<DividedBy> ParseDividedBy(std::string_view name) {
  if (name == "state") return DividedBy::kState;
  if (name == "kind") return DividedBy::kKind;
  return Error{"blocked time cannot be divided by '" + std::string(name) + "'", "--by",
               Suggestion(name, {"state", "kind"}), Error::Kind::kUsage};
}

std::string WhereText(const std::vector<Condition>& conditions, std::vector<SqlValue>& parameters) {
  std::string where;
  for (const Condition& condition : conditions) {
    where += (where.empty() ? " WHERE " : " AND ") + condition.sql;
    parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
  }
  return where;
}

Result<std::vector<std::string>> MissingNotes(Database& database, std::string_view column,
                                              std::string_view what) {
  std::vector<std::string> notes;
  TWOFOLD_RETURN_IF_ERROR(ForEachRow(database,
                                     "SELECT file_name FROM capture WHERE NOT EXISTS ("
                                     " SELECT 1 FROM interval"
                                     " WHERE interval.capture_id = capture.capture_id AND " +
                                         std::string(column) + " <> 0) ORDER BY capture_id",
                                     {}, [&](const Statement& row) {
                                       notes.push_back(std::string(row.Text(0)) + " holds no " +
                                                       std::string(what));
                                     }));
  return notes;
}

bool Takes(const TabularView& view, const Filter& filter) {
  const std::vector<std::string_view>& columns = view.filter_columns;
  return std::find(columns.begin(), columns.end(), filter.column) != columns.end();
}

bool TakesOption(const TabularView& view, std::string_view option) {
  return std::find(view.options.begin(), view.options.end(), option) != view.options.end();
}

}  // namespace twofold
