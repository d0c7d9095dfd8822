// The table "irq": time in interrupts by handler, most first; and for people also the threads that
// they took most from.
#include <algorithm>

#include "analyzer/tabular/view.h"
#include "analyzer/text/table.h"
#include "format/base/units.h"

namespace twofold {
namespace {

// Columns of the query of handlers, in the order in which programs get them.
enum HandlerColumn {
  kCapture,
  kKind,
  kNumber,
  kHandler,
  kCpus,
  kCount,
  kTime,
  kLongest,
  kBusiestCpu,
  kBusiestCpuTime,
};

class Maker {
 public:
  Maker(Database& database, const TabularRequest& request)
      : database_(database), request_(request) {}

  Result<Tabular> Make() {
    TWOFOLD_ASSIGN_OR_RETURN(
        int64_t recorded, database_.QueryInt("SELECT count(*) FROM interval WHERE has_irqs <> 0"));
    if (recorded == 0) {
      return Error{"the table irq needs interrupts, which this capture did not record", "",
                   "Record again with --record irq"};
    }
    TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> notes,
                             MissingNotes(database_, "has_irqs", "interrupts"));
    tabular_.notes = std::move(notes);
    TWOFOLD_RETURN_IF_ERROR(ReadTotals());
    TWOFOLD_RETURN_IF_ERROR(ReadHandlers());
    TWOFOLD_RETURN_IF_ERROR(ReadThreads());
    tabular_.text = Caption() + "\n";
    if (!handlers_.empty()) {
      tabular_.text += FormatTable({{"time", Align::kRight},
                                    {"share", Align::kRight},
                                    {"count", Align::kRight},
                                    {"mean", Align::kRight},
                                    {"longest", Align::kRight},
                                    {"most on", Align::kLeft},
                                    {"kind", Align::kLeft},
                                    {"number", Align::kRight},
                                    {"handler", Align::kLeft}},
                                   handlers_, 0, request_.width);
    }
    if (!threads_.empty()) {
      tabular_.text += "\nThreads that they took most from, and the share of their time on a CPU\n";
      tabular_.text += FormatTable({{"time", Align::kRight},
                                    {"share", Align::kRight},
                                    {"hard", Align::kRight},
                                    {"soft", Align::kRight},
                                    {"pid", Align::kRight},
                                    {"tid", Align::kRight},
                                    {"thread", Align::kLeft}},
                                   threads_, 0, request_.width);
    }
    return std::move(tabular_);
  }

 private:
  Result<void> ReadTotals() {
    std::vector<SqlValue> parameters;
    const std::string where = WhereText(request_.conditions, parameters);
    TWOFOLD_ASSIGN_OR_RETURN(
        Statement row,
        database_.Prepare("SELECT coalesce(sum(time_ns) FILTER (WHERE kind = 'hard'), 0),"
                          " coalesce(sum(time_ns) FILTER (WHERE kind = 'soft'), 0),"
                          " coalesce(sum(count), 0), coalesce(sum(time_ns), 0) FROM irq" +
                              where,
                          parameters));
    TWOFOLD_RETURN_IF_ERROR(row.Step());
    hard_ns_ = row.Int(0);
    soft_ns_ = row.Int(1);
    count_ = row.Int(2);
    all_ns_ = row.Int(3);
    // The time of all CPUs: each capture's intervals times its CPUs.
    std::vector<SqlValue> time_parameters;
    const std::string time_where = WhereText(request_.conditions, time_parameters);
    TWOFOLD_ASSIGN_OR_RETURN(
        int64_t cpu_ns,
        database_.QueryInt("SELECT coalesce(sum((end_ns - start_ns) * cpus_online), 0) FROM "
                           "(SELECT * FROM interval" +
                               time_where +
                               ") AS part JOIN capture USING (capture_id) WHERE has_irqs <> 0",
                           time_parameters));
    cpu_ns_ = cpu_ns;
    return {};
  }

  std::string Caption() const {
    return FormatCount(uint64_t(count_), " interrupt", " interrupts") + " took " +
           FormatDuration(all_ns_) + ", " + FormatShare(double(all_ns_), double(cpu_ns_)) +
           " of the time of all CPUs: hard ones " + FormatDuration(hard_ns_) + ", soft ones " +
           FormatDuration(soft_ns_);
  }

