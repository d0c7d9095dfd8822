// The table "states": one row per thread or process, its time by state. As the SQL view states, but
// of the intervals that the filters select, and by process where that is asked for.
#include <cmath>

#include "analyzer/tabular/row_groups.h"
#include "analyzer/tabular/view.h"
#include "format/base/units.h"

namespace twofold {
namespace {

// Times of the query below, in its order.
struct TimeColumn {
  const char* name;
  const char* heading;
  CellKind kind = CellKind::kShare;
};
constexpr TimeColumn kTimes[] = {
    {"existed_ns", "existed", CellKind::kDuration},
    {"on_cpu_ns", "CPU"},
    {"user_ns", "user"},
    {"system_ns", "kern"},
    {"woken_ns", "woken"},
    {"preempted_ns", "preem"},
    {"interruptible_ns", "S"},
    {"uninterruptible_ns", "D"},
    {"stopped_ns", ""},
    {"traced_ns", ""},
    {"parked_ns", ""},
    {"idle_ns", ""},
    {"other_ns", ""},
    {"", "other"},  // the last five together
    {"residue_ns", ""},
};

// Columns of the query: capture_id, pid, tid, threads, process name, thread name, cgroup, and the
// times.
constexpr int kCapture = 0;
constexpr int kPid = 1;
constexpr int kTid = 2;
constexpr int kThreads = 3;
constexpr int kProcessName = 4;
constexpr int kThreadName = 5;
constexpr int kCgroup = 6;
constexpr int kFirstTime = 7;

RowsOf RowsOfStates(const TabularRequest& request) {
  return request.rows_of.value_or(RowsOf::kThread);
}

std::string Query(const TabularRequest& request, RowsOf rows_of,
                  std::vector<SqlValue>& parameters) {
  std::string where = WhereText(request.conditions, parameters);
  return "WITH part AS ("
         " SELECT account.*,"
         " (SELECT process_id FROM thread WHERE thread.thread_id = account.thread_id) AS process_id"
         " FROM account"
         "), total AS ("
         " SELECT min(process_id) AS process_id, min(thread_id) AS thread_id,"
         " " +
         ThreadCount("part") +
         " AS threads, sum(existed_ns) AS existed_ns,"
         " sum(on_cpu_ns) AS on_cpu_ns, sum(user_ns) AS known_user_ns,"
         " sum(user_ns) + sum(system_ns) AS known_ns,"
         " sum(woken_ns) AS woken_ns, sum(preempted_ns) AS preempted_ns,"
         " sum(interruptible_ns) AS interruptible_ns,"
         " sum(uninterruptible_ns) AS uninterruptible_ns, sum(stopped_ns) AS stopped_ns,"
         " sum(traced_ns) AS traced_ns, sum(parked_ns) AS parked_ns, sum(idle_ns) AS idle_ns,"
         " sum(other_ns) AS other_ns FROM part" +
         where + " GROUP BY " + GroupKey(rows_of, "part") +
         "), divided AS ("
         " SELECT *, CASE WHEN known_ns = on_cpu_ns THEN known_user_ns"
         " WHEN known_ns > 0"
         " THEN CAST(round(on_cpu_ns * (1.0 * known_user_ns / known_ns)) AS INTEGER)"
         " END AS user_ns,"
         " stopped_ns + traced_ns + parked_ns + idle_ns + other_ns AS rest_ns FROM total"
         ") SELECT process.capture_id, process.pid, thread.tid, threads, process.name, thread.name,"
         " thread.cgroup,"
         " existed_ns, on_cpu_ns, user_ns, on_cpu_ns - user_ns, woken_ns, preempted_ns,"
         " interruptible_ns, uninterruptible_ns, stopped_ns, traced_ns, parked_ns, idle_ns,"
         " other_ns, rest_ns, on_cpu_ns + woken_ns + preempted_ns + interruptible_ns +"
         " uninterruptible_ns + rest_ns - existed_ns "
         "FROM divided LEFT JOIN thread ON thread.thread_id = divided.thread_id"
         " LEFT JOIN process ON process.process_id = divided.process_id "
         "ORDER BY on_cpu_ns DESC, process.capture_id, process.pid, thread.tid, divided.thread_id";
}

// Error: a row that no capture has.
Result<void> CheckRow(const Statement& row) {
  bool sound = !row.IsNull(kPid) && !row.IsNull(kTid);
  int column = kFirstTime;
  for (const TimeColumn& time : kTimes) {
    // SQLite makes sums that do not fit into reals.
    bool whole = row.Type(column) == SQLITE_INTEGER || row.IsNull(column);
    bool may_be_negative = std::string_view(time.name) == "residue_ns";
    sound = sound && whole && (may_be_negative || row.Int(column) >= 0);
    ++column;
  }
  if (sound) return {};
  return Error{"the table account holds a row that no capture has", "", "Load the captures again"};
}

TabularCell NumberOrNothing(const Statement& row, int column) {
  if (row.IsNull(column)) return {};
  return row.Int(column);
}

Result<Tabular> Shape(Database& database, const TabularRequest& request) {
  TWOFOLD_ASSIGN_OR_RETURN(
      int64_t accounted,
      database.QueryInt("SELECT count(*) FROM interval WHERE has_accounts <> 0"));
  if (accounted == 0) {
    return Error{"the table states needs accounts of threads, and the capture holds none", "",
                 "Record again with this version of twofold-record"};
  }
  TWOFOLD_ASSIGN_OR_RETURN(int64_t captures, database.QueryInt("SELECT count(*) FROM capture"));
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> notes,
                           MissingNotes(database, "has_accounts", "accounts of threads"));
  RowsOf rows_of = RowsOfStates(request);
  Tabular tabular;
  tabular.notes = std::move(notes);
  tabular.caption = "CPU to other in per cent of existed; S and D: blocked, letters as in ps";
  tabular.columns = FirstColumns(rows_of, captures > 1);
  for (const TimeColumn& time : kTimes) {
    tabular.columns.push_back({time.name, time.heading, time.kind});
  }
  for (TabularColumn& column : LastColumns(rows_of)) tabular.columns.push_back(std::move(column));
  return tabular;
}

void Append(std::vector<TabularCell>& cells, std::vector<TabularCell> more) {
  for (TabularCell& cell : more) cells.push_back(std::move(cell));
}

RowIdentity IdentityOf(const Statement& row) {
  return {row.Int(kCapture),
          row.Int(kPid),
          row.Int(kTid),
          row.Int(kThreads),
          std::string(row.Text(kProcessName)),
          std::string(row.Text(kThreadName)),
          std::string(row.Text(kCgroup))};
}

std::vector<TabularCell> TimesOf(const Statement& row) {
  std::vector<TabularCell> times;
  for (size_t i = 0; i < std::size(kTimes); ++i) {
    times.push_back(NumberOrNothing(row, kFirstTime + int(i)));
  }
  return times;
}

// What rows sum to that are not shown.
class Rest {
 public:
  void Add(const Statement& row) {
    threads_ += row.Int(kThreads);
    for (size_t i = 0; i < std::size(kTimes); ++i) {
      sums_[i] += row.Int(kFirstTime + int(i));
    }
    if (!row.IsNull(kFirstTime + kUser)) known_ns_ += row.Int(kFirstTime + kOnCpu);
    ++rows_;
  }

