#include "analyzer/diff/captures.h"

#include <algorithm>

#include "analyzer/data/input.h"
#include "analyzer/data/losses.h"
#include "analyzer/data/recorded_sources.h"
#include "analyzer/fold/refold.h"
#include "format/base/units.h"

namespace twofold {
namespace {

// What the SQL views give, and how many samples or blocks each row stands for. A row of blocked
// time tells the blocks that were kept: its count is an estimate.
constexpr std::string_view kCpuRows =
    "(SELECT interval_id, thread_id, process_id, state, kernel_stack_id, user_stack_id, loss,"
    "  special_frame, value_ns, count AS units, 0 AS parts FROM cpu)";
constexpr std::string_view kBlockedRows =
    "(SELECT interval_id, thread_id,"
    "  (SELECT process_id FROM thread WHERE thread.thread_id = blocked.thread_id) AS process_id,"
    "  state, kernel_stack_id, user_stack_id, NULL AS loss, NULL AS special_frame, chain_id,"
    "  still_blocked, scaled_ns AS value_ns,"
    "  CASE WHEN samples > 0 THEN samples ELSE max(count, 1) END AS units,"
    "  begun_before + 2 * open_at_end AS parts FROM blocked"
    " UNION ALL SELECT interval_id, thread_id, process_id, state, NULL, NULL, loss, special_frame,"
    "  chain_id, still_blocked, value_ns, 1, 0 FROM offcpu"
    "  WHERE loss IS NOT NULL OR special_frame IS NOT NULL)";
constexpr std::string_view kCounterRows =
    "(SELECT interval_id, thread_id, process_id, state, kernel_stack_id, user_stack_id, loss,"
    "  special_frame, cycles, count AS units, 0 AS parts, instructions, instruction_samples"
    "  FROM cpi)";

// By the SQL view that a view's rows come from.
struct Rows {
  std::string_view sql_view;
  std::string_view sql;
};
constexpr Rows kRows[] = {{"cpu", kCpuRows}, {"cpi", kCounterRows}, {"offcpu", kBlockedRows}};

const Rows* RowsOf(const View& view) {
  for (const Rows& rows : kRows) {
    if (rows.sql_view == view.sql_view) return &rows;
  }
  return nullptr;
}

// What must have been recorded for a view, as captures and losses tell it.
std::string SourceOf(const View& view) {
  return std::string(view.source == kWakersSource ? "offcpu" : view.source);
}

// What of a merged file nothing could be read of: it has no settings to compare.
constexpr std::string_view kUnreadable =
    "is_partial AND sources = '' AND recorder_version = '' AND NOT EXISTS"
    " (SELECT 1 FROM interval WHERE interval.capture_id = capture.capture_id)";

// Counts of a stranger's file may be anything.
void AddSaturating(int64_t& sum, int64_t value) {
  if (__builtin_add_overflow(sum, std::max<int64_t>(value, 0), &sum)) sum = INT64_MAX;
}

struct Where {
  std::string sql = " WHERE true";
  std::vector<SqlValue> parameters;

  explicit Where(const std::vector<Condition>& conditions, bool only_times = false) {
    for (const Condition& condition : conditions) {
      if (only_times && !condition.selects_by_time) continue;
      sql += " AND " + condition.sql;
      parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
    }
  }
};

class DiffFileReader {
 public:
  DiffFileReader(Database& database, const DiffRequest& request)
      : database_(database), request_(request) {}

  Result<DiffFile> Read() {
    TWOFOLD_RETURN_IF_ERROR(ReadCaptures());
    TWOFOLD_RETURN_IF_ERROR(ReadIntervals());
    TWOFOLD_RETURN_IF_ERROR(ReadModules());
    TWOFOLD_RETURN_IF_ERROR(ReadLoad());
    TWOFOLD_RETURN_IF_ERROR(ReadLosses());
    TWOFOLD_RETURN_IF_ERROR(ReadDenominators());
    TWOFOLD_ASSIGN_OR_RETURN(bool losses, HasLosses(database_));
    for (CaptureFacts& facts : file_.captures) facts.has_losses = losses;
    FoldRequest fold;
    fold.view = request_.view;
    fold.root = request_.root;
    fold.demangle = request_.demangle;
    fold.conditions = request_.conditions;
    fold.rows_sql = RowsOf(*request_.view)->sql;
    for (const StackStep& step : request_.steps) {
      fold.detailed = fold.detailed || step.needs_details;
    }
    TWOFOLD_ASSIGN_OR_RETURN(Folded folded, Fold(database_, fold));
    file_.folded = std::move(folded);
    if (!request_.steps.empty()) ChooseStacks(fold.detailed);
    return std::move(file_);
  }

