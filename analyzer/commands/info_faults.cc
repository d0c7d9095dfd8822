// twofold info: page faults, minor and major.
#include "analyzer/commands/info_parts.h"
#include "analyzer/fold/view.h"
#include "format/base/units.h"

namespace twofold {

Result<std::string> DescribeFaults(Database& database, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(
      int64_t recorded,
      database.QueryInt(
          "SELECT count(*) FROM interval WHERE capture_id = ? AND has_page_faults <> 0",
          {capture_id}));
  if (recorded == 0) return std::string();
  std::string out = "\nPage faults\n";
  for (const char* kind : {"minor", "major"}) {
    TWOFOLD_ASSIGN_OR_RETURN(
        Statement row,
        database.Prepare("SELECT coalesce(sum(pages), 0), CAST(min(total(bytes), 9e18) AS INTEGER),"
                         " coalesce(total(variance_pages2), 0), coalesce(sum(samples), 0),"
                         " coalesce(sum(CASE WHEN kernel_stack_id IS NOT NULL THEN pages END), 0)"
                         " FROM page_fault JOIN interval USING (interval_id)"
                         " WHERE capture_id = ? AND kind = ?",
                         {capture_id, std::string(kind)}));
    TWOFOLD_RETURN_IF_ERROR(row.Step());
    const auto pages = uint64_t(row.Int(0));
    std::string text = FormatEstimate(Unit::kPages, pages, double(row.Int(2)));
    if (pages > 0) {
      text += ", " + FormatBytes(row.Int(1)) + "; " +
              FormatCount(uint64_t(row.Int(3)), " sample", " samples") + "; " +
              FormatShare(double(row.Int(4)), double(pages)) + " in the kernel";
    }
    out += InfoLine(kind, text);
  }
  return out;
}

}  // namespace twofold
