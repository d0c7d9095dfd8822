// The table "runq": run-queue latency. How long threads waited for a CPU, counted exactly by
// length: for people a histogram for each process or thread, for programs a row for each of its
// buckets.
#include <algorithm>
#include <map>
#include <tuple>

#include "analyzer/tabular/row_groups.h"
#include "analyzer/tabular/view.h"
#include "analyzer/text/table.h"
#include "format/base/escape_text.h"
#include "format/base/units.h"

namespace twofold {
namespace {

constexpr size_t kBarWidth = 38;

struct Bucket {
  int64_t from_ns = 0;
  int64_t to_ns = -1;  // -1: no limit
  int64_t count = 0;
};

struct Histogram {
  std::map<int64_t, Bucket> buckets;  // by number: in the order of their bounds
  int64_t waits = 0;
  int64_t woken_ns = 0;
  int64_t preempted_ns = 0;

  int64_t TimeNs() const { return woken_ns + preempted_ns; }
};

struct Row {
  RowIdentity identity;
  Histogram histogram;
};

Error NoSuchRow() {
  return Error{"the table wait_count holds a row that no capture has", "",
               "Load the captures again"};
}

// An upper bound of the wait that `percent` of all waits do not exceed: its bucket's. Nothing where
// the bucket has none.
TabularCell AtMost(const Histogram& histogram, int64_t percent) {
  // Rounded up, so that 100 is the longest wait.
  __int128 rank = (static_cast<__int128>(histogram.waits) * percent + 99) / 100;
  __int128 seen = 0;
  for (const auto& [number, bucket] : histogram.buckets) {
    seen += bucket.count;
    if (seen < rank || bucket.count == 0) continue;
    if (bucket.to_ns < 0) return {};
    return bucket.to_ns;
  }
  return {};
}

// Where the last bucket, which has no upper bound, begins.
int64_t LastBoundNs(const Histogram& histogram) {
  return histogram.buckets.empty() ? 0 : histogram.buckets.rbegin()->second.from_ns;
}

class Maker {
 public:
  Maker(Database& database, const TabularRequest& request)
      : database_(database), request_(request) {}

  Result<Tabular> Make() {
    TWOFOLD_ASSIGN_OR_RETURN(
        int64_t counted,
        database_.QueryInt("SELECT count(*) FROM interval WHERE has_wait_counts <> 0"));
    if (counted == 0) {
      return Error{"the table runq needs waits for a CPU, and the capture holds none", "",
                   "Record again with --record offcpu"};
    }
    TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> notes,
                             MissingNotes(database_, "has_wait_counts", "waits for a CPU"));
    TWOFOLD_ASSIGN_OR_RETURN(int64_t captures, database_.QueryInt("SELECT count(*) FROM capture"));
    several_captures_ = captures > 1;
    TWOFOLD_RETURN_IF_ERROR(ReadCounts());
    TWOFOLD_RETURN_IF_ERROR(ReadTimes());
    Tabular tabular;
    tabular.notes = std::move(notes);
    std::vector<const Row*> order = Order();
    size_t all = order.size();
    if (request_.limit != 0 && all > request_.limit) {
      order.resize(request_.limit);
      tabular.notes.push_back("shows the " + std::to_string(order.size()) + " of " +
                              RowsText(rows_of(), all) +
                              " that waited longest; --limit 0 shows all");
    }
    Fill(order, tabular);
    return tabular;
  }

 private:
  RowsOf rows_of() const { return request_.rows_of.value_or(RowsOf::kProcess); }

  // Rows of a table with the filters: key, process_id, thread_id, then `columns`.
  Result<Statement> Select(const std::string& table, const std::string& columns,
                           const std::string& group) {
    std::vector<SqlValue> parameters;
    std::string where = WhereText(request_.conditions, parameters);
    std::string key = GroupKey(rows_of(), "of_threads");
    return database_.Prepare(
        "SELECT part.row_key, process.capture_id, process.pid, thread.tid, process.name,"
        " thread.name, thread.cgroup, part.* FROM (SELECT " +
            key + " AS row_key, min(thread_id) AS one_thread_id, " + ThreadCount("of_threads") +
            " AS threads, " + columns + " FROM (SELECT " + table +
            ".*, (SELECT process_id FROM thread WHERE" + " thread.thread_id = " + table +
            ".thread_id) AS process_id FROM " + table + ") AS of_threads" + where + " GROUP BY " +
            key + group +
            ") AS part LEFT JOIN thread ON thread.thread_id = part.one_thread_id"
            " LEFT JOIN process ON process.process_id = thread.process_id",
        parameters);
  }

