// twofold info: what was allocated, and what of it was left.
#include "analyzer/commands/info_parts.h"
#include "analyzer/fold/view.h"
#include "format/base/units.h"

namespace twofold {
namespace {

std::string AmountText(int64_t bytes, int64_t count) {
  return FormatBytes(bytes) + " in " + FormatCount(uint64_t(count), " allocation", " allocations");
}

Result<std::string> DescribeSettings(Database& database, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement row, FirstRow(database,
                              "SELECT coalesce(leak_scope, ''), coalesce(leak_sample_bytes, 0)"
                              " FROM capture WHERE capture_id = ?",
                              capture_id));
  std::string scope(row.Text(0));
  std::string text = scope == "user"     ? "what programs allocate"
                     : scope == "kernel" ? "what the kernel allocates"
                                         : "of unknown scope";
  int64_t sample_bytes = row.Int(1);
  if (sample_bytes > 1) {
    text += "; every allocation from " + FormatBytes(sample_bytes) +
            " on, smaller ones by chance: numbers are estimates";
  }
  return InfoLine("scope", text);
}

// What was left, of which age.
Result<std::string> DescribeLeft(Database& database, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement row,
      FirstRow(database,
               "SELECT coalesce(sum(bytes), 0), coalesce(sum(count), 0), "
               "coalesce(total(variance_bytes2), 0),"
               " coalesce(sum(CASE WHEN age >= 1 THEN bytes END), 0),"
               " coalesce(total(CASE WHEN age >= 1 THEN variance_bytes2 END), 0),"
               " (SELECT coalesce(leak_age_ns, 0) FROM capture WHERE capture_id = ?1), count(age)"
               " FROM memleak WHERE capture_id = ?1 AND special_frame IS NULL",
               capture_id));
  auto estimate = [&](int value, int variance) {
    return FormatEstimate(Unit::kBytes, uint64_t(row.Int(value)), double(row.Int(variance)));
  };
  std::string text =
      estimate(0, 2) + " in " + FormatCount(uint64_t(row.Int(1)), " allocation", " allocations");
  if (row.Int(6) > 0) {
    text += "; of these " + estimate(3, 4) + " at least " + FormatDuration(row.Int(5)) + " old";
  } else if (row.Int(0) > 0) {
    text += ", of unknown age";
  }
  return InfoLine("not freed", text);
}

}  // namespace

Result<std::string> DescribeMemory(Database& database, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(
      int64_t recorded,
      database.QueryInt(
          "SELECT count(*) FROM interval WHERE capture_id = ? AND has_allocations <> 0",
          {capture_id}));
  if (recorded == 0) return std::string();
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement row,
      FirstRow(database,
               "SELECT coalesce(sum(allocated_bytes), 0), coalesce(sum(allocated_count), 0),"
               " coalesce(sum(freed_bytes), 0), coalesce(sum(freed_count), 0),"
               " coalesce(sum(untracked_bytes), 0), coalesce(sum(untracked_count), 0)"
               " FROM allocation JOIN interval USING (interval_id) WHERE capture_id = ?",
               capture_id));
  std::string out = "\nMemory\n";
  TWOFOLD_ASSIGN_OR_RETURN(std::string settings, DescribeSettings(database, capture_id));
  out += settings;
  out += InfoLine("allocated", AmountText(row.Int(0), row.Int(1)));
  out += InfoLine("freed", AmountText(row.Int(2), row.Int(3)));
  TWOFOLD_ASSIGN_OR_RETURN(std::string left, DescribeLeft(database, capture_id));
  out += left;
  if (row.Int(4) > 0 || row.Int(5) > 0) {
    out += InfoLine("untracked", AmountText(row.Int(4), row.Int(5)) +
                                     ", of which it is not known whether they were freed");
  }
  return out;
}

}  // namespace twofold
