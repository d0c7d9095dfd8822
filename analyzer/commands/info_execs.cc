// twofold info: executed programs.
#include "analyzer/commands/info_parts.h"
#include "analyzer/text/units.h"

namespace twofold {

Result<std::string> DescribeExecs(Database& database, int64_t capture_id) {
  Result<int64_t> recorded = database.QueryInt(
      "SELECT count(*) FROM interval WHERE capture_id = ? AND has_execs <> 0", {capture_id});
  if (!recorded) return std::move(recorded).error();
  if (*recorded == 0) return std::string();
  Result<Statement> row = FirstRow(
      database,
      "SELECT count(*) - count(error), count(error),"
      " (SELECT arguments FROM capture WHERE capture_id = ?1) FROM exec WHERE capture_id = ?1",
      capture_id);
  if (!row) return std::move(row).error();
  std::string out = "\nExecuted programs\n";
  out += InfoLine("executed",
                  FormatCount(row->Int(0)) + (row->Int(2) != 0 ? ", with their arguments" : ""));
  if (row->Int(1) == 0) return out;
  Result<Statement> errors = database.Prepare(
      "SELECT coalesce(error_name, 'errno ' || error), count(*) FROM exec"
      " WHERE capture_id = ? AND error IS NOT NULL GROUP BY error ORDER BY 2 DESC, error LIMIT 5",
      {capture_id});
  if (!errors) return std::move(errors).error();
  std::string text = FormatCount(static_cast<uint64_t>(row->Int(1)), " attempt", " attempts");
  const char* before = ": ";
  while (true) {
    Result<bool> there = errors->Step();
    if (!there) return std::move(there).error();
    if (!*there) break;
    text += before + std::string(errors->Text(0)) + " " + FormatCount(errors->Int(1));
    before = ", ";
  }
  return out + InfoLine("failed", text);
}

}  // namespace twofold
