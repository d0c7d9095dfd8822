// Captures as SQL tables without copying: every table of sql/schema.sql that holds rows of a
// capture exists here as a virtual table over the structs in memory. One command's work reads them
// as they are; `load` copies them with INSERT ... SELECT. Which field is which column is in
// the files *_columns.cc.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analyzer/data/block_ends.h"
#include "analyzer/data/cpu_scaling.h"
#include "analyzer/data/database.h"
#include "analyzer/data/off_cpu_scaling.h"
#include "format/base/result.h"
#include "format/capture.h"

namespace twofold {

// Added to the ids of a capture so that several captures fit in one database.
struct IdOffsets {
  int64_t damage = 0;
  int64_t module = 0;
  int64_t frame = 0;
  int64_t stack = 0;
  int64_t process = 0;
  int64_t thread = 0;
  int64_t waker = 0;
  int64_t chain = 0;
  int64_t interval = 0;
  int64_t event_sample = 0;
  int64_t counter = 0;
  int64_t unplaced = 0;
  std::array<int64_t, kRowTableCount> rows = {};  // by table of kRowTables
  template <typename Row>
  int64_t Of() const {
    return rows[RowTableIndex<Row>()];
  }
};

// Row `row` of interval `interval`, for the tables that lie in intervals.
struct RowPlace {
  uint32_t interval;
  uint32_t row;
};

// A capture, prepared for reading row by row. The capture is borrowed and must outlive the source,
// and the source must outlive the tables made from it.
struct CaptureSource {
  CaptureSource(const Capture& capture, std::string file_name, int64_t capture_id,
                const IdOffsets& offsets);

  const Capture& capture;
  std::string file_name;
  int64_t capture_id;
  IdOffsets offsets;

  std::string sources;  // settings as the table capture shows them
  std::string pids;
  std::string tids;
  int64_t window_ns = 0;
  std::array<std::vector<RowPlace>, kRowTableCount> places;  // by table of kRowTables
  template <typename Row>
  const std::vector<RowPlace>& PlacesOf() const {
    return places[RowTableIndex<Row>()];
  }
  std::vector<RowPlace> event_rows;      // rows of Interval::cpu that count events instead of time
  std::vector<RowPlace> counter_totals;  // row 0: of cycles, 1: of instructions
  std::vector<size_t> first_retransmit;  // by interval: where its retransmits begin among all
  std::vector<std::string> exec_arguments;  // by exec row, as a shell would read them
  CpuScaling cpu_scaling;
  OffCpuScaling off_cpu_scaling;
  std::vector<BlockEnd> block_ends;     // by blocked row
  std::vector<int64_t> process_end_ns;  // by process index; kNoEnd: none
  static constexpr int64_t kNoEnd = INT64_MIN;
  std::vector<std::optional<uint32_t>> exit_statuses;  // by process index, as in ProcessEnd
  std::vector<StringId> thread_cgroups;                // by thread index
  // By the string of the cgroup's path; those that are in no container are not there.
  std::unordered_map<uint32_t, std::string> container_ids;
  std::vector<ProcessId> next_images;  // by process index, that exec put in its place; 0: none

  // Rows that tables of this source have handed out, for a progress display.
  std::atomic<uint64_t> rows_read{0};
  uint64_t TotalRows() const;
};

// What a column of a row holds.
struct ColumnValue {
  enum class Kind { kNull, kInt, kText };
  Kind kind = Kind::kNull;
  int64_t number = 0;
  std::string_view text;  // lives as long as the capture
};

struct CaptureColumn {
  std::string declaration;  // "thread_id INTEGER"
  ColumnValue (*value)(const CaptureSource& source, size_t row);
};

// Column 0 of every table is its integer primary key, which counts up by one from row to row.
struct CaptureTable {
  const char* name;  // as in sql/schema.sql
  // What is added to its keys; nullptr: nothing of its own.
  int64_t* (*offset)(IdOffsets& offsets);
  size_t (*row_count)(const CaptureSource& source);
  std::vector<CaptureColumn> columns;  // in the order of sql/schema.sql
};

const std::vector<CaptureTable>& CaptureTables();

// Creates the tables of `source` in `database`: each under its own name, or as temp.source_NAME
// when `as_temporary_source` is set. Virtual tables take part in views and queries like others, but
// have no index except their primary key.
Result<void> CreateCaptureTables(Database& database, CaptureSource& source,
                                 bool as_temporary_source);

}  // namespace twofold
