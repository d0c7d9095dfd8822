#include "recorder/tracer/run_time_meter.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "recorder/tracer/bpf_link.h"

namespace twofold {
namespace {

constexpr uint64_t kPeriodNs = 250'000'000;
constexpr uint64_t kSliceNs = 12'500'000;
// A shorter part of one tells too little.
constexpr uint64_t kLeastNs = 1'000'000;

}  // namespace

RunTimeMeter::RunTimeMeter(std::vector<const bpf_program*> programs,
                           std::vector<const bpf_program*> scheduler)
    : programs_(std::move(programs)), scheduler_(std::move(scheduler)) {}

Result<void> RunTimeMeter::Start(uint64_t now_ns) {
  random_.seed(uint32_t(now_ns));
  advanced_ns_ = now_ns;
  next_ns_ = now_ns;
  Turn(now_ns);
  if (counting_) return {};
  return TracerError("cannot switch BPF run-time statistics on", errno);
}

std::optional<RunTimeMeter::Runs> RunTimeMeter::ReadRuns() const {
  const std::optional<ProgramRuns> scheduler = ReadProgramRuns(scheduler_);
  const std::optional<ProgramRuns> all = ReadProgramRuns(programs_);
  if (!scheduler || !all) return std::nullopt;
  return Runs{.scheduler = *scheduler, .all = *all};
}

// What the rates of the latest slice say of the time until now.
void RunTimeMeter::Advance(uint64_t now_ns) {
  const auto elapsed_ns = double(now_ns - std::exchange(advanced_ns_, now_ns));
  total_.scheduler_ns += scheduler_rate_ * elapsed_ns;
  total_.all_ns += all_rate_ * elapsed_ns;
  total_.runs += runs_per_ns_ * elapsed_ns;
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

void RunTimeMeter::Turn(uint64_t now_ns) {
  if (now_ns < next_ns_) return;
  if (counting_) {
    MeasureSlice(now_ns);
    Advance(now_ns);
    counting_.Reset();
    total_.measured_ns += now_ns - slice_start_ns_;
    // Somewhere in the next period.
    const uint64_t rest_ns = kPeriodNs - kSliceNs;
    next_ns_ = now_ns + rest_ns / 2 + random_() % rest_ns;
    return;
  }
  Advance(now_ns);
  counting_.Reset(bpf_enable_stats(BPF_STATS_RUN_TIME));
  at_slice_start_ = ReadRuns().value_or(at_slice_start_);
  slice_start_ns_ = now_ns;
  next_ns_ = now_ns + kSliceNs;
}

RunTimeMeter::Total RunTimeMeter::Read(uint64_t now_ns) {
  const bool tells = total_.measured_ns == 0 || now_ns - slice_start_ns_ >= kLeastNs;
  if (counting_ && tells) MeasureSlice(now_ns);
  Advance(now_ns);
  Total total = total_;
  if (counting_) total.measured_ns += now_ns - slice_start_ns_;
  return total;
}

}  // namespace twofold
