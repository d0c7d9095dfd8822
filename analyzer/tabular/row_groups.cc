#include "analyzer/tabular/row_groups.h"

#include "format/base/units.h"

namespace twofold {
namespace {

bool HasIds(RowsOf rows_of) { return rows_of == RowsOf::kThread || rows_of == RowsOf::kProcess; }

}  // namespace

std::string GroupKey(RowsOf rows_of, const std::string& alias) {
  switch (rows_of) {
    case RowsOf::kThread:
      return alias + ".thread_id";
    case RowsOf::kProcess:
      return alias + ".process_id";
    case RowsOf::kComm:
      return "(SELECT name FROM thread WHERE thread.thread_id = " + alias + ".thread_id)";
    case RowsOf::kCgroup:
      return "(SELECT coalesce(cgroup, '') FROM thread WHERE thread.thread_id = " + alias +
             ".thread_id)";
    case RowsOf::kNone:
      break;
  }
  return "'all'";
}

std::string ThreadCount(const std::string& alias) {
  return "count(DISTINCT (SELECT process.capture_id || ' ' || tid || ' ' || thread.start_ns FROM "
         "thread JOIN process ON process.process_id = thread.process_id WHERE thread.thread_id = " +
         alias + ".thread_id))";
}

std::string RowsText(RowsOf rows_of, size_t count) {
  switch (rows_of) {
    case RowsOf::kThread:
      return FormatCount(count, " thread", " threads");
    case RowsOf::kProcess:
      return FormatCount(count, " process", " processes");
    case RowsOf::kComm:
      return FormatCount(count, " name", " names");
    case RowsOf::kCgroup:
      return FormatCount(count, " control group", " control groups");
    case RowsOf::kNone:
      break;
  }
  return FormatCount(count, " row", " rows");
}

std::string LimitNote(size_t limit, size_t all, RowsOf rows_of) {
  return "shows the " + std::to_string(limit) + " with most CPU time of " + RowsText(rows_of, all) +
         ", and what the others sum to; --limit 0 shows all";
}

std::vector<TabularColumn> FirstColumns(RowsOf rows_of, bool several_captures) {
  if (!HasIds(rows_of)) return {{"threads", "threads", CellKind::kNumber}};
  std::vector<TabularColumn> columns = {
      {"capture_id", several_captures ? "in" : "", CellKind::kNumber},
      {"pid", "pid", CellKind::kNumber}};
  const char* last = rows_of == RowsOf::kThread ? "tid" : "threads";
  columns.push_back({last, last, CellKind::kNumber});
  return columns;
}

std::vector<TabularColumn> LastColumns(RowsOf rows_of) {
  switch (rows_of) {
    case RowsOf::kThread:
      return {{"process", "", CellKind::kText}, {"thread", "thread", CellKind::kText}};
    case RowsOf::kProcess:
      return {{"process", "process", CellKind::kText}};
    case RowsOf::kComm:
      return {{"thread", "thread", CellKind::kText}};
    case RowsOf::kCgroup:
      return {{"cgroup", "cgroup", CellKind::kText}};
    case RowsOf::kNone:
      break;
  }
  return {};
}

std::vector<TabularCell> FirstCells(RowsOf rows_of, const RowIdentity& row) {
  if (!HasIds(rows_of)) return {row.threads};
  return {row.capture_id, row.pid, rows_of == RowsOf::kThread ? row.tid : row.threads};
}

std::vector<TabularCell> LastCells(RowsOf rows_of, const RowIdentity& row) {
  switch (rows_of) {
    case RowsOf::kThread:
      return {row.process, row.thread};
    case RowsOf::kProcess:
      return {row.process};
    case RowsOf::kComm:
      return {row.thread};
    case RowsOf::kCgroup:
      return {row.cgroup.empty() ? "[no cgroup]" : row.cgroup};
    case RowsOf::kNone:
      break;
  }
  return {};
}

std::vector<TabularCell> FirstCellsOfSum(RowsOf rows_of, const std::string& label,
                                         int64_t threads) {
  if (!HasIds(rows_of)) return {threads};
  std::vector<TabularCell> cells = {{}, label, {}};
  if (rows_of != RowsOf::kThread) cells[2] = threads;
  return cells;
}

std::vector<TabularCell> LastCellsOfSum(RowsOf rows_of, const std::string& label, int64_t threads) {
  switch (rows_of) {
    case RowsOf::kThread:
      return {{}, FormatCount(threads) + (threads == 1 ? " thread" : " threads")};
    case RowsOf::kProcess:
      return {TabularCell()};
    case RowsOf::kComm:
    case RowsOf::kCgroup:
      return {label};
    case RowsOf::kNone:
      break;
  }
  return {};
}

}  // namespace twofold
