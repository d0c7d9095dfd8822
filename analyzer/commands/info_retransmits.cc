// twofold info: what TCP sent again.
#include "analyzer/commands/info_parts.h"
#include "format/base/units.h"

namespace twofold {

Result<std::string> DescribeRetransmits(Database& database, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(
      int64_t recorded,
      database.QueryInt(
          "SELECT count(*) FROM interval WHERE capture_id = ? AND has_retransmits <> 0",
          {capture_id}));
  if (recorded == 0) return std::string();
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement row,
      FirstRow(
          database,
          "SELECT coalesce(sum(segments), 0), coalesce(sum(count), 0), coalesce(sum(bytes), 0),"
          " coalesce(sum(CASE failed WHEN 1 THEN count END), 0),"
          " (SELECT count(*) FROM (SELECT DISTINCT net_namespace, local, remote FROM tcp"
          "   WHERE capture_id = ?1 AND loss IS NULL))"
          " FROM tcp WHERE capture_id = ?1 AND loss IS NULL",
          capture_id));
  auto count = [&](int column, const char* one, const char* more) {
    return FormatCount(uint64_t(row.Int(column)), one, more);
  };
  std::string out = "\nTCP\n";
  out +=
      InfoLine("sent again", count(0, " segment", " segments") + " in " +
                                 count(1, " packet", " packets") + ", " + FormatBytes(row.Int(2)) +
                                 ", on " + count(4, " connection", " connections"));
  if (row.Int(3) > 0) out += InfoLine("not sent", count(3, " packet", " packets"));
  std::string text;
  TWOFOLD_RETURN_IF_ERROR(ForEachRow(
      database,
      "SELECT kind, sum(segments) AS segments FROM tcp WHERE capture_id = ? AND loss IS NULL"
      " GROUP BY kind ORDER BY segments DESC, kind",
      {capture_id}, [&](const Statement& row) {
        text +=
            (text.empty() ? "" : ", ") + std::string(row.Text(0)) + " " + FormatCount(row.Int(1));
      }));
  if (!text.empty()) out += InfoLine("segments by", text);
  return out;
}

}  // namespace twofold
