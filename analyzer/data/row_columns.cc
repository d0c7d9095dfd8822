// Columns of the tables interval, cpu_sample, account, loss and cost: which field of
// format/capture.h is which column of sql/schema.sql.
#include "analyzer/data/columns.h"
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

const Interval& IntervalOf(const Source& s, const RowPlace& place) {
  return s.capture.intervals[place.interval];
}
const CpuRow& Cpu(const Source& s, size_t row) {
  return IntervalOf(s, s.cpu_rows[row]).cpu->rows[s.cpu_rows[row].row];
}
const Account& GetAccount(const Source& s, size_t row) {
  return (*IntervalOf(s, s.account_rows[row]).accounts)[s.account_rows[row].row];
}
const Loss& GetLoss(const Source& s, size_t row) {
  return IntervalOf(s, s.loss_rows[row]).losses[s.loss_rows[row].row];
}

// The part of an account's time on a CPU that was in user mode, as the scheduler's estimates divide
// it; user and system time add up to on_cpu_ns. False: there is no estimate of a time that is not
// 0.
bool UserTimeNs(const Account& account, uint64_t& user_ns) {
  using Wide = unsigned __int128;
  Wide estimates = static_cast<Wide>(account.user_ns) + account.system_ns;
  user_ns = 0;
  if (estimates == 0) return account.on_cpu_ns == 0;
  user_ns =
      static_cast<uint64_t>(static_cast<Wide>(account.on_cpu_ns) * account.user_ns / estimates);
  return true;
}

template <size_t state>
Value BlockedTime(const Source& s, size_t row) {
  return Clamped(GetAccount(s, row).blocked_ns[state]);
}

}  // namespace

