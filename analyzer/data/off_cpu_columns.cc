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

const UnplacedTime& Unplaced(const Source& s, size_t row) {
  return s.off_cpu_scaling.unplaced()[row];
}
const ScaledRow& BlockedScaled(const Source& s, size_t row) {
  return s.off_cpu_scaling.blocked()[row];
}
const ScaledRow& WaitingScaled(const Source& s, size_t row) {
  return s.off_cpu_scaling.waiting()[row];
}

// The shortest wait of a bucket (format/capture.h).
int64_t BucketStartNs(uint32_t bucket) {
  return bucket == 0 ? 0 : int64_t{1000} << (std::min<uint32_t>(bucket, kWaitBuckets) - 1);
}

bool IsWait(const Exemplar& exemplar) { return exemplar.kind == ExemplarKind::kWaiting; }

// The columns of an estimate from sampled_ns on, of blocked and waiting rows.
template <typename Row, const auto& get_scaled>
void AddEstimate(std::vector<CaptureColumn>& columns) {
  columns.push_back({"sampled_ns INTEGER", Of<&Row::sampled_ns>});
  columns.push_back({"samples INTEGER", Of<&Row::samples>});
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
  columns.push_back({"quanta_us2 INTEGER", Of<&Row::quanta_us2>});
}

CaptureTable BlockedTable() {
  CaptureTable table = {
      "blocked",
      OffsetOf<BlockedRow>,
      CountRows<BlockedRow>,
      {
          {"blocked_id INTEGER", OwnKey<BlockedRow>},
          {"interval_id INTEGER", OwnInterval<BlockedRow>},
          {"thread_id INTEGER", Of<&BlockedRow::thread>},
          {"state TEXT",
           [](const Source& s, size_t row) {
             return Text(StateLetter(RowAt<BlockedRow>(s, row).state));
           }},
          {"kernel_stack_id INTEGER", Of<&BlockedRow::kernel_stack>},
          {"user_stack_id INTEGER", Of<&BlockedRow::user_stack>},
          {"time_ns INTEGER", Of<&BlockedRow::time_ns>},
          {"scaled_ns INTEGER",
           [](const Source& s, size_t row) { return Clamped(BlockedScaled(s, row).time_ns); }},
          {"count INTEGER", Of<&BlockedRow::count>},
          {"begun_before INTEGER",
           [](const Source& s, size_t row) {
             return Flag((RowAt<BlockedRow>(s, row).parts & kBegunBefore) != 0);
           }},
          {"open_at_end INTEGER",
           [](const Source& s, size_t row) {
             return Flag((RowAt<BlockedRow>(s, row).parts & kOpenAtEnd) != 0);
           }},
          {"still_blocked INTEGER",
           [](const Source& s, size_t row) { return Flag(s.block_ends[row].still_blocked); }},
          {"chain_id INTEGER",
           [](const Source& s, size_t row) {
             return Key(s.block_ends[row].chain.value, s.offsets.chain);
           }},
      }};
  AddEstimate<BlockedRow, BlockedScaled>(table.columns);
  return table;
}

CaptureTable WaitingTable() {
  CaptureTable table = {
      "waiting",
      OffsetOf<WaitingRow>,
      CountRows<WaitingRow>,
      {
          {"waiting_id INTEGER", OwnKey<WaitingRow>},
          {"interval_id INTEGER", OwnInterval<WaitingRow>},
          {"thread_id INTEGER", Of<&WaitingRow::thread>},
          {"preempted INTEGER", Of<&WaitingRow::preempted>},
          {"kernel_stack_id INTEGER", Of<&WaitingRow::kernel_stack>},
          {"user_stack_id INTEGER", Of<&WaitingRow::user_stack>},
          {"time_ns INTEGER", Of<&WaitingRow::time_ns>},
          {"scaled_ns INTEGER",
           [](const Source& s, size_t row) { return Clamped(WaitingScaled(s, row).time_ns); }},
          {"count INTEGER", Of<&WaitingRow::count>},
      }};
  AddEstimate<WaitingRow, WaitingScaled>(table.columns);
  return table;
}

