// What the rows of tables of threads are (RowsOf): how they are grouped, and the columns that tell
// which one a row is, before and behind its numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analyzer/tabular/tabular.h"
#include "analyzer/tabular/view.h"

namespace twofold {

// Of a row; of several threads or processes those of the first one.
struct RowIdentity {
  int64_t capture_id = 0;
  int64_t pid = 0;
  int64_t tid = 0;
  int64_t threads = 0;
  std::string process;
  std::string thread;
  std::string cgroup;  // empty: it is not known
};

// SQL: what rows of the table `alias`, which has the columns thread_id and process_id, are grouped
// by. Not the number of a capture: threads of one name are one row, whatever host they are of.
std::string GroupKey(RowsOf rows_of, const std::string& alias);

// SQL: how many threads the rows of a group are of. A thread that changed its name, program or
// control group has several thread_ids.
std::string ThreadCount(const std::string& alias);

// "threads", "processes" ...: what so many rows are.
std::string RowsText(RowsOf rows_of, size_t count);

// The note of a table that shows the first `limit` of `all` rows and sums up the others.
std::string LimitNote(size_t limit, size_t all, RowsOf rows_of);

std::vector<TabularColumn> FirstColumns(RowsOf rows_of, bool several_captures);
std::vector<TabularColumn> LastColumns(RowsOf rows_of);

// Cells of these columns.
std::vector<TabularCell> FirstCells(RowsOf rows_of, const RowIdentity& row);
std::vector<TabularCell> LastCells(RowsOf rows_of, const RowIdentity& row);

// The same of a line that sums up rows: "total", "rest".
std::vector<TabularCell> FirstCellsOfSum(RowsOf rows_of, const std::string& label, int64_t threads);
std::vector<TabularCell> LastCellsOfSum(RowsOf rows_of, const std::string& label, int64_t threads);

}  // namespace twofold