  // The row that a row of Select belongs to. Its own columns are from kFirst on.
  static constexpr int kThreads = 9;
  static constexpr int kFirst = 10;
  Result<Row*> Target(const Statement& row) {
    if (row.IsNull(2) || row.IsNull(3)) return NoSuchRow();
    Row& target = rows_[std::string(row.Text(0))];
    if (target.identity.threads == 0) {
      target.identity = {row.Int(1),
                         row.Int(2),
                         row.Int(3),
                         0,
                         std::string(row.Text(4)),
                         std::string(row.Text(5)),
                         std::string(row.Text(6))};
    }
    target.identity.threads = std::max(target.identity.threads, row.Int(kThreads));
    return &target;
  }

  Result<void> ReadCounts() {
    TWOFOLD_ASSIGN_OR_RETURN(
        Statement rows,
        Select("wait_count", "bucket, min(from_ns), min(coalesce(to_ns, -1)), sum(count)",
               ", bucket"));
    return ForEachRow(rows, [&](const Statement& row) -> Result<void> {
      TWOFOLD_ASSIGN_OR_RETURN(auto* target, Target(row));
      int64_t count = row.Int(kFirst + 3);
      if (row.Type(kFirst + 3) != SQLITE_INTEGER || count < 0) return NoSuchRow();
      Bucket bucket{row.Int(kFirst + 1), row.Int(kFirst + 2), count};
      for (Histogram* histogram : {&target->histogram, &all_}) {
        Bucket& sum = histogram->buckets[row.Int(kFirst)];
        if (__builtin_add_overflow(histogram->waits, count, &histogram->waits)) return NoSuchRow();
        bucket.count = sum.count + count;
        sum = bucket;
      }
      return {};
    });
  }

  Result<void> ReadTimes() {
    TWOFOLD_ASSIGN_OR_RETURN(Statement rows,
                             Select("account", "sum(woken_ns), sum(preempted_ns)", ""));
    int64_t total_ns = 0;
    return ForEachRow(rows, [&](const Statement& row) -> Result<void> {
      int64_t woken_ns = row.Int(kFirst);
      int64_t preempted_ns = row.Int(kFirst + 1);
      bool sound = row.Type(kFirst) == SQLITE_INTEGER && woken_ns >= 0 &&
                   row.Type(kFirst + 1) == SQLITE_INTEGER && preempted_ns >= 0 &&
                   !__builtin_add_overflow(total_ns, woken_ns, &total_ns) &&
                   !__builtin_add_overflow(total_ns, preempted_ns, &total_ns);
      if (!sound) return NoSuchRow();
      has_times_ = true;
      all_.woken_ns += woken_ns;
      all_.preempted_ns += preempted_ns;
      if (woken_ns == 0 && preempted_ns == 0) return {};
      TWOFOLD_ASSIGN_OR_RETURN(auto* target, Target(row));
      target->histogram.woken_ns = woken_ns;
      target->histogram.preempted_ns = preempted_ns;
      return {};
    });
  }

  std::vector<const Row*> Order() const {
    std::vector<const Row*> order;
    for (const auto& [key, row] : rows_) order.push_back(&row);
    std::stable_sort(order.begin(), order.end(), [](const Row* a, const Row* b) {
      const Histogram& x = a->histogram;
      const Histogram& y = b->histogram;
      const RowIdentity& of_a = a->identity;
      const RowIdentity& of_b = b->identity;
      return std::tuple(-x.TimeNs(), -x.waits, of_a.capture_id, of_a.pid, of_a.tid) <
             std::tuple(-y.TimeNs(), -y.waits, of_b.capture_id, of_b.pid, of_b.tid);
    });
    return order;
  }

  void Fill(const std::vector<const Row*>& order, Tabular& tabular) const {
    tabular.columns = FirstColumns(rows_of(), several_captures_);
    for (TabularColumn& column : LastColumns(rows_of())) {
      tabular.columns.push_back(std::move(column));
    }
    for (const char* name :
         {"woken_ns", "preempted_ns", "waits", "p50_at_most_ns", "p90_at_most_ns", "p99_at_most_ns",
          "max_at_most_ns", "from_ns", "to_ns", "count"}) {
      tabular.columns.push_back({name, "", CellKind::kNumber});
    }
    tabular.text = "Waiting for a CPU: since a thread was woken, or since it lost its CPU\n\n";
    tabular.text += Describe(all_, rows_of() == RowsOf::kThread ? "all threads" : "all processes");
    for (const Row* row : order) {
      const Histogram& histogram = row->histogram;
      tabular.text += "\n" + Describe(histogram, Title(*row));
      std::vector<TabularCell> first = FirstCells(rows_of(), row->identity);
      for (TabularCell& cell : LastCells(rows_of(), row->identity)) {
        first.push_back(std::move(cell));
      }
      for (TabularCell cell :
           {TabularCell(histogram.woken_ns), TabularCell(histogram.preempted_ns),
            TabularCell(histogram.waits), AtMost(histogram, 50), AtMost(histogram, 90),
            AtMost(histogram, 99), AtMost(histogram, 100)}) {
        first.push_back(std::move(cell));
      }
      if (histogram.waits == 0) {
        // It waits still, or waited when its last interval began.
        first.resize(tabular.columns.size());
        tabular.rows.push_back(first);
      }
      for (const auto& [number, bucket] : histogram.buckets) {
        if (bucket.count == 0) continue;
        tabular.rows.push_back(first);
        TabularCell to_ns;
        if (bucket.to_ns >= 0) to_ns = bucket.to_ns;
        for (TabularCell cell : {TabularCell(bucket.from_ns), to_ns, TabularCell(bucket.count)}) {
          tabular.rows.back().push_back(std::move(cell));
        }
      }
    }
  }

