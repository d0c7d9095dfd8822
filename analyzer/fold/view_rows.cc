#include "analyzer/fold/view_rows.h"

#include <algorithm>

namespace twofold {

bool Takes(const View& view, std::string_view column) {
  if (column == "thread_id" || column == "process_id" || column == "interval_id") return true;
  return std::find(view.filter_columns.begin(), view.filter_columns.end(), column) !=
         view.filter_columns.end();
}

Result<void> CheckConditions(const View& view, const std::vector<Condition>& conditions) {
  for (const Condition& condition : conditions) {
    std::string option = "--" + std::string(condition.option);
    if (!Takes(view, condition.column)) {
      return Error{"the view " + std::string(view.name) + " cannot be filtered so", option, "",
                   Error::Kind::kUsage};
    }
    bool is_of_end = condition.column == view.default_filter_column;
    if (is_of_end && IsGrowth(view, conditions)) {
      return Error{"a part of the window shows growth, whatever its age", option,
                   "Leave it out, or leave out --from and --to", Error::Kind::kUsage};
    }
  }
  return {};
}

std::vector<Condition> WithDefault(const View& view, const std::vector<Condition>& conditions) {
  std::vector<Condition> all = conditions;
  bool is_given = std::any_of(all.begin(), all.end(), [&](const Condition& condition) {
    return condition.column == view.default_filter_column;
  });
  if (!view.default_condition.empty() && !is_given) {
    all.push_back({.sql = std::string(view.default_condition)});
  }
  return all;
}

std::string FrameColumns(const View& view) {
  std::string columns;
  for (std::string_view column : view.leading_frames) columns += ", " + std::string(column);
  if (!view.last_frame.empty()) columns += ", " + std::string(view.last_frame);
  return columns;
}

bool IsGrowth(const View& view, const std::vector<Condition>& conditions) {
  return !view.growth_view.empty() &&
         std::any_of(conditions.begin(), conditions.end(),
                     [](const Condition& condition) { return condition.selects_part_of_window; });
}

GrowthQuery GrowthOf(const View& view, const std::vector<Condition>& conditions) {
  std::string value(view.value_column);
  GrowthQuery query;
  query.sql =
      "SELECT thread_id, kernel_stack_id, user_stack_id, loss, special_frame, kind,"
      " max(sum(count), 0) AS count, sum(" +
      value + ") AS " + value + " FROM " + std::string(view.growth_view);
  for (size_t i = 0; i < conditions.size(); ++i) {
    query.sql += (i == 0 ? " WHERE " : " AND ") + conditions[i].sql;
    query.parameters.insert(query.parameters.end(), conditions[i].parameters.begin(),
                            conditions[i].parameters.end());
  }
  query.sql += " GROUP BY thread_id, kind, kernel_stack_id, user_stack_id, special_frame";
  return query;
}

}  // namespace twofold
