// Columns of the tables interval, cpu_sample, account, detail_step, loss and cost: which field of
// format/capture.h is which column of sql/schema.sql.
#include "analyzer/data/columns.h"
#include "analyzer/data/kind_names.h"
#include "format/losses.h"

namespace twofold::columns {
namespace {

using Source = CaptureSource;
using Value = ColumnValue;

// Whether the lost time is in the rows all the same: under a special frame, with one stack less,
// or, where rows are scaled to the threads' accounts, as a part of the rows that were kept or as
// unplaced time.
bool TimeIsInRows(const Interval& interval, const Loss& loss) {
  if (loss.source == LossSource::kCpu && interval.cpu && interval.accounts) return true;
  if (loss.source == LossSource::kOffCpu && interval.blocked && interval.accounts) return true;
  switch (loss.cause) {
    case LossCause::kStackMapFull:
    case LossCause::kKernelStackFailed:
    case LossCause::kUserStackFailed:
    case LossCause::kUserStackNotTaken:
    case LossCause::kInsertsCapped:
    case LossCause::kRanUnseen:
    case LossCause::kEventTimeLost:
    case LossCause::kAllocationTableFull:
      return true;
    default:
      return false;
  }
}

// The part of an account's time on a CPU that was in user mode, as the scheduler's estimates divide
// it; user and system time add up to on_cpu_ns. False: there is no estimate of a time that is not
// 0.
bool UserTimeNs(const Account& account, uint64_t& user_ns) {
  using Wide = unsigned __int128;
  Wide estimates = static_cast<Wide>(account.user_ns) + account.system_ns;
  user_ns = 0;
  if (estimates == 0) return account.on_cpu_ns == 0;
  user_ns = uint64_t(static_cast<Wide>(account.on_cpu_ns) * account.user_ns / estimates);
  return true;
}

template <size_t state>
Value BlockedTime(const Source& s, size_t row) {
  return Clamped(RowAt<Account>(s, row).blocked_ns[state]);
}

template <size_t t>
void AddHasColumn(std::vector<CaptureColumn>& columns) {
  constexpr const auto& kTable = std::get<t>(kRowTables);
  // Of CPU samples cpu_period_ns tells.
  constexpr bool kIsTold = kTable.kIsOptional && std::string_view(kTable.name) != "cpu";
  if constexpr (kIsTold) {
    columns.push_back(
        {std::string("has_") + kTable.name + " INTEGER", [](const Source& s, size_t row) {
           return Flag(std::get<t>(kRowTables).Find(s.capture.intervals[row]) != nullptr);
         }});
  }
}

// Which kinds of rows an interval has, also where there are none: has_blocked and so on.
void AddHasColumns(std::vector<CaptureColumn>& columns) {
  [&]<size_t... t>(std::index_sequence<t...>) { (AddHasColumn<t>(columns), ...); }
  (std::make_index_sequence<kRowTableCount>());
}

}  // namespace

std::vector<CaptureTable> RowTables() {
  std::vector<CaptureTable> tables;
  tables.push_back(
      {"interval",
       OffsetIn<&IdOffsets::interval>,
       [](const Source& s) { return s.capture.intervals.size(); },
       {
           {"interval_id INTEGER",
            [](const Source& s, size_t row) { return IntervalKey(s, uint32_t(row)); }},
           {"capture_id INTEGER", [](const Source& s, size_t) { return Int(s.capture_id); }},
           {"number INTEGER",
            [](const Source& s, size_t row) { return Int(s.capture.intervals[row].number); }},
           {"start_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(s.capture.intervals[row].start_ns); }},
           {"end_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(s.capture.intervals[row].end_ns); }},
           {"start_realtime_ns INTEGER",
            [](const Source& s, size_t row) {
              return Int(s.capture.intervals[row].start_realtime_ns);
            }},
           {"cpu_period_ns INTEGER",
            [](const Source& s, size_t row) {
              const auto& cpu = s.capture.intervals[row].cpu;
              return cpu ? Clamped(cpu->period_ns) : Null();
            }},
       }});
  AddHasColumns(tables.back().columns);
  tables.back().columns.push_back({"quantum_ns INTEGER", [](const Source& s, size_t row) {
                                     return Clamped(s.capture.intervals[row].quantum_ns);
                                   }});
  tables.back().columns.push_back({"late_ns INTEGER", [](const Source& s, size_t row) {
                                     return Clamped(s.capture.intervals[row].late_ns);
                                   }});
  tables.push_back(
      {"cpu_sample",
       OffsetOf<CpuRow>,
       CountRows<CpuRow>,
       {
           {"cpu_sample_id INTEGER", OwnKey<CpuRow>},
           {"interval_id INTEGER", OwnInterval<CpuRow>},
           {"thread_id INTEGER", Of<&CpuRow::thread>},
           {"kernel_stack_id INTEGER", Of<&CpuRow::kernel_stack>},
           {"user_stack_id INTEGER", Of<&CpuRow::user_stack>},
           {"samples INTEGER", Of<&CpuRow::samples>},
           {"time_ns INTEGER",
            [](const Source& s, size_t row) {
              return Clamped(SampledTimeNs(*IntervalAt<CpuRow>(s, row).cpu, RowAt<CpuRow>(s, row)));
            }},
           {"scaled_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(s.cpu_scaling.scaled_ns()[row]); }},
       }});
  for (CaptureTable& table : EventTables()) tables.push_back(std::move(table));
  for (CaptureTable& table : CounterTables()) tables.push_back(std::move(table));
  for (CaptureTable& table : OffCpuTables()) tables.push_back(std::move(table));
  for (CaptureTable& table : MemoryTables()) tables.push_back(std::move(table));
  for (CaptureTable& table : RetransmitTables()) tables.push_back(std::move(table));
  for (CaptureTable& table : ExecTables()) tables.push_back(std::move(table));
  for (CaptureTable& table : IrqTables()) tables.push_back(std::move(table));
  for (CaptureTable& table : PageFaultTables()) tables.push_back(std::move(table));
  tables.push_back(
      {"account",
       OffsetOf<Account>,
       CountRows<Account>,
       {
           {"account_id INTEGER", OwnKey<Account>},
           {"interval_id INTEGER", OwnInterval<Account>},
           {"thread_id INTEGER", Of<&Account::thread>},
           {"existed_ns INTEGER", Of<&Account::existed_ns>},
           {"on_cpu_ns INTEGER", Of<&Account::on_cpu_ns>},
           {"user_ns INTEGER",
            [](const Source& s, size_t row) {
              uint64_t user_ns = 0;
              return UserTimeNs(RowAt<Account>(s, row), user_ns) ? Clamped(user_ns) : Null();
            }},
           {"system_ns INTEGER",
            [](const Source& s, size_t row) {
              const Account& account = RowAt<Account>(s, row);
              uint64_t user_ns = 0;
              return UserTimeNs(account, user_ns) ? Clamped(account.on_cpu_ns - user_ns) : Null();
            }},
           {"unsampled_ns INTEGER",
            [](const Source& s, size_t row) {
              const Account& account = RowAt<Account>(s, row);
              bool unsampled = IntervalAt<Account>(s, row).cpu.has_value() &&
                               s.cpu_scaling.IsUnsampled(account.thread);
              return unsampled ? Clamped(account.on_cpu_ns) : Int(0);
            }},
           {"woken_ns INTEGER", Of<&Account::woken_ns>},
           {"preempted_ns INTEGER", Of<&Account::preempted_ns>},
           {"interruptible_ns INTEGER", BlockedTime<0>},
           {"uninterruptible_ns INTEGER", BlockedTime<1>},
           {"stopped_ns INTEGER", BlockedTime<2>},
           {"traced_ns INTEGER", BlockedTime<3>},
           {"parked_ns INTEGER", BlockedTime<4>},
           {"idle_ns INTEGER", BlockedTime<5>},
           {"other_ns INTEGER", BlockedTime<6>},
       }});
  tables.push_back(
      {"detail_step",
       OffsetOf<DetailStep>,
       CountRows<DetailStep>,
       {
           {"detail_step_id INTEGER", OwnKey<DetailStep>},
           {"interval_id INTEGER", OwnInterval<DetailStep>},
           {"time_ns INTEGER", Of<&DetailStep::time_ns>},
           {"detail TEXT",
            [](const Source& s, size_t row) {
              return Text(NameOf(RowAt<DetailStep>(s, row).detail));
            }},
           {"from_value INTEGER", Of<&DetailStep::from>},
           {"to_value INTEGER", Of<&DetailStep::to>},
           {"is_taken_back INTEGER",
            [](const Source& s, size_t row) { return Flag(RowAt<DetailStep>(s, row).taken_back); }},
           {"cost_permyriad INTEGER", Of<&DetailStep::cost_permyriad>},
       }});
  tables.push_back(
      {"loss",
       OffsetOf<Loss>,
       CountRows<Loss>,
       {
           {"loss_id INTEGER", OwnKey<Loss>},
           {"interval_id INTEGER", OwnInterval<Loss>},
           {"cause INTEGER",
            [](const Source& s, size_t row) { return Int(int64_t(RowAt<Loss>(s, row).cause)); }},
           {"name TEXT",
            [](const Source& s, size_t row) {
              return Text(GetLossInfo(RowAt<Loss>(s, row).cause).name);
            }},
           {"source TEXT",
            [](const Source& s, size_t row) {
              return Text(LossSourceName(RowAt<Loss>(s, row).source));
            }},
           {"count INTEGER", Of<&Loss::count>},
           {"time_ns INTEGER", Of<&Loss::time_ns>},
           {"in_rows INTEGER",
            [](const Source& s, size_t row) {
              return Int(TimeIsInRows(IntervalAt<Loss>(s, row), RowAt<Loss>(s, row)) ? 1 : 0);
            }},
       }});
  tables.push_back({"cost",
                    nullptr,
                    [](const Source& s) { return s.capture.intervals.size(); },
                    {
                        {"interval_id INTEGER",
                         [](const Source& s, size_t row) { return IntervalKey(s, uint32_t(row)); }},
                        {"bpf_ns INTEGER",
                         [](const Source& s, size_t row) {
                           return Clamped(s.capture.intervals[row].cost.bpf_ns);
                         }},
                        {"bpf_runs INTEGER",
                         [](const Source& s, size_t row) {
                           return Clamped(s.capture.intervals[row].cost.bpf_runs);
                         }},
                        {"user_ns INTEGER",
                         [](const Source& s, size_t row) {
                           return Clamped(s.capture.intervals[row].cost.user_ns);
                         }},
                        {"system_ns INTEGER",
                         [](const Source& s, size_t row) {
                           return Clamped(s.capture.intervals[row].cost.system_ns);
                         }},
                        {"peak_resident_bytes INTEGER",
                         [](const Source& s, size_t row) {
                           return Clamped(s.capture.intervals[row].cost.peak_resident_bytes);
                         }},
                        {"map_bytes INTEGER",
                         [](const Source& s, size_t row) {
                           return Clamped(s.capture.intervals[row].cost.map_bytes);
                         }},
                        {"map_inserts INTEGER",
                         [](const Source& s, size_t row) {
                           return Clamped(s.capture.intervals[row].cost.map_inserts);
                         }},
                        {"bpf_measured_ns INTEGER",
                         [](const Source& s, size_t row) {
                           return Clamped(s.capture.intervals[row].cost.bpf_measured_ns);
                         }},
                        {"startup_ns INTEGER",
                         [](const Source& s, size_t row) {
                           return Clamped(s.capture.intervals[row].cost.startup_ns);
                         }},
                    }});
  return tables;
}

}  // namespace twofold::columns