std::vector<CaptureTable> RowTables() {
  std::vector<CaptureTable> tables;
  tables.push_back(
      {"interval",
       [](const Source& s) { return s.capture.intervals.size(); },
       {
           {"interval_id INTEGER",
            [](const Source& s, size_t row) { return IntervalKey(s, static_cast<uint32_t>(row)); }},
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
           {"has_blocked INTEGER",
            [](const Source& s, size_t row) {
              return Int(s.capture.intervals[row].blocked ? 1 : 0);
            }},
           {"has_accounts INTEGER",
            [](const Source& s, size_t row) {
              return Int(s.capture.intervals[row].accounts ? 1 : 0);
            }},
           {"has_waiting INTEGER",
            [](const Source& s, size_t row) {
              return Int(s.capture.intervals[row].waiting ? 1 : 0);
            }},
           {"has_wait_counts INTEGER",
            [](const Source& s, size_t row) {
              return Int(s.capture.intervals[row].wait_counts ? 1 : 0);
            }},
           {"has_cpu_times INTEGER",
            [](const Source& s, size_t row) {
              return Int(s.capture.intervals[row].cpu_times ? 1 : 0);
            }},
           {"has_counters INTEGER",
            [](const Source& s, size_t row) {
              return Int(s.capture.intervals[row].counters ? 1 : 0);
            }},
           {"has_allocations INTEGER",
            [](const Source& s, size_t row) {
              return Flag(s.capture.intervals[row].allocations.has_value());
            }},
           {"has_outstanding INTEGER",
            [](const Source& s, size_t row) {
              return Flag(s.capture.intervals[row].outstanding.has_value());
            }},
           {"has_retransmits INTEGER",
            [](const Source& s, size_t row) {
              return Flag(s.capture.intervals[row].retransmits.has_value());
            }},
           {"has_execs INTEGER",
            [](const Source& s, size_t row) {
              return Flag(s.capture.intervals[row].execs.has_value());
            }},
           {"quantum_ns INTEGER",
            [](const Source& s, size_t row) {
              return Clamped(s.capture.intervals[row].quantum_ns);
            }},
       }});
  tables.push_back(
      {"cpu_sample",
       [](const Source& s) { return s.cpu_rows.size(); },
       {
           {"cpu_sample_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(static_cast<int64_t>(row) + 1 + s.offsets.cpu_sample);
            }},
           {"interval_id INTEGER",
            [](const Source& s, size_t row) { return IntervalKey(s, s.cpu_rows[row].interval); }},
           {"thread_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(Cpu(s, row).thread.value + s.offsets.thread);
            }},
           {"kernel_stack_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(Cpu(s, row).kernel_stack.value, s.offsets.stack);
            }},
           {"user_stack_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(Cpu(s, row).user_stack.value, s.offsets.stack);
            }},
           {"samples INTEGER",
            [](const Source& s, size_t row) { return Clamped(Cpu(s, row).samples); }},
           {"time_ns INTEGER",
            [](const Source& s, size_t row) {
              return Clamped(SampledTimeNs(*IntervalOf(s, s.cpu_rows[row]).cpu, Cpu(s, row)));
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
  tables.push_back(
      {"account",
       [](const Source& s) { return s.account_rows.size(); },
       {
           {"account_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(static_cast<int64_t>(row) + 1 + s.offsets.account);
            }},
           {"interval_id INTEGER",
            [](const Source& s, size_t row) {
              return IntervalKey(s, s.account_rows[row].interval);
            }},
           {"thread_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(GetAccount(s, row).thread.value + s.offsets.thread);
            }},
           {"existed_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(GetAccount(s, row).existed_ns); }},
           {"on_cpu_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(GetAccount(s, row).on_cpu_ns); }},
           {"user_ns INTEGER",
            [](const Source& s, size_t row) {
              uint64_t user_ns = 0;
              return UserTimeNs(GetAccount(s, row), user_ns) ? Clamped(user_ns) : Null();
            }},
           {"system_ns INTEGER",
            [](const Source& s, size_t row) {
              const Account& account = GetAccount(s, row);
              uint64_t user_ns = 0;
              return UserTimeNs(account, user_ns) ? Clamped(account.on_cpu_ns - user_ns) : Null();
            }},
           {"unsampled_ns INTEGER",
            [](const Source& s, size_t row) {
              const Account& account = GetAccount(s, row);
              bool unsampled = IntervalOf(s, s.account_rows[row]).cpu.has_value() &&
                               s.cpu_scaling.IsUnsampled(account.thread);
              return unsampled ? Clamped(account.on_cpu_ns) : Int(0);
            }},
           {"woken_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(GetAccount(s, row).woken_ns); }},
           {"preempted_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(GetAccount(s, row).preempted_ns); }},
           {"interruptible_ns INTEGER", BlockedTime<0>},
           {"uninterruptible_ns INTEGER", BlockedTime<1>},
           {"stopped_ns INTEGER", BlockedTime<2>},
           {"traced_ns INTEGER", BlockedTime<3>},
           {"parked_ns INTEGER", BlockedTime<4>},
           {"idle_ns INTEGER", BlockedTime<5>},
           {"other_ns INTEGER", BlockedTime<6>},
       }});
  tables.push_back(
      {"loss",
       [](const Source& s) { return s.loss_rows.size(); },
       {
           {"loss_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(static_cast<int64_t>(row) + 1 + s.offsets.loss);
            }},
           {"interval_id INTEGER",
            [](const Source& s, size_t row) { return IntervalKey(s, s.loss_rows[row].interval); }},
           {"cause INTEGER",
            [](const Source& s, size_t row) {
              return Int(static_cast<int64_t>(GetLoss(s, row).cause));
            }},
           {"name TEXT", [](const Source& s,
                            size_t row) { return Text(GetLossInfo(GetLoss(s, row).cause).name); }},
           {"source TEXT", [](const Source& s,
                              size_t row) { return Text(LossSourceName(GetLoss(s, row).source)); }},
           {"count INTEGER",
            [](const Source& s, size_t row) { return Clamped(GetLoss(s, row).count); }},
           {"time_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(GetLoss(s, row).time_ns); }},
           {"in_rows INTEGER",
            [](const Source& s, size_t row) {
              return Int(TimeIsInRows(IntervalOf(s, s.loss_rows[row]), GetLoss(s, row)) ? 1 : 0);
            }},
       }});
  tables.push_back(
      {"cost",
       [](const Source& s) { return s.capture.intervals.size(); },
       {
           {"interval_id INTEGER",
            [](const Source& s, size_t row) { return IntervalKey(s, static_cast<uint32_t>(row)); }},
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
       }});
  return tables;
}

}  // namespace twofold::columns
