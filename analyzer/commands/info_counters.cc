// twofold info: what the hardware counters counted.
#include "analyzer/commands/info_parts.h"
#include "analyzer/fold/ratio.h"
#include "format/base/units.h"

namespace twofold {
namespace {

Result<std::string> DescribeEvent(Database& database, int64_t capture_id, const std::string& event,
                                  uint64_t samples) {
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement row,
      database.Prepare(
          "SELECT coalesce(sum(counted), 0), coalesce(sum(enabled_ns), 0),"
          " coalesce(sum(running_ns), 0) "
          "FROM counter JOIN interval USING (interval_id) WHERE capture_id = ? AND event = ?",
          {capture_id, event}));
  TWOFOLD_RETURN_IF_ERROR(row.Step());
  std::string text = FormatQuantity(uint64_t(row.Int(0))) + " on all CPUs; " +
                     FormatCount(samples, " sample", " samples") + " of what was recorded";
  if (row.Int(2) < row.Int(1)) {
    text += "; counted for " + FormatShare(double(row.Int(2)), double(row.Int(1))) +
            " of the time, since the counters had other users";
  }
  return InfoLine(event, text);
}

}  // namespace

Result<std::string> DescribeCounters(Database& database, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(
      int64_t recorded,
      database.QueryInt("SELECT count(*) FROM interval WHERE capture_id = ? AND has_counters <> 0",
                        {capture_id}));
  if (recorded == 0) return std::string();
  TWOFOLD_ASSIGN_OR_RETURN(Statement row,
                           FirstRow(database,
                                    "SELECT coalesce(sum(cycles), 0), coalesce(sum(count), 0),"
                                    " coalesce(sum(instructions), 0),"
                                    " coalesce(sum(instruction_samples), 0)"
                                    " FROM cpi WHERE capture_id = ?",
                                    capture_id));
  auto number = [&](int column) { return uint64_t(row.Int(column)); };
  RatioSums sums = {number(0), number(1), number(2), number(3)};
  std::string out = "\nHardware counters\n";
  for (bool of_cycles : {true, false}) {
    TWOFOLD_ASSIGN_OR_RETURN(
        std::string line, DescribeEvent(database, capture_id, of_cycles ? "cycles" : "instructions",
                                        of_cycles ? sums.count : sums.divisor_count));
    out += line;
  }
  return out + InfoLine("CPI", FormatRatio(sums) + " cycles per instruction of what was recorded");
}

}  // namespace twofold
