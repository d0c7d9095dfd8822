#include "analyzer/data/losses.h"

#include <algorithm>

namespace twofold {
namespace {

LossCause CauseOf(int64_t number) {
  bool possible = number >= 0 && number <= UINT16_MAX;
  return possible ? static_cast<LossCause>(number) : LossCause::kUnknown;
}

}  // namespace

Result<std::vector<LossTotal>> LossTotals(Database& database, int64_t capture_id) {
  std::vector<LossTotal> totals;
  TWOFOLD_RETURN_IF_ERROR(ForEachRow(
      database,
      "SELECT loss.cause, loss.source, sum(loss.count), sum(loss.time_ns), max(loss.in_rows) "
      "FROM loss JOIN interval ON interval.interval_id = loss.interval_id "
      "WHERE interval.capture_id = ? AND (loss.count > 0 OR loss.time_ns > 0) "
      "GROUP BY loss.cause, loss.source ORDER BY loss.cause, loss.source",
      {capture_id}, [&](const Statement& row) {
        totals.push_back({GetLossInfo(CauseOf(row.Int(0))), std::string(row.Text(1)), row.Int(2),
                          row.Int(3), row.Int(4) != 0});
      }));
  std::stable_sort(totals.begin(), totals.end(), [](const LossTotal& a, const LossTotal& b) {
    return a.info.severity > b.info.severity;
  });
  return totals;
}

Result<bool> HasLosses(Database& database) {
  bool any = false;
  TWOFOLD_RETURN_IF_ERROR(
      ForEachRow(database, "SELECT DISTINCT cause FROM loss WHERE count > 0 OR time_ns > 0", {},
                 [&](const Statement& row) {
                   any = any || GetLossInfo(CauseOf(row.Int(0))).severity != LossSeverity::kNotice;
                 }));
  return any;
}

bool HasLosses(const Capture& capture) {
  for (const Interval& interval : capture.intervals) {
    for (const Loss& loss : interval.losses) {
      bool is_there = loss.count > 0 || loss.time_ns > 0;
      if (is_there && GetLossInfo(loss.cause).severity != LossSeverity::kNotice) return true;
    }
  }
  return false;
}

}  // namespace twofold
