#include "analyzer/fold/growth_notes.h"

#include <algorithm>

#include "analyzer/fold/view_rows.h"
#include "format/base/units.h"

namespace twofold {
namespace {

Result<std::vector<std::string>> NotesOnEnds(Database& database) {
  std::vector<std::string> notes;
  TWOFOLD_RETURN_IF_ERROR(ForEachRow(
      database,
      "SELECT capture.file_name,"
      " (SELECT max(end_ns) FROM interval WHERE interval.capture_id = capture.capture_id"
      "  AND has_outstanding = 1),"
      " (SELECT max(end_ns) FROM interval WHERE interval.capture_id = capture.capture_id)"
      " FROM capture WHERE EXISTS (SELECT 1 FROM interval"
      "  WHERE interval.capture_id = capture.capture_id AND has_allocations = 1)"
      " ORDER BY capture.capture_id",
      {}, [&](const Statement& row) {
        std::string name(row.Text(0));
        if (row.IsNull(1)) {
          notes.push_back(
              name +
              " does not tell what was left at its end: memory that was allocated and not "
              "freed is shown, whatever its age");
        } else if (row.Int(1) < row.Int(2)) {
          notes.push_back(name + " tells what was left " + FormatDuration(row.Int(1)) +
                          " after the start, and not at its end");
        }
      }));
  return notes;
}

Result<std::vector<std::string>> NotesOnYoung(Database& database, const View& view,
                                              const std::vector<Condition>& conditions) {
  bool all_ages = std::any_of(conditions.begin(), conditions.end(), [&](const Condition& given) {
    return given.column == view.default_filter_column;
  });
  if (all_ages) return std::vector<std::string>();
  std::string sql =
      "SELECT sum(bytes), max((SELECT max(leak_age_ns) FROM capture)) FROM memleak"
      " WHERE age = 0";
  std::vector<SqlValue> parameters;
  for (const Condition& condition : conditions) {
    sql += " AND " + condition.sql;
    parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
  }
  TWOFOLD_ASSIGN_OR_RETURN(Statement row, database.Prepare(sql, parameters));
  TWOFOLD_RETURN_IF_ERROR(row.Step());
  if (row.Int(0) <= 0) return std::vector<std::string>();
  return std::vector<std::string>{FormatBytes(row.Int(0)) + " younger than " +
                                  FormatDuration(row.Int(1)) +
                                  " are left out; --min-age 0 shows all"};
}

Result<std::vector<std::string>> NotesOnPart(Database& database, const View& view,
                                             const std::vector<Condition>& conditions) {
  GrowthQuery query = GrowthOf(view, conditions);
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement row, database.Prepare("SELECT sum(bytes) FROM (" + query.sql + ") WHERE bytes < 0",
                                      query.parameters));
  TWOFOLD_RETURN_IF_ERROR(row.Step());
  std::string note = "shows how memory grew in that time: allocated less freed, whatever its age";
  int64_t shrunk = row.Int(0);
  if (shrunk < 0) {
    note += "; stacks that freed " + FormatBytes(-std::max<int64_t>(shrunk, -INT64_MAX)) +
            " more than they allocated are left out";
  }
  return std::vector<std::string>{note};
}

}  // namespace

Result<std::vector<std::string>> NotesOnGrowth(Database& database, const View& view,
                                               const std::vector<Condition>& conditions) {
  if (view.growth_view.empty()) return std::vector<std::string>();
  if (IsGrowth(view, conditions)) return NotesOnPart(database, view, conditions);
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> notes, NotesOnEnds(database));
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> young,
                           NotesOnYoung(database, view, conditions));
  notes.insert(notes.end(), young.begin(), young.end());
  return notes;
}

}  // namespace twofold