 private:
  Result<void> ReadCaptures() {
    return ForEachRow(
        database_,
        "SELECT capture_id, file_name, kernel_release || ' ' || kernel_version,"
        " machine || ', ' || cpu_model, cpus_online, sources,"
        " scope || ' ' || pids || tids || cgroup || command || ' ' || comm, frequency_hz, wakers,"
        " max_frames, min_block_ns || ' ' || coalesce(max_block_ns, ''), recorder_version,"
        " is_partial, quantum_ns FROM capture"
        " WHERE NOT (" +
            std::string(kUnreadable) + ") ORDER BY capture_id",
        {}, [&](const Statement& row) -> Result<void> {
          capture_of_[row.Int(0)] = file_.captures.size();
          CaptureFacts& facts = file_.captures.emplace_back();
          file_.intervals.emplace_back();
          facts.file_name = row.Text(1);
          facts.kernel = row.Text(2);
          facts.machine = row.Text(3);
          facts.cpus_online = row.Int(4);
          facts.sources = row.Text(5);
          facts.scope = row.Text(6);
          while (!facts.scope.empty() && facts.scope.back() == ' ') facts.scope.pop_back();
          facts.frequency_hz = row.Int(7);
          facts.wakers = row.Int(8);
          facts.max_frames = row.Int(9);
          facts.block_limits = row.Text(10);
          facts.recorder_version = row.Text(11);
          facts.is_partial = row.Int(12) != 0;
          facts.quantum_ns = row.Int(13);
          return {};
        });
  }

  // The facts of a capture by SQL's id; null: there is no such capture.
  CaptureFacts* Facts(int64_t capture_id) {
    auto found = capture_of_.find(capture_id);
    return found != capture_of_.end() ? &file_.captures[found->second] : nullptr;
  }

  Result<void> ReadIntervals() {
    Where where(request_.conditions, /*only_times=*/true);
    file_.has_accounts = true;
    file_.has_samples = true;
    return ForEachRow(
        database_,
        "SELECT capture_id, interval_id, end_ns - start_ns, has_accounts, cpu_period_ns, quantum_ns"
        " FROM interval" +
            where.sql + " ORDER BY interval_id",
        where.parameters, [&](const Statement& row) -> Result<void> {
          CaptureFacts* facts = Facts(row.Int(0));
          int64_t length_ns = row.Int(2);
          if (facts == nullptr || length_ns <= 0) return {};
          size_t capture = size_t(facts - file_.captures.data());
          place_of_[row.Int(1)] = {capture, file_.intervals[capture].size()};
          file_.intervals[capture].push_back({.interval_id = row.Int(1), .length_ns = length_ns});
          AddSaturating(facts->window_ns, length_ns);
          facts->intervals += 1;
          facts->quantum_ns = std::max(facts->quantum_ns, row.Int(5));
          file_.has_accounts = file_.has_accounts && row.Int(3) != 0;
          file_.has_samples = file_.has_samples && !row.IsNull(4);
          return {};
        });
  }

  Result<void> ReadModules() {
    return ForEachRow(database_,
                      "SELECT capture_id, path, build_id, name FROM module"
                      " WHERE build_id IS NOT NULL ORDER BY module_id",
                      {}, [&](const Statement& row) -> Result<void> {
                        CaptureFacts* facts = Facts(row.Int(0));
                        if (facts == nullptr) return {};
                        std::string path(row.Text(1).empty() ? row.Text(3) : row.Text(1));
                        facts->build_ids[path] = row.Text(2);
                        return {};
                      });
  }

  // How busy the host was: its CPUs, or, where they were not counted, its threads.
  Result<void> ReadLoad() {
    Where where(request_.conditions, /*only_times=*/true);
    for (const char* sql :
         {"SELECT interval_id, sum(user_ns + system_ns + irq_ns + softirq_ns) FROM cpu_time",
          "SELECT interval_id, sum(on_cpu_ns) FROM account"}) {
      bool found = false;
      TWOFOLD_RETURN_IF_ERROR(
          ForEachRow(database_, sql + where.sql + " GROUP BY interval_id", where.parameters,
                     [&](const Statement& row) -> Result<void> {
                       auto place = place_of_.find(row.Int(0));
                       if (place == place_of_.end()) return {};
                       found = true;
                       AddSaturating(file_.captures[place->second.capture].busy_ns, row.Int(1));
                       return {};
                     }));
      if (found) return {};
    }
    return {};
  }

