#include "analyzer/tabular/view.h"

#include <algorithm>
#include <string>

#include "analyzer/cli/suggest.h"

namespace twofold {

const std::vector<TabularView>& TabularViews() {
  static const std::vector<TabularView> views = {
      {"states",
       "where the time of every thread went, exactly: on a CPU, waiting for one, blocked",
       {"process_id", "thread_id", "interval_id"},
       MakeStates},
  };
  return views;
}

Result<const TabularView*> FindTabularView(std::string_view name) {
  std::vector<std::string_view> names;
  for (const TabularView& view : TabularViews()) {
    if (view.name == name) return &view;
    names.push_back(view.name);
  }
  return Error{"there is no table '" + std::string(name) + "'", "--view", Suggestion(name, names),
               Error::Kind::kUsage};
}

Result<RowsOf> ParseRowsOf(std::string_view name) {
  if (name == "thread") return RowsOf::kThread;
  if (name == "process") return RowsOf::kProcess;
  return Error{"there are no rows of '" + std::string(name) + "'", "--root",
               Suggestion(name, {"thread", "process"}), Error::Kind::kUsage};
}

bool Takes(const TabularView& view, const Filter& filter) {
  const std::vector<std::string_view>& columns = view.filter_columns;
  return std::find(columns.begin(), columns.end(), filter.column) != columns.end();
}

}  // namespace twofold
