// The table "states --by kind": as states, but blocked time is divided by what was waited for
// (disk, lock, network ...), not by the kernel's state.
//
// How long a thread was blocked in each state is exact: its accounts tell. What it waited for is
// told by the stacks of its blocked rows, which may stand for more blocks than were looked at. So
// the exact time of each thread and state is shared among the kinds as its rows have it, and the
// kinds add up to it to the nanosecond.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "analyzer/tabular/row_groups.h"
#include "analyzer/tabular/stack_reader.h"
#include "analyzer/tabular/view.h"
#include "format/base/units.h"

namespace twofold {
namespace {

constexpr std::string_view kStates = "SDTtPI?";  // letters of the account's columns, in their order
constexpr size_t kShownKinds = 5;

using KindTimes = std::array<uint64_t, kWaitKinds>;

// A row of the table: a thread, a process, or all.
struct Times {
  std::set<std::array<int64_t, 3>>
      threads;  // capture, tid and start: a thread may have several rows
  int64_t existed_ns = 0;
  int64_t on_cpu_ns = 0;
  int64_t known_user_ns = 0;  // of threads and intervals in which ticks divided on_cpu_ns
  int64_t known_ns = 0;
  int64_t woken_ns = 0;
  int64_t preempted_ns = 0;
  int64_t blocked_ns = 0;
  KindTimes kinds = {};