CaptureTable UnplacedTable() {
  return {
      "unplaced",
      OffsetIn<&IdOffsets::unplaced>,
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
  return {"wait_count",
          OffsetOf<WaitCount>,
          CountRows<WaitCount>,
          {
              {"wait_count_id INTEGER", OwnKey<WaitCount>},
              {"interval_id INTEGER", OwnInterval<WaitCount>},
              {"thread_id INTEGER", Of<&WaitCount::thread>},
              {"bucket INTEGER", Of<&WaitCount::bucket>},
              {"from_ns INTEGER",
               [](const Source& s, size_t row) {
                 return Int(BucketStartNs(RowAt<WaitCount>(s, row).bucket));
               }},
              {"to_ns INTEGER",
               [](const Source& s, size_t row) {
                 uint32_t next = RowAt<WaitCount>(s, row).bucket + 1u;
                 return next >= kWaitBuckets ? Null() : Int(BucketStartNs(next));
               }},
              {"count INTEGER", Of<&WaitCount::count>},
          }};
}

CaptureTable ExemplarTable() {
  return {"exemplar",
          OffsetOf<Exemplar>,
          CountRows<Exemplar>,
          {
              {"exemplar_id INTEGER", OwnKey<Exemplar>},
              {"interval_id INTEGER", OwnInterval<Exemplar>},
              {"kind TEXT", [](const Source& s,
                               size_t row) { return Text(NameOf(RowAt<Exemplar>(s, row).kind)); }},
              {"thread_id INTEGER", Of<&Exemplar::thread>},
              {"state TEXT",
               [](const Source& s, size_t row) {
                 const Exemplar& exemplar = RowAt<Exemplar>(s, row);
                 return Text(IsWait(exemplar) ? "R" : StateLetter(exemplar.state));
               }},
              {"preempted INTEGER",
               [](const Source& s, size_t row) {
                 const Exemplar& exemplar = RowAt<Exemplar>(s, row);
                 return IsWait(exemplar) ? Flag(exemplar.preempted) : Null();
               }},
              {"is_open INTEGER", Of<&Exemplar::open>},
              {"start_ns INTEGER",
               [](const Source& s, size_t row) {
                 uint64_t start_ns = RowAt<Exemplar>(s, row).start_ns;
                 return start_ns == 0 ? Null() : Clamped(start_ns);
               }},
              {"end_ns INTEGER", Of<&Exemplar::end_ns>},
              {"time_ns INTEGER",
               [](const Source& s, size_t row) {
                 const Exemplar& exemplar = RowAt<Exemplar>(s, row);
                 return Clamped(exemplar.end_ns - std::min(exemplar.start_ns, exemplar.end_ns));
               }},
              {"cpu INTEGER", Of<&Exemplar::cpu>},
              {"kernel_stack_id INTEGER", Of<&Exemplar::kernel_stack>},
              {"user_stack_id INTEGER", Of<&Exemplar::user_stack>},
              {"chain_id INTEGER", Of<&Exemplar::chain>},
          }};
}

CaptureTable CpuTimeTable() {
  return {"cpu_time",
          OffsetOf<CpuTime>,
          CountRows<CpuTime>,
          {
              {"cpu_time_id INTEGER", OwnKey<CpuTime>},
              {"interval_id INTEGER", OwnInterval<CpuTime>},
              {"cpu INTEGER", Of<&CpuTime::cpu>},
              {"user_ns INTEGER", Of<&CpuTime::user_ns>},
              {"system_ns INTEGER", Of<&CpuTime::system_ns>},
              {"irq_ns INTEGER", Of<&CpuTime::irq_ns>},
              {"softirq_ns INTEGER", Of<&CpuTime::softirq_ns>},
              {"steal_ns INTEGER", Of<&CpuTime::steal_ns>},
              {"idle_ns INTEGER", Of<&CpuTime::idle_ns>},
              {"iowait_ns INTEGER", Of<&CpuTime::iowait_ns>},
          }};
}

}  // namespace

std::vector<CaptureTable> OffCpuTables() {
  return {BlockedTable(),   WaitingTable(),  UnplacedTable(),
          WaitCountTable(), ExemplarTable(), CpuTimeTable()};
}

}  // namespace twofold::columns
