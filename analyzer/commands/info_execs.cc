// twofold info: executed programs.
#include "analyzer/commands/info_parts.h"
#include "format/base/units.h"

namespace twofold {

Result<std::string> DescribeExecs(Database& database, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(
      int64_t recorded,
      database.QueryInt("SELECT count(*) FROM interval WHERE capture_id = ? AND has_execs <> 0",
                        {capture_id}));
  if (recorded == 0) return std::string();
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement row,
      FirstRow(
          database,
          "SELECT count(*) - count(error), count(error),"
          " (SELECT arguments FROM capture WHERE capture_id = ?1) FROM exec WHERE capture_id = ?1",
          capture_id));
  std::string out = "\nExecuted programs\n";
  out += InfoLine("executed",
                  FormatCount(row.Int(0)) + (row.Int(2) != 0 ? ", with their arguments" : ""));
  if (row.Int(1) == 0) return out;
  std::string text = FormatCount(uint64_t(row.Int(1)), " attempt", " attempts");
  const char* before = ": ";
  TWOFOLD_RETURN_IF_ERROR(ForEachRow(
      database,
      "SELECT coalesce(error_name, 'errno ' || error), count(*) FROM exec"
      " WHERE capture_id = ? AND error IS NOT NULL GROUP BY error ORDER BY 2 DESC, error LIMIT 5",
      {capture_id}, [&](const Statement& row) {
        text += before + std::string(row.Text(0)) + " " + FormatCount(row.Int(1));
        before = ", ";
      }));
  return out + InfoLine("failed", text);
}

}  // namespace twofold