  void Add(const Times& other) {
    threads.insert(other.threads.begin(), other.threads.end());
    existed_ns += other.existed_ns;
    on_cpu_ns += other.on_cpu_ns;
    known_user_ns += other.known_user_ns;
    known_ns += other.known_ns;
    woken_ns += other.woken_ns;
    preempted_ns += other.preempted_ns;
    blocked_ns += other.blocked_ns;
    for (size_t i = 0; i < kWaitKinds; ++i) kinds[i] += other.kinds[i];
  }
};

struct Row {
  RowIdentity identity;
  Times times;
};

// Shares `whole` in proportion to `weights`, to the last nanosecond; the largest remainders are
// rounded up (on a tie the first). All of it is unknown where there are no weights.
KindTimes Share(uint64_t whole, const KindTimes& weights) {
  KindTimes shares = {};
  unsigned __int128 sum = 0;
  for (uint64_t weight : weights) sum += weight;
  if (sum == 0) {
    shares[size_t(WaitKind::kUnknown)] = whole;
    return shares;
  }
  std::vector<std::pair<unsigned __int128, size_t>> remainders;  // and whose
  uint64_t left = whole;
  for (size_t i = 0; i < kWaitKinds; ++i) {
    unsigned __int128 product = static_cast<unsigned __int128>(weights[i]) * whole;
    shares[i] = uint64_t(product / sum);
    left -= shares[i];
    remainders.emplace_back(product % sum, i);
  }
  std::stable_sort(remainders.begin(), remainders.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (size_t i = 0; i < left; ++i) ++shares[remainders[i].second];
  return shares;
}

Error Overflow() {
  return Error{"the times of the capture add up to more than 292 years", "",
               "The file is not a recording of a real host"};
}

class Maker {
 public:
  Maker(Database& database, const TabularRequest& request)
      : database_(database), request_(request) {}

  Result<Tabular> Make() {
    TWOFOLD_RETURN_IF_ERROR(Check());
    TWOFOLD_ASSIGN_OR_RETURN(StackReader stacks, StackReader::Read(database_));
    TWOFOLD_RETURN_IF_ERROR(ReadBlocked(stacks));
    TWOFOLD_RETURN_IF_ERROR(ReadUnplaced());
    TWOFOLD_RETURN_IF_ERROR(ReadAccounts());
    for (const auto& [key, row] : rows_) total_.Add(row.times);
    return Fill();
  }

 private:
  RowsOf rows_of() const { return request_.rows_of.value_or(RowsOf::kThread); }

  Result<void> Check() {
    for (auto [column, what] : {std::pair{"has_accounts", "accounts of threads"},
                                std::pair{"has_blocked", "blocked time"}}) {
      TWOFOLD_ASSIGN_OR_RETURN(int64_t intervals,
                               database_.QueryInt("SELECT count(*) FROM interval WHERE " +
                                                  std::string(column) + " <> 0"));
      if (intervals == 0) {
        return Error{"kinds of waiting need " + std::string(what) + ", and the capture holds none",
                     "", "Record again with --record offcpu"};
      }
      TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> notes,
                               MissingNotes(database_, column, what));
      notes_.insert(notes_.end(), notes.begin(), notes.end());
    }
    return {};
  }

  // The query's rows of one of the tables that hold a thread's time, with the filters.
  Result<Statement> Select(const std::string& columns, const std::string& table,
                           const std::string& rest) {
    std::vector<SqlValue> parameters;
    std::string where = WhereText(request_.conditions, parameters);
    return database_.Prepare(
        "SELECT " + columns + " FROM (SELECT " + table +
            ".*, (SELECT process_id FROM thread WHERE thread.thread_id = " + table +
            ".thread_id) AS process_id FROM " + table + ")" + where + rest,
        parameters);
  }

  Result<void> AddWeight(const Statement& row, int time_column, WaitKind kind) {
    size_t state = std::min(kStates.find(row.Text(1)), kStates.size() - 1);
    int64_t time_ns = row.Int(time_column);
    if (row.Type(time_column) != SQLITE_INTEGER || time_ns < 0) return Overflow();
    uint64_t& weight = weights_[{row.Int(0), state}][size_t(kind)];
    if (uint64_t(time_ns) > INT64_MAX - weight) return Overflow();
    weight += uint64_t(time_ns);
    return {};
  }

  Result<void> ReadBlocked(const StackReader& stacks) {
    TWOFOLD_ASSIGN_OR_RETURN(Statement rows,
                             Select("thread_id, state, kernel_stack_id, sum(scaled_ns)", "blocked",
                                    " GROUP BY thread_id, state, kernel_stack_id"));
    std::map<std::pair<int64_t, char>, WaitKind> known;
    return ForEachRow(rows, [&](const Statement& row) -> Result<void> {
      char state = row.Text(1).empty() ? '?' : row.Text(1)[0];
      auto [kind, fresh] = known.try_emplace({row.Int(2), state}, WaitKind::kUnknown);
      if (fresh) {
        TWOFOLD_ASSIGN_OR_RETURN(WaitKind found,
                                 KindOf(stacks, row.Int(2), state, *request_.wait_kinds));
        kind->second = found;
      }
      TWOFOLD_RETURN_IF_ERROR(AddWeight(row, 3, kind->second));
      return {};
    });
  }

  Result<void> ReadUnplaced() {
    TWOFOLD_ASSIGN_OR_RETURN(Statement rows, Select("thread_id, state, time_ns", "unplaced", ""));
    return ForEachRow(rows, [&](const Statement& row) -> Result<void> {
      if (row.Text(1) == "R") return {};
      TWOFOLD_RETURN_IF_ERROR(AddWeight(row, 2, WaitKind::kUnknown));
      return {};
    });
  }

  Result<void> ReadAccounts() {
    std::vector<SqlValue> parameters;
    std::string where = WhereText(request_.conditions, parameters);
    return ForEachRow(
        database_,
        "WITH part AS ("
        " SELECT account.*,"
        " (SELECT process_id FROM thread WHERE thread.thread_id = account.thread_id) AS process_id"
        " FROM account"
        "), total AS ("
        " SELECT thread_id, min(process_id) AS process_id, sum(existed_ns) AS existed_ns, "
        "sum(on_cpu_ns) AS on_cpu_ns,"
        " sum(user_ns) AS user_ns, sum(user_ns) + sum(system_ns) AS known_ns,"
        " sum(woken_ns) AS woken_ns, sum(preempted_ns) AS preempted_ns,"
        " sum(interruptible_ns) AS s_ns, sum(uninterruptible_ns) AS d_ns,"
        " sum(stopped_ns) AS stopped_ns, sum(traced_ns) AS traced_ns, sum(parked_ns) AS parked_ns,"
        " sum(idle_ns) AS idle_ns, sum(other_ns) AS other_ns FROM part" +
            where +
            " GROUP BY thread_id"
            ") SELECT total.thread_id, process.process_id, process.capture_id, process.pid,"
            " thread.tid, process.name, thread.name, existed_ns, on_cpu_ns, user_ns, known_ns,"
            " woken_ns, preempted_ns, s_ns, d_ns, stopped_ns, traced_ns, parked_ns, idle_ns,"
            " other_ns, thread.cgroup, " +
            GroupKey(rows_of(), "total") +
            ", thread.start_ns FROM total LEFT JOIN thread ON thread.thread_id = total.thread_id"
            " LEFT JOIN process ON process.process_id = thread.process_id ORDER BY total.thread_id",
        parameters, [&](const Statement& row) { return AddAccount(row); });
  }

  Result<void> AddAccount(const Statement& row) {
    constexpr int kFirstTime = 7;
    constexpr int kFirstState = 13;
    constexpr int kCgroup = 20;
    constexpr int kKey = 21;
    constexpr int kStart = 22;
    if (row.IsNull(3) || row.IsNull(4)) {
      return Error{"the table account holds a row that no capture has", "",
                   "Load the captures again"};
    }
    for (int column = kFirstTime; column < kFirstState + 7; ++column) {
      if (row.Type(column) == SQLITE_FLOAT || row.Int(column) < 0) return Overflow();
      if (__builtin_add_overflow(all_ns_, row.Int(column), &all_ns_)) return Overflow();
    }
    Times times;
    times.threads.insert({row.Int(2), row.Int(4), row.Int(kStart)});
    times.existed_ns = row.Int(7);
    times.on_cpu_ns = row.Int(8);
    times.known_user_ns = row.Int(9);
    times.known_ns = row.Int(10);
    times.woken_ns = row.Int(11);
    times.preempted_ns = row.Int(12);
    for (size_t state = 0; state < kStates.size(); ++state) {
      int64_t blocked_ns = row.Int(kFirstState + int(state));
      times.blocked_ns += blocked_ns;
      KindTimes shares = Share(uint64_t(blocked_ns), weights_[{row.Int(0), state}]);
      for (size_t i = 0; i < kWaitKinds; ++i) times.kinds[i] += shares[i];
    }
    Row& target = rows_[std::string(row.Text(kKey))];
    if (target.times.threads.empty()) {
      target.identity = {row.Int(2),
                         row.Int(3),
                         row.Int(4),
                         0,
                         std::string(row.Text(5)),
                         std::string(row.Text(6)),
                         std::string(row.Text(kCgroup))};
    }
    target.times.Add(times);
    return {};
  }

  // The kinds that people see: those of most time in all, in the order of WaitKind.
  std::array<bool, kWaitKinds> ShownKinds() const {
    std::vector<size_t> order;
    for (size_t i = 0; i < kWaitKinds; ++i) {
      if (total_.kinds[i] > 0 && i != size_t(WaitKind::kOther)) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return total_.kinds[a] > total_.kinds[b]; });
    std::array<bool, kWaitKinds> shown = {};
    for (size_t i = 0; i < std::min(order.size(), kShownKinds); ++i) shown[order[i]] = true;
    return shown;
  }