  Result<void> ReadHandlers() {
    tabular_.columns = {
        {"capture_id", "", CellKind::kNumber},  {"kind", "", CellKind::kText},
        {"number", "", CellKind::kNumber},      {"handler", "", CellKind::kText},
        {"cpus", "", CellKind::kNumber},        {"count", "", CellKind::kNumber},
        {"time_ns", "", CellKind::kNumber},     {"longest_ns", "", CellKind::kNumber},
        {"busiest_cpu", "", CellKind::kNumber}, {"busiest_cpu_time_ns", "", CellKind::kNumber},
    };
    std::vector<SqlValue> parameters;
    const std::string where = WhereText(request_.conditions, parameters);
    size_t all = 0;
    TWOFOLD_RETURN_IF_ERROR(ForEachRow(
        database_,
        // A bare column beside max() is of the row that has it.
        "SELECT capture_id, kind, number, handler, count(*), sum(count), sum(time_ns),"
        " max(longest_ns), cpu, max(time_ns) FROM (SELECT capture_id, kind, number, handler, cpu,"
        "  sum(count) AS count, sum(time_ns) AS time_ns, max(longest_ns) AS longest_ns FROM irq" +
            where +
            "  GROUP BY capture_id, kind, number, handler, cpu ORDER BY cpu)"
            " GROUP BY capture_id, kind, number, handler"
            " ORDER BY 7 DESC, 6 DESC, capture_id, kind, number, handler",
        parameters, [&](const Statement& row) {
          if (request_.limit == 0 || all < request_.limit) AddHandler(row);
          ++all;
        }));
    if (all > tabular_.rows.size()) {
      tabular_.notes.push_back("shows the " + std::to_string(tabular_.rows.size()) + " of " +
                               std::to_string(all) +
                               " handlers with most time; --limit 0 shows all");
    }
    return {};
  }

  void AddHandler(const Statement& row) {
    std::vector<TabularCell>& cells = tabular_.rows.emplace_back();
    for (size_t i = 0; i < tabular_.columns.size(); ++i) {
      const int column = int(i);
      if (row.IsNull(column)) {
        cells.emplace_back(std::monostate());
      } else if (tabular_.columns[i].kind == CellKind::kText) {
        cells.emplace_back(std::string(row.Text(column)));
      } else {
        cells.emplace_back(row.Int(column));
      }
    }
    const int64_t count = std::max<int64_t>(row.Int(kCount), 1);
    handlers_.push_back(
        {FormatDuration(row.Int(kTime)), FormatShare(double(row.Int(kTime)), double(all_ns_)),
         FormatQuantity(uint64_t(row.Int(kCount))), FormatDuration(row.Int(kTime) / count),
         row.IsNull(kLongest) ? "" : FormatDuration(row.Int(kLongest)),
         "CPU " + std::to_string(row.Int(kBusiestCpu)) +
             (row.Int(kCpus) > 1
                  ? ", " + FormatShare(double(row.Int(kBusiestCpuTime)), double(row.Int(kTime)))
                  : ""),
         std::string(row.Text(kKind)), std::to_string(row.Int(kNumber)),
         std::string(row.Text(kHandler))});
  }

  Result<void> ReadThreads() {
    std::vector<SqlValue> parameters;
    const std::string where = WhereText(request_.conditions, parameters);
    std::vector<SqlValue> all_parameters = parameters;
    all_parameters.insert(all_parameters.end(), parameters.begin(), parameters.end());
    all_parameters.emplace_back(request_.limit == 0 ? int64_t{-1} : int64_t(request_.limit));
    return ForEachRow(
        database_,
        "WITH taken AS (SELECT thread_id, sum(time_ns) AS time_ns,"
        "  sum(time_ns) FILTER (WHERE kind = 'hard') AS hard_ns,"
        "  sum(time_ns) FILTER (WHERE kind = 'soft') AS soft_ns"
        "  FROM (SELECT * FROM thread_interrupt" +
            where +
            ") GROUP BY thread_id),"
            " ran AS (SELECT thread_id, sum(on_cpu_ns) AS on_cpu_ns FROM (SELECT * FROM account" +
            where +
            ") GROUP BY thread_id)"
            " SELECT taken.time_ns, ran.on_cpu_ns, hard_ns, soft_ns, process.pid, thread.tid,"
            " thread.name FROM taken JOIN thread USING (thread_id)"
            " JOIN process USING (process_id) LEFT JOIN ran USING (thread_id)"
            " ORDER BY 1 DESC, thread_id LIMIT ?",
        all_parameters, [&](const Statement& row) {
          threads_.push_back(
              {FormatDuration(row.Int(0)),
               row.Int(1) > 0 ? FormatShare(double(row.Int(0)), double(row.Int(1))) : "",
               FormatDuration(row.Int(2)), FormatDuration(row.Int(3)), std::to_string(row.Int(4)),
               std::to_string(row.Int(5)), std::string(row.Text(6))});
        });
  }

  Database& database_;
  const TabularRequest& request_;
  Tabular tabular_;
  std::vector<std::vector<std::string>> handlers_;
  std::vector<std::vector<std::string>> threads_;
  int64_t hard_ns_ = 0;
  int64_t soft_ns_ = 0;
  int64_t all_ns_ = 0;
  int64_t count_ = 0;
  int64_t cpu_ns_ = 0;  // of all CPUs together
};

}  // namespace

Result<Tabular> MakeIrq(Database& database, const TabularRequest& request) {
  return Maker(database, request).Make();
}

}  // namespace twofold