  Result<void> ReadLosses() {
    // What is lost is time, and no part of other quantities.
    if (request_.view->unit != Unit::kNanoseconds) return {};
    Where where(request_.conditions, /*only_times=*/true);
    std::vector<SqlValue> parameters = {SourceOf(*request_.view)};
    parameters.insert(parameters.end(), where.parameters.begin(), where.parameters.end());
    return ForEachRow(database_,
                      "SELECT interval_id, sum(time_ns) FROM loss WHERE source = ? AND" +
                          where.sql.substr(std::string(" WHERE").size()) + " GROUP BY interval_id",
                      parameters, [&](const Statement& row) -> Result<void> {
                        auto place = place_of_.find(row.Int(0));
                        if (place == place_of_.end()) return {};
                        AddSaturating(file_.captures[place->second.capture].lost_ns, row.Int(1));
                        return {};
                      });
  }

  // Times of the chosen threads in each interval, as far as costs are divided by them.
  Result<void> ReadDenominators() {
    Where where(request_.thread_conditions);
    const std::string of_accounts =
        " FROM (SELECT interval_id, thread_id,"
        " (SELECT process_id FROM thread WHERE thread.thread_id = account.thread_id) AS process_id,"
        " on_cpu_ns, existed_ns FROM account)";
    if (request_.per == Per::kThreadSecond) {
      return ReadTimes("SELECT interval_id, sum(existed_ns)" + of_accounts, where,
                       &IntervalTimes::existed_ns);
    }
    if (request_.per != Per::kCpuSecond) return {};
    TWOFOLD_RETURN_IF_ERROR(ReadTimes("SELECT interval_id, sum(on_cpu_ns)" + of_accounts, where,
                                      &IntervalTimes::exact_cpu_ns));
    return ReadTimes(
        "SELECT interval_id, sum(value_ns) FROM (SELECT interval_id, thread_id, process_id,"
        " value_ns FROM cpu WHERE loss IS NULL)",
        where, &IntervalTimes::sampled_cpu_ns);
  }

  Result<void> ReadTimes(const std::string& sql, const Where& where,
                         int64_t IntervalTimes::*member) {
    return ForEachRow(database_, sql + where.sql + " GROUP BY interval_id", where.parameters,
                      [&](const Statement& row) -> Result<void> {
                        auto place = place_of_.find(row.Int(0));
                        if (place == place_of_.end()) return {};
                        const Place& at = place->second;
                        file_.intervals[at.capture][at.interval].*member = row.Int(1);
                        return {};
                      });
  }

  // Small frames are put away when both sides are there.
  void ChooseStacks(bool detailed) {
    file_.chosen = file_.folded;
    for (const StackStep& step : request_.steps) {
      if (!step.prune) file_.chosen = step.apply(std::move(file_.chosen));
    }
    if (!detailed) return;
    file_.chosen = MergeByTexts(std::move(file_.chosen), /*annotate=*/false);
    file_.folded = MergeByTexts(std::move(file_.folded), /*annotate=*/false);
  }

  struct Place {
    size_t capture;
    size_t interval;
  };

  Database& database_;
  const DiffRequest& request_;
  DiffFile file_;
  std::map<int64_t, size_t> capture_of_;  // by SQL's ids
  std::map<int64_t, Place> place_of_;
};

// Error: no capture of the file recorded what the view shows.
Result<void> CheckRecorded(Database& database, const View& view, const std::string& path) {
  bool with_wakers = view.source == kWakersSource;
  std::string source = SourceOf(view);
  TWOFOLD_ASSIGN_OR_RETURN(
      int64_t missing,
      database.QueryInt("SELECT count(*) FROM capture WHERE (NOT " + RecordedSource("?1") +
                            " OR (?2 = 1 AND wakers = 0)) AND NOT (" + std::string(kUnreadable) +
                            ")",
                        {source, int64_t{with_wakers ? 1 : 0}}));
  if (missing == 0) return {};
  return Error{"the view " + std::string(view.name) + " needs what this capture did not record",
               path, "Record again with --record " + source + (with_wakers ? " --wakers 1" : "")};
}

}  // namespace

bool CanCompare(const View& view) { return RowsOf(view) != nullptr; }

Result<DiffFile> ReadDiffFile(const std::string& path, const DiffRequest& request,
                              std::vector<std::string>& notes) {
  TWOFOLD_ASSIGN_OR_RETURN(Input input, OpenInput(path, TableKind::kInPlace));
  TWOFOLD_RETURN_IF_ERROR(CheckRecorded(input.database, *request.view, path));
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> partial, PartialNotes(input.database));
  notes.insert(notes.end(), partial.begin(), partial.end());
  Result<DiffFile> file = DiffFileReader(input.database, request).Read();
  if (!file) {
    Error error = file.error();
    if (error.where.empty()) error.where = path;
    return error;
  }
  return file;
}

}  // namespace twofold