  // Cells of the times, in the order of Columns.
  std::vector<TabularCell> TimeCells(const Times& times) const {
    TabularCell user;
    TabularCell system;
    if (times.known_ns == times.on_cpu_ns || times.known_ns > 0) {
      int64_t user_ns = times.known_user_ns;
      if (times.known_ns != times.on_cpu_ns) {
        user_ns = std::llround(double(times.on_cpu_ns) *
                               (double(times.known_user_ns) / double(times.known_ns)));
      }
      user = user_ns;
      system = times.on_cpu_ns - user_ns;
    }
    std::vector<TabularCell> cells = {times.existed_ns,
                                      times.on_cpu_ns,
                                      user,
                                      system,
                                      times.woken_ns,
                                      times.preempted_ns,
                                      times.woken_ns + times.preempted_ns,
                                      times.blocked_ns};
    uint64_t rest_ns = 0;
    std::array<bool, kWaitKinds> shown = ShownKinds();
    for (size_t i = 0; i < kWaitKinds; ++i) {
      cells.emplace_back(int64_t(times.kinds[i]));
      if (!shown[i]) rest_ns += times.kinds[i];
    }
    cells.emplace_back(int64_t(rest_ns));
    return cells;
  }

  std::vector<TabularColumn> Columns(bool several_captures) const {
    std::vector<TabularColumn> columns = FirstColumns(rows_of(), several_captures);
    for (TabularColumn& column : std::vector<TabularColumn>{
             {"existed_ns", "existed", CellKind::kDuration},
             {"on_cpu_ns", "CPU", CellKind::kShare},
             {"user_ns", "", CellKind::kShare},
             {"system_ns", "", CellKind::kShare},
             {"woken_ns", "", CellKind::kShare},
             {"preempted_ns", "", CellKind::kShare},
             {"", "wait", CellKind::kShare},
             {"blocked_ns", "", CellKind::kShare},
         }) {
      columns.push_back(std::move(column));
    }
    std::array<bool, kWaitKinds> shown = ShownKinds();
    for (size_t i = 0; i < kWaitKinds; ++i) {
      const WaitKindInfo& info = InfoOf(static_cast<WaitKind>(i));
      columns.push_back(
          {std::string(info.column), shown[i] ? std::string(info.heading) : "", CellKind::kShare});
    }
    columns.push_back({"", "other", CellKind::kShare});
    for (TabularColumn& column : LastColumns(rows_of())) columns.push_back(std::move(column));
    return columns;
  }

