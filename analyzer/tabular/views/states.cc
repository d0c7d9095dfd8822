// The table "states": one row per thread or process, its time by state. As the SQL view states, but
// of the intervals that the filters select, and by process where that is asked for.
#include "analyzer/tabular/view.h"
#include "analyzer/text/units.h"

namespace twofold {
namespace {

enum class Group { kThread, kProcess, kAll };

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

// Columns of the query: capture_id, pid, tid, threads, process name, thread name, and the times.
constexpr int kCapture = 0;
constexpr int kPid = 1;
constexpr int kTid = 2;
constexpr int kThreads = 3;
constexpr int kProcessName = 4;
constexpr int kThreadName = 5;
constexpr int kFirstTime = 6;

RowsOf RowsOfStates(const TabularRequest& request) {
  return request.rows_of.value_or(RowsOf::kThread);
}

std::string Query(const TabularRequest& request, Group group, std::vector<SqlValue>& parameters) {
  std::string where = WhereText(request.conditions, parameters);
  std::string key = group == Group::kThread ? "thread_id" : "'all'";
  if (group == Group::kProcess) key = "process_id";
  return "WITH part AS ("
         " SELECT account.*,"
         " (SELECT process_id FROM thread WHERE thread.thread_id = account.thread_id) AS process_id"
         " FROM account"
         "), total AS ("
         " SELECT min(process_id) AS process_id, min(thread_id) AS thread_id,"
         " count(DISTINCT thread_id) AS threads, sum(existed_ns) AS existed_ns,"
         " sum(on_cpu_ns) AS on_cpu_ns, sum(user_ns) AS known_user_ns,"
         " sum(user_ns) + sum(system_ns) AS known_ns,"
         " sum(woken_ns) AS woken_ns, sum(preempted_ns) AS preempted_ns,"
         " sum(interruptible_ns) AS interruptible_ns,"
         " sum(uninterruptible_ns) AS uninterruptible_ns, sum(stopped_ns) AS stopped_ns,"
         " sum(traced_ns) AS traced_ns, sum(parked_ns) AS parked_ns, sum(idle_ns) AS idle_ns,"
         " sum(other_ns) AS other_ns FROM part" +
         where + " GROUP BY " + key +
         "), divided AS ("
         " SELECT *, CASE WHEN known_ns = on_cpu_ns THEN known_user_ns"
         " WHEN known_ns > 0"
         " THEN CAST(round(on_cpu_ns * (1.0 * known_user_ns / known_ns)) AS INTEGER)"
         " END AS user_ns,"
         " stopped_ns + traced_ns + parked_ns + idle_ns + other_ns AS rest_ns FROM total"
         ") SELECT process.capture_id, process.pid, thread.tid, threads, process.name, thread.name,"
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
  Result<int64_t> accounted =
      database.QueryInt("SELECT count(*) FROM interval WHERE has_accounts <> 0");
  if (!accounted) return std::move(accounted).error();
  if (*accounted == 0) {
    return Error{"the table states needs accounts of threads, and the capture holds none", "",
                 "Record again with this version of twofold-record"};
  }
  Result<int64_t> captures = database.QueryInt("SELECT count(*) FROM capture");
  if (!captures) return std::move(captures).error();
  Result<std::vector<std::string>> notes =
      MissingNotes(database, "has_accounts", "accounts of threads");
  if (!notes) return std::move(notes).error();
  bool of_threads = RowsOfStates(request) == RowsOf::kThread;
  Tabular tabular;
  tabular.notes = std::move(*notes);
  tabular.caption = "CPU to other in per cent of existed; S and D: blocked, letters as in ps";
  tabular.columns = {{"capture_id", *captures > 1 ? "in" : "", CellKind::kNumber},
                     {"pid", "pid", CellKind::kNumber}};
  if (of_threads) {
    tabular.columns.push_back({"tid", "tid", CellKind::kNumber});
  } else {
    tabular.columns.push_back({"threads", "threads", CellKind::kNumber});
  }
  for (const TimeColumn& time : kTimes) {
    tabular.columns.push_back({time.name, time.heading, time.kind});
  }
  tabular.columns.push_back({"process", of_threads ? "" : "process", CellKind::kText});
  if (of_threads) tabular.columns.push_back({"thread", "thread", CellKind::kText});
  return tabular;
}

// Cells of a row of the query, in the order of Shape.
std::vector<TabularCell> Cells(const Statement& row, Group group, RowsOf rows_of) {
  bool of_threads = rows_of == RowsOf::kThread;
  std::vector<TabularCell> cells;
  if (group == Group::kAll) {
    cells = {{}, std::string("total"), {}};
    if (!of_threads) cells[2] = row.Int(kThreads);
  } else {
    cells = {row.Int(kCapture), row.Int(kPid), row.Int(of_threads ? kTid : kThreads)};
  }
  for (size_t i = 0; i < std::size(kTimes); ++i) {
    cells.push_back(NumberOrNothing(row, kFirstTime + static_cast<int>(i)));
  }
  if (group == Group::kAll) {
    cells.emplace_back();
    if (of_threads) {
      int64_t threads = row.Int(kThreads);
      cells.emplace_back(FormatCount(threads) + (threads == 1 ? " thread" : " threads"));
    }
  } else {
    cells.emplace_back(std::string(row.Text(kProcessName)));
    if (of_threads) cells.emplace_back(std::string(row.Text(kThreadName)));
  }
  return cells;
}

}  // namespace

Result<Tabular> MakeStates(Database& database, const TabularRequest& request) {
  if (request.divided_by == DividedBy::kKind) return MakeStatesByKind(database, request);
  Result<Tabular> tabular = Shape(database, request);
  if (!tabular) return tabular;
  RowsOf rows_of = RowsOfStates(request);
  Group rows = rows_of == RowsOf::kThread ? Group::kThread : Group::kProcess;
  for (Group group : {rows, Group::kAll}) {
    std::vector<SqlValue> parameters;
    std::string sql = Query(request, group, parameters);
    Result<Statement> statement = database.Prepare(sql, parameters);
    if (!statement) return std::move(statement).error();
    while (true) {
      Result<bool> row = statement->Step();
      if (!row) return std::move(row).error();
      if (!*row) break;
      TWOFOLD_RETURN_IF_ERROR(CheckRow(*statement));
      std::vector<TabularCell> cells = Cells(*statement, group, rows_of);
      if (group == Group::kAll) {
        tabular->total = std::move(cells);
      } else {
        tabular->rows.push_back(std::move(cells));
      }
    }
  }
  return tabular;
}

}  // namespace twofold
