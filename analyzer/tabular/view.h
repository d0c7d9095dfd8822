// Tabular views. One is a function in a file of its own in tabular/views/, plus one line in the
// list in view.cc. Outputs and filters work on any of them.
#pragma once

#include <string_view>
#include <vector>

#include "analyzer/data/database.h"
#include "analyzer/fold/filter.h"
#include "analyzer/tabular/tabular.h"
#include "format/base/result.h"

namespace twofold {

// What one row is.
enum class RowsOf { kThread, kProcess };

// Error: the name is unknown; suggests one.
Result<RowsOf> ParseRowsOf(std::string_view name);

struct TabularRequest {
  RowsOf rows_of = RowsOf::kThread;
  std::vector<Condition> conditions;  // all must hold
};

struct TabularView {
  std::string_view name;     // as --view has it
  std::string_view summary;  // for --help
  // The columns that its rows can be filtered by (Filter::column).
  std::vector<std::string_view> filter_columns;
  // Error: the capture did not record it, or the database cannot be read.
  Result<Tabular> (*make)(Database& database, const TabularRequest& request);
};

// All tabular views, in the order in which --help shows them.
const std::vector<TabularView>& TabularViews();

// Error: the name is unknown; suggests one.
Result<const TabularView*> FindTabularView(std::string_view name);

// Whether rows of the view can be filtered so.
bool Takes(const TabularView& view, const Filter& filter);

// Where the time of every thread or process went, by state.
Result<Tabular> MakeStates(Database& database, const TabularRequest& request);

}  // namespace twofold