  size_t rows() const { return rows_; }

  std::vector<TabularCell> Cells(RowsOf rows_of) const {
    std::vector<TabularCell> cells = FirstCellsOfSum(rows_of, "rest", threads_);
    for (size_t i = 0; i < std::size(kTimes); ++i) cells.emplace_back(sums_[i]);
    // As in rows of several threads: those that no tick hit are taken to be like the others.
    size_t first = cells.size() - std::size(kTimes);
    cells[first + kUser] = cells[first + kSystem] = TabularCell();
    if (known_ns_ > 0) {
      int64_t user_ns =
          std::llround(double(sums_[kOnCpu]) * double(sums_[kUser]) / double(known_ns_));
      cells[first + kUser] = user_ns;
      cells[first + kSystem] = sums_[kOnCpu] - user_ns;
    }
    Append(cells, LastCellsOfSum(rows_of, "rest", threads_));
    return cells;
  }

 private:
  // Indices into kTimes.
  static constexpr int kOnCpu = 1;
  static constexpr int kUser = 2;
  static constexpr int kSystem = 3;

  size_t rows_ = 0;
  int64_t threads_ = 0;
  int64_t sums_[std::size(kTimes)] = {};
  int64_t known_ns_ = 0;  // CPU time of rows that ticks divided
};

// Calls `with(row)` for each row of the query.
template <typename With>
Result<void> ForEachAccount(Database& database, const TabularRequest& request, RowsOf rows_of,
                            With with) {
  std::vector<SqlValue> parameters;
  std::string sql = Query(request, rows_of, parameters);
  return ForEachRow(database, sql, parameters, [&](const Statement& row) -> Result<void> {
    TWOFOLD_RETURN_IF_ERROR(CheckRow(row));
    with(row);
    return {};
  });
}

}  // namespace

Result<Tabular> MakeStates(Database& database, const TabularRequest& request) {
  if (request.divided_by == DividedBy::kKind) return MakeStatesByKind(database, request);
  TWOFOLD_ASSIGN_OR_RETURN(Tabular tabular, Shape(database, request));
  RowsOf rows_of = RowsOfStates(request);
  Rest rest;
  TWOFOLD_RETURN_IF_ERROR(ForEachAccount(database, request, rows_of, [&](const Statement& row) {
    if (request.limit != 0 && tabular.rows.size() == request.limit) return rest.Add(row);
    RowIdentity identity = IdentityOf(row);
    std::vector<TabularCell> cells = FirstCells(rows_of, identity);
    Append(cells, TimesOf(row));
    Append(cells, LastCells(rows_of, identity));
    tabular.rows.push_back(std::move(cells));
  }));
  if (rest.rows() > 0) {
    tabular.rest = rest.Cells(rows_of);
    tabular.notes.push_back(LimitNote(request.limit, request.limit + rest.rows(), rows_of));
  }
  if (rows_of == RowsOf::kNone) return tabular;  // it is the total
  TWOFOLD_RETURN_IF_ERROR(
      ForEachAccount(database, request, RowsOf::kNone, [&](const Statement& row) {
        tabular.total = FirstCellsOfSum(rows_of, "total", row.Int(kThreads));
        Append(tabular.total, TimesOf(row));
        Append(tabular.total, LastCellsOfSum(rows_of, "total", row.Int(kThreads)));
      }));
  return tabular;
}

}  // namespace twofold
