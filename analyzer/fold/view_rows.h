// Which rows of its SQL view a view shows under a list of filters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analyzer/data/database.h"
#include "analyzer/fold/filter.h"
#include "analyzer/fold/view.h"
#include "format/base/result.h"

namespace twofold {

// Whether rows of the view have that column to filter by (Filter::column).
bool Takes(const View& view, std::string_view column);

// Error: a condition is none that rows of the view can be filtered by; names its option.
Result<void> CheckConditions(const View& view, const std::vector<Condition>& conditions);

// The conditions, with the view's own where none takes its place.
std::vector<Condition> WithDefault(const View& view, const std::vector<Condition>& conditions);

// ", COLUMN" for each of View::leading_frames and then View::last_frame.
std::string FrameColumns(const View& view);

// Whether the conditions select a part of the window of a view that then shows growth.
bool IsGrowth(const View& view, const std::vector<Condition>& conditions);

// The rows of growth, added up over the part of the window: the columns thread_id, kernel_stack_id,
// user_stack_id, loss, special_frame, kind, count and the view's value, which may be negative.
struct GrowthQuery {
  std::string sql;
  std::vector<SqlValue> parameters;
};
GrowthQuery GrowthOf(const View& view, const std::vector<Condition>& conditions);

}  // namespace twofold
