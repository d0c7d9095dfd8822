// Columns of the tables blocked, waiting, unplaced, wait_count, exemplar and cpu_time: which field
// of format/capture.h is which column of sql/schema.sql.
#include <cmath>

#include "analyzer/data/columns.h"
#include "analyzer/data/kind_names.h"

namespace twofold::columns {
namespace {

using Source = CaptureSource;

std::string_view StateLetter(BlockState state) {
  static constexpr std::string_view kLetters = "SDTtPI?";
  size_t index = kLetters.find(BlockStateLetter(state));
  return kLetters.substr(std::min(index, kLetters.size() - 1), 1);
}

const Interval& IntervalOf(const Source& s, const RowPlace& place) {
  return s.capture.intervals[place.interval];
}
const BlockedRow& Blocked(const Source& s, size_t row) {
  return (*IntervalOf(s, s.blocked_rows[row]).blocked)[s.blocked_rows[row].row];
}
const WaitingRow& Waiting(const Source& s, size_t row) {
  return (*IntervalOf(s, s.waiting_rows[row]).waiting)[s.waiting_rows[row].row];
}
const UnplacedTime& Unplaced(const Source& s, size_t row) {
  return s.off_cpu_scaling.unplaced()[row];
}
const ScaledRow& BlockedScaled(const Source& s, size_t row) {
  return s.off_cpu_scaling.blocked()[row];
}
const ScaledRow& WaitingScaled(const Source& s, size_t row) {
  return s.off_cpu_scaling.waiting()[row];
}
const WaitCount& GetWaitCount(const Source& s, size_t row) {
  return (*IntervalOf(s, s.wait_count_rows[row]).wait_counts)[s.wait_count_rows[row].row];
}
const Exemplar& GetExemplar(const Source& s, size_t row) {
  return IntervalOf(s, s.exemplar_rows[row]).exemplars[s.exemplar_rows[row].row];
}
const CpuTime& GetCpuTime(const Source& s, size_t row) {
  return (*IntervalOf(s, s.cpu_time_rows[row]).cpu_times)[s.cpu_time_rows[row].row];
}

// The shortest wait of a bucket (format/capture.h).
int64_t BucketStartNs(uint32_t bucket) {
  return bucket == 0 ? 0 : int64_t{1000} << (std::min<uint32_t>(bucket, kWaitBuckets) - 1);
}

bool IsWait(const Exemplar& exemplar) { return exemplar.kind == ExemplarKind::kWaiting; }

// The columns of an estimate from sampled_ns on, of blocked and waiting rows.
template <const auto& get, const auto& get_scaled>
void AddEstimate(std::vector<CaptureColumn>& columns) {
  columns.push_back({"sampled_ns INTEGER",
                     [](const Source& s, size_t row) { return Clamped(get(s, row).sampled_ns); }});
  columns.push_back({"samples INTEGER",
                     [](const Source& s, size_t row) { return Clamped(get(s, row).samples); }});
  columns.push_back({"variance_us2 INTEGER", [](const Source& s, size_t row) {
                       return Clamped(get_scaled(s, row).variance_us2);
                     }});
  columns.push_back({"standard_error_ns INTEGER", [](const Source& s, size_t row) {
                       return Clamped(StandardErrorNs(get_scaled(s, row)));
                     }});
  columns.push_back({"sample_ns INTEGER", [](const Source& s, size_t row) {
                       return Clamped(get_scaled(s, row).sample_ns);
                     }});
  columns.push_back({"count_variance INTEGER", [](const Source& s, size_t row) {
                       return Clamped(get_scaled(s, row).count_variance);
                     }});
  columns.push_back({"sample_count INTEGER", [](const Source& s, size_t row) {
                       return Clamped(get_scaled(s, row).sample_count);
                     }});
}

CaptureTable BlockedTable() {
  CaptureTable table = {
      "blocked",
      [](const Source& s) { return s.blocked_rows.size(); },
      {
          {"blocked_id INTEGER",
           [](const Source& s, size_t row) { return Counted(row, s.offsets.blocked); }},
          {"interval_id INTEGER",
           [](const Source& s, size_t row) {
             return IntervalKey(s, s.blocked_rows[row].interval);
           }},
          {"thread_id INTEGER",
           [](const Source& s, size_t row) { return ThreadKey(s, Blocked(s, row).thread); }},
          {"state TEXT",
           [](const Source& s, size_t row) { return Text(StateLetter(Blocked(s, row).state)); }},
          {"kernel_stack_id INTEGER",
           [](const Source& s, size_t row) { return StackKey(s, Blocked(s, row).kernel_stack); }},
          {"user_stack_id INTEGER",
           [](const Source& s, size_t row) { return StackKey(s, Blocked(s, row).user_stack); }},
          {"time_ns INTEGER",
           [](const Source& s, size_t row) { return Clamped(Blocked(s, row).time_ns); }},
          {"scaled_ns INTEGER",
           [](const Source& s, size_t row) { return Clamped(BlockedScaled(s, row).time_ns); }},
          {"count INTEGER",
           [](const Source& s, size_t row) { return Clamped(Blocked(s, row).count); }},
          {"begun_before INTEGER",
           [](const Source& s, size_t row) {
             return Flag((Blocked(s, row).parts & kBegunBefore) != 0);
           }},
          {"open_at_end INTEGER",
           [](const Source& s, size_t row) {
             return Flag((Blocked(s, row).parts & kOpenAtEnd) != 0);
           }},
          {"still_blocked INTEGER",
           [](const Source& s, size_t row) { return Flag(s.block_ends[row].still_blocked); }},
          {"chain_id INTEGER",
           [](const Source& s, size_t row) {
             return Key(s.block_ends[row].chain.value, s.offsets.chain);
           }},
      }};
  AddEstimate<Blocked, BlockedScaled>(table.columns);
  return table;
}

CaptureTable WaitingTable() {
  CaptureTable table = {
      "waiting",
      [](const Source& s) { return s.waiting_rows.size(); },
      {
          {"waiting_id INTEGER",
           [](const Source& s, size_t row) { return Counted(row, s.offsets.waiting); }},
          {"interval_id INTEGER",
           [](const Source& s, size_t row) {
             return IntervalKey(s, s.waiting_rows[row].interval);
           }},
          {"thread_id INTEGER",
           [](const Source& s, size_t row) { return ThreadKey(s, Waiting(s, row).thread); }},
          {"preempted INTEGER",
           [](const Source& s, size_t row) { return Flag(Waiting(s, row).preempted); }},
          {"kernel_stack_id INTEGER",
           [](const Source& s, size_t row) { return StackKey(s, Waiting(s, row).kernel_stack); }},
          {"user_stack_id INTEGER",
           [](const Source& s, size_t row) { return StackKey(s, Waiting(s, row).user_stack); }},
          {"time_ns INTEGER",
           [](const Source& s, size_t row) { return Clamped(Waiting(s, row).time_ns); }},
          {"scaled_ns INTEGER",
           [](const Source& s, size_t row) { return Clamped(WaitingScaled(s, row).time_ns); }},
          {"count INTEGER",
           [](const Source& s, size_t row) { return Clamped(Waiting(s, row).count); }},
      }};
  AddEstimate<Waiting, WaitingScaled>(table.columns);
  return table;
}

CaptureTable UnplacedTable() {
  return {
      "unplaced",
      [](const Source& s) { return s.off_cpu_scaling.unplaced().size(); },
      {
          {"unplaced_id INTEGER",
           [](const Source& s, size_t row) { return Counted(row, s.offsets.unplaced); }},
          {"interval_id INTEGER",
           [](const Source& s, size_t row) { return IntervalKey(s, Unplaced(s, row).interval); }},
          {"thread_id INTEGER",
           [](const Source& s, size_t row) { return ThreadKey(s, Unplaced(s, row).thread); }},
          {"state TEXT",
           [](const Source& s, size_t row) {
             const UnplacedTime& unplaced = Unplaced(s, row);
             return Text(unplaced.waiting ? "R" : StateLetter(unplaced.state));
           }},
          {"preempted INTEGER",
           [](const Source& s, size_t row) {
             const UnplacedTime& unplaced = Unplaced(s, row);
             return unplaced.waiting ? Flag(unplaced.preempted) : Null();
           }},
          {"special_frame TEXT",
           [](const Source& s, size_t row) {
             return Text(s.off_cpu_scaling.FrameOf(Unplaced(s, row)));
           }},
          {"time_ns INTEGER",
           [](const Source& s, size_t row) { return Clamped(Unplaced(s, row).time_ns); }},
          {"standard_error_ns INTEGER",
           [](const Source& s, size_t row) { return Clamped(Unplaced(s, row).error_ns); }},
      }};
}

CaptureTable WaitCountTable() {
  return {
      "wait_count",
      [](const Source& s) { return s.wait_count_rows.size(); },
      {
          {"wait_count_id INTEGER",
           [](const Source& s, size_t row) { return Counted(row, s.offsets.wait_count); }},
          {"interval_id INTEGER",
           [](const Source& s, size_t row) {
             return IntervalKey(s, s.wait_count_rows[row].interval);
           }},
          {"thread_id INTEGER",
           [](const Source& s, size_t row) { return ThreadKey(s, GetWaitCount(s, row).thread); }},
          {"bucket INTEGER",
           [](const Source& s, size_t row) { return Int(GetWaitCount(s, row).bucket); }},
          {"from_ns INTEGER",
           [](const Source& s, size_t row) {
             return Int(BucketStartNs(GetWaitCount(s, row).bucket));
           }},
          {"to_ns INTEGER",
           [](const Source& s, size_t row) {
             uint32_t next = GetWaitCount(s, row).bucket + 1u;
             return next >= kWaitBuckets ? Null() : Int(BucketStartNs(next));
           }},
          {"count INTEGER",
           [](const Source& s, size_t row) { return Clamped(GetWaitCount(s, row).count); }},
      }};
}

CaptureTable ExemplarTable() {
  return {
      "exemplar",
      [](const Source& s) { return s.exemplar_rows.size(); },
      {
          {"exemplar_id INTEGER",
           [](const Source& s, size_t row) { return Counted(row, s.offsets.exemplar); }},
          {"interval_id INTEGER",
           [](const Source& s, size_t row) {
             return IntervalKey(s, s.exemplar_rows[row].interval);
           }},
          {"kind TEXT",
           [](const Source& s, size_t row) { return Text(NameOf(GetExemplar(s, row).kind)); }},
          {"thread_id INTEGER",
           [](const Source& s, size_t row) { return ThreadKey(s, GetExemplar(s, row).thread); }},
          {"state TEXT",
           [](const Source& s, size_t row) {
             const Exemplar& exemplar = GetExemplar(s, row);
             return Text(IsWait(exemplar) ? "R" : StateLetter(exemplar.state));
           }},
          {"preempted INTEGER",
           [](const Source& s, size_t row) {
             const Exemplar& exemplar = GetExemplar(s, row);
             return IsWait(exemplar) ? Flag(exemplar.preempted) : Null();
           }},
          {"is_open INTEGER",
           [](const Source& s, size_t row) { return Flag(GetExemplar(s, row).open); }},
          {"start_ns INTEGER",
           [](const Source& s, size_t row) {
             uint64_t start_ns = GetExemplar(s, row).start_ns;
             return start_ns == 0 ? Null() : Clamped(start_ns);
           }},
          {"end_ns INTEGER",
           [](const Source& s, size_t row) { return Clamped(GetExemplar(s, row).end_ns); }},
          {"time_ns INTEGER",
           [](const Source& s, size_t row) {
             const Exemplar& exemplar = GetExemplar(s, row);
             return Clamped(exemplar.end_ns - std::min(exemplar.start_ns, exemplar.end_ns));
           }},
          {"cpu INTEGER", [](const Source& s, size_t row) { return Int(GetExemplar(s, row).cpu); }},
          {"kernel_stack_id INTEGER",
           [](const Source& s, size_t row) {
             return StackKey(s, GetExemplar(s, row).kernel_stack);
           }},
          {"user_stack_id INTEGER",
           [](const Source& s, size_t row) { return StackKey(s, GetExemplar(s, row).user_stack); }},
          {"chain_id INTEGER",
           [](const Source& s, size_t row) {
             return Key(GetExemplar(s, row).chain.value, s.offsets.chain);
           }},
      }};
}

template <uint64_t CpuTime::*field>
ColumnValue CpuTimeOf(const Source& s, size_t row) {
  return Clamped(GetCpuTime(s, row).*field);
}

CaptureTable CpuTimeTable() {
  return {
      "cpu_time",
      [](const Source& s) { return s.cpu_time_rows.size(); },
      {
          {"cpu_time_id INTEGER",
           [](const Source& s, size_t row) { return Counted(row, s.offsets.cpu_time); }},
          {"interval_id INTEGER",
           [](const Source& s, size_t row) {
             return IntervalKey(s, s.cpu_time_rows[row].interval);
           }},
          {"cpu INTEGER", [](const Source& s, size_t row) { return Int(GetCpuTime(s, row).cpu); }},
          {"user_ns INTEGER", CpuTimeOf<&CpuTime::user_ns>},
          {"system_ns INTEGER", CpuTimeOf<&CpuTime::system_ns>},
          {"irq_ns INTEGER", CpuTimeOf<&CpuTime::irq_ns>},
          {"softirq_ns INTEGER", CpuTimeOf<&CpuTime::softirq_ns>},
          {"steal_ns INTEGER", CpuTimeOf<&CpuTime::steal_ns>},
          {"idle_ns INTEGER", CpuTimeOf<&CpuTime::idle_ns>},
          {"iowait_ns INTEGER", CpuTimeOf<&CpuTime::iowait_ns>},
      }};
}

}  // namespace

std::vector<CaptureTable> OffCpuTables() {
  return {BlockedTable(),   WaitingTable(),  UnplacedTable(),
          WaitCountTable(), ExemplarTable(), CpuTimeTable()};
}

}  // namespace twofold::columns
