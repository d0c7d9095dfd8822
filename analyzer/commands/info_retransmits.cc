// twofold info: what TCP sent again.
#include "analyzer/commands/info_parts.h"
#include "analyzer/text/units.h"

namespace twofold {

Result<std::string> DescribeRetransmits(Database& database, int64_t capture_id) {
  Result<int64_t> recorded = database.QueryInt(
      "SELECT count(*) FROM interval WHERE capture_id = ? AND has_retransmits <> 0", {capture_id});
  if (!recorded) return std::move(recorded).error();
  if (*recorded == 0) return std::string();
  Result<Statement> row = FirstRow(
      database,
      "SELECT coalesce(sum(segments), 0), coalesce(sum(count), 0), coalesce(sum(bytes), 0),"
      " coalesce(sum(CASE failed WHEN 1 THEN count END), 0),"
      " (SELECT count(*) FROM (SELECT DISTINCT net_namespace, local, remote FROM tcp"
      "   WHERE capture_id = ?1 AND loss IS NULL))"
      " FROM tcp WHERE capture_id = ?1 AND loss IS NULL",
      capture_id);
  if (!row) return std::move(row).error();
  auto count = [&](int column, const char* one, const char* more) {
    return FormatCount(static_cast<uint64_t>(row->Int(column)), one, more);
  };
  std::string out = "\nTCP\n";
  out +=
      InfoLine("sent again", count(0, " segment", " segments") + " in " +
                                 count(1, " packet", " packets") + ", " + FormatBytes(row->Int(2)) +
                                 ", on " + count(4, " connection", " connections"));
  if (row->Int(3) > 0) out += InfoLine("not sent", count(3, " packet", " packets"));
  Result<Statement> kinds = database.Prepare(
      "SELECT kind, sum(segments) AS segments FROM tcp WHERE capture_id = ? AND loss IS NULL"
      " GROUP BY kind ORDER BY segments DESC, kind",
      {capture_id});
  if (!kinds) return std::move(kinds).error();
  std::string text;
  while (true) {
    Result<bool> there = kinds->Step();
    if (!there) return std::move(there).error();
    if (!*there) break;
    text +=
        (text.empty() ? "" : ", ") + std::string(kinds->Text(0)) + " " + FormatCount(kinds->Int(1));
  }
  if (!text.empty()) out += InfoLine("segments by", text);
  return out;
}

}  // namespace twofold