  Result<Tabular> Fill() const {
    TWOFOLD_ASSIGN_OR_RETURN(int64_t captures, database_.QueryInt("SELECT count(*) FROM capture"));
    Tabular tabular;
    tabular.notes = notes_;
    tabular.caption =
        "CPU to other in per cent of existed; wait: for a CPU; then what was waited for";
    if (ShownKinds()[size_t(WaitKind::kUnknown)]) {
      tabular.caption = "CPU to other in per cent of existed; wait: for a CPU; ?: no stack tells";
    }
    tabular.columns = Columns(captures > 1);
    std::vector<const Row*> order;
    for (const auto& [key, row] : rows_) order.push_back(&row);
    std::stable_sort(order.begin(), order.end(), [](const Row* a, const Row* b) {
      if (a->times.on_cpu_ns != b->times.on_cpu_ns) return a->times.on_cpu_ns > b->times.on_cpu_ns;
      const RowIdentity& of_a = a->identity;
      const RowIdentity& of_b = b->identity;
      return std::tie(of_a.capture_id, of_a.pid, of_a.tid) <
             std::tie(of_b.capture_id, of_b.pid, of_b.tid);
    });
    auto append = [](std::vector<TabularCell>& cells, std::vector<TabularCell> more) {
      cells.insert(cells.end(), more.begin(), more.end());
    };
    Times rest;
    for (size_t i = 0; i < order.size(); ++i) {
      const Times& times = order[i]->times;
      if (request_.limit != 0 && i >= request_.limit) {
        rest.Add(times);
        continue;
      }
      RowIdentity identity = order[i]->identity;
      identity.threads = int64_t(times.threads.size());
      std::vector<TabularCell> cells = FirstCells(rows_of(), identity);
      append(cells, TimeCells(times));
      append(cells, LastCells(rows_of(), identity));
      tabular.rows.push_back(std::move(cells));
    }
    auto sum_up = [&](const std::string& label, const Times& times) {
      const auto threads = int64_t(times.threads.size());
      std::vector<TabularCell> cells = FirstCellsOfSum(rows_of(), label, threads);
      append(cells, TimeCells(times));
      append(cells, LastCellsOfSum(rows_of(), label, threads));
      return cells;
    };
    if (!rest.threads.empty()) {
      tabular.rest = sum_up("rest", rest);
      tabular.notes.push_back(LimitNote(request_.limit, order.size(), rows_of()));
    }
    if (rows_of() != RowsOf::kNone) tabular.total = sum_up("total", total_);
    return tabular;
  }

  Database& database_;
  const TabularRequest& request_;
  std::vector<std::string> notes_;
  std::map<std::pair<int64_t, size_t>, KindTimes> weights_;  // by thread_id and index into kStates
  std::map<std::string, Row> rows_;                          // by GroupKey
  Times total_;
  int64_t all_ns_ = 0;  // what was read so far: no sum overflows while this does not
};

}  // namespace

Result<Tabular> MakeStatesByKind(Database& database, const TabularRequest& request) {
  return Maker(database, request).Make();
}

}  // namespace twofold
