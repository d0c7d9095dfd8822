#include "recorder/tracer/run_time_meter.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "recorder/base/clocks.h"
#include "recorder/tracer/bpf_link.h"

namespace twofold {
namespace {

constexpr uint64_t kPeriodNs = 250'000'000;
constexpr uint64_t kSliceNs = 12'500'000;
// CPU time of switching the counting on that is too much to do over and over: with it off again,
// eight times a second, 0.4 % of a CPU.
constexpr uint64_t kDearNs = 500'000;

}  // namespace

RunTimeMeter::RunTimeMeter(std::vector<const bpf_program*> programs,
                           std::vector<const bpf_program*> scheduler)
    : programs_(std::move(programs)), scheduler_(std::move(scheduler)) {}

Result<void> RunTimeMeter::Start() {
  random_.seed(uint32_t(MonotonicNowNs()));
  const uint64_t before_ns = ClockNs(CLOCK_PROCESS_CPUTIME_ID);
  if (!BeginSlice()) return TracerError("cannot switch BPF run-time statistics on", errno);
  always_ = ClockNs(CLOCK_PROCESS_CPUTIME_ID) - before_ns > kDearNs;
  if (always_) next_ns_ = UINT64_MAX;
  advanced_ns_ = slice_start_ns_;
  return {};
}

bool RunTimeMeter::BeginSlice() {
  counting_.Reset(bpf_enable_stats(BPF_STATS_RUN_TIME));
  at_slice_start_ = ReadRuns().value_or(at_slice_start_);
  // Switching it on may take a while.
  slice_start_ns_ = MonotonicNowNs();
  next_ns_ = slice_start_ns_ + kSliceNs;
  return bool(counting_);
}

std::optional<RunTimeMeter::Runs> RunTimeMeter::ReadRuns() const {
  const std::optional<ProgramRuns> scheduler = ReadProgramRuns(scheduler_);
  const std::optional<ProgramRuns> all = ReadProgramRuns(programs_);
  if (!scheduler || !all) return std::nullopt;
  return Runs{.scheduler = *scheduler, .all = *all};
}

// What the slice at hand tells until now; the rates are its own from then on.
void RunTimeMeter::MeasureSlice(uint64_t now_ns) {
  const std::optional<Runs> runs = ReadRuns();
  if (!runs || now_ns <= slice_start_ns_) return;
  const auto length_ns = double(now_ns - slice_start_ns_);
  scheduler_rate_ = double(runs->scheduler.ns - at_slice_start_.scheduler.ns) / length_ns;
  all_rate_ = double(runs->all.ns - at_slice_start_.all.ns) / length_ns;
  runs_per_ns_ = double(runs->all.count - at_slice_start_.all.count) / length_ns;
}

// The time until now, by the rates of the latest slice.
void RunTimeMeter::Advance(uint64_t now_ns) {
  if (now_ns <= advanced_ns_) return;
  const auto elapsed_ns = double(now_ns - std::exchange(advanced_ns_, now_ns));
  total_.scheduler_ns += scheduler_rate_ * elapsed_ns;
  total_.all_ns += all_rate_ * elapsed_ns;
  total_.runs += runs_per_ns_ * elapsed_ns;
}

void RunTimeMeter::Turn(uint64_t now_ns) {
  if (now_ns < next_ns_) return;
  if (!counting_) {
    Advance(now_ns);
    BeginSlice();
    return;
  }
  MeasureSlice(now_ns);
  Advance(now_ns);
  counting_.Reset();
  total_.measured_ns += now_ns - slice_start_ns_;
  // Somewhere in the next period.
  constexpr uint64_t kRestNs = kPeriodNs - kSliceNs;
  next_ns_ = now_ns + kRestNs / 2 + random_() % kRestNs;
}

// What was counted since the last time, where it is counted all the time.
void RunTimeMeter::AddCounted(uint64_t now_ns) {
  const std::optional<Runs> runs = ReadRuns();
  if (!runs || now_ns <= slice_start_ns_) return;
  total_.scheduler_ns += double(runs->scheduler.ns - at_slice_start_.scheduler.ns);
  total_.all_ns += double(runs->all.ns - at_slice_start_.all.ns);
  total_.runs += double(runs->all.count - at_slice_start_.all.count);
  total_.measured_ns += now_ns - std::exchange(slice_start_ns_, now_ns);
  at_slice_start_ = *runs;
}

RunTimeMeter::Total RunTimeMeter::Read(uint64_t now_ns) {
  if (always_) {
    AddCounted(now_ns);
    return total_;
  }
  if (counting_) MeasureSlice(now_ns);
  Advance(now_ns);
  Total total = total_;
  if (counting_) total.measured_ns += now_ns - slice_start_ns_;
  return total;
}

}  // namespace twofold