  std::string Title(const Row& row) const {
    const RowIdentity& identity = row.identity;
    auto shortened = [&](const std::string& text) {
      return Shorten(EscapeText(text), PartOf(request_.width, 24));
    };
    std::string place =
        several_captures_ ? ", in capture " + std::to_string(identity.capture_id) : std::string();
    switch (rows_of()) {
      case RowsOf::kThread:
        return shortened(identity.thread) + " (pid " + std::to_string(identity.pid) + ", tid " +
               std::to_string(identity.tid) + place + ")";
      case RowsOf::kProcess:
        return shortened(identity.process) + " (pid " + std::to_string(identity.pid) + place + ")";
      case RowsOf::kComm:
        return shortened(identity.thread);
      case RowsOf::kCgroup:
        return shortened(identity.cgroup.empty() ? "[no cgroup]" : identity.cgroup);
      case RowsOf::kNone:
        break;
    }
    return "all threads";
  }

  // Two lines and a histogram.
  std::string Describe(const Histogram& histogram, const std::string& title) const {
    std::string times = FormatCount(histogram.waits) + (histogram.waits == 1 ? " wait" : " waits");
    if (has_times_) {
      times += ", " + FormatDuration(histogram.woken_ns) + " woken + " +
               FormatDuration(histogram.preempted_ns) + " preempted";
    }
    std::string out = Shorten(title + ": " + times, request_.width) + "\n";
    if (histogram.waits == 0) return out;
    std::string bounds;
    for (auto [percent, name] : {std::pair{50, "p50"}, {90, "p90"}, {99, "p99"}, {100, "max"}}) {
      TabularCell bound = AtMost(histogram, percent);
      const int64_t* bound_ns = std::get_if<int64_t>(&bound);
      bounds += std::string(bounds.empty() ? "  " : ", ") + name;
      bounds += bound_ns != nullptr ? " < " + FormatDuration(*bound_ns)
                                    : " >= " + FormatDuration(LastBoundNs(histogram));
    }
    return out + bounds + "\n" + Bars(histogram);
  }

  std::string Bars(const Histogram& histogram) const {
    int64_t most = 1;
    for (const auto& [number, bucket] : histogram.buckets) most = std::max(most, bucket.count);
    std::vector<std::vector<std::string>> lines;
    auto append = [&](const Bucket& bucket) {
      // Every bucket with a wait has a mark.
      size_t length = size_t((static_cast<__int128>(bucket.count) * kBarWidth + most - 1) / most);
      lines.push_back({FormatDuration(bucket.from_ns),
                       bucket.to_ns < 0 ? "..." : FormatDuration(bucket.to_ns),
                       FormatCount(bucket.count), std::string(length, '*')});
    };
    int64_t end_ns = -1;
    for (const auto& [number, bucket] : histogram.buckets) {
      if (bucket.count == 0) continue;
      // Empty buckets in between; each is twice as long as the one before.
      while (end_ns > 0 && end_ns < bucket.from_ns && end_ns <= INT64_MAX / 2) {
        append({end_ns, 2 * end_ns, 0});
        end_ns *= 2;
      }
      append(bucket);
      end_ns = bucket.to_ns;
    }
    return FormatTable({{"from", Align::kRight},
                        {"to", Align::kRight},
                        {"waits", Align::kRight},
                        {"", Align::kLeft}},
                       lines, 2, request_.width);
  }

  Database& database_;
  const TabularRequest& request_;
  bool several_captures_ = false;
  bool has_times_ = false;
  std::map<std::string, Row> rows_;  // by GroupKey
  Histogram all_;
};

}  // namespace

Result<Tabular> MakeRunQueue(Database& database, const TabularRequest& request) {
  return Maker(database, request).Make();
}

}  // namespace twofold
