#include "recorder/sources/cpu/cpu_source.h"

#include <algorithm>
#include <utility>

#include "bpf/abi/losses_abi.h"
#include "recorder/capture/merge_rows.h"
#include "recorder/tracer/programs.h"

namespace twofold {
namespace {

static_assert(uint8_t(LossSource::kCpu) == TWOFOLD_SOURCE_CPU);

constexpr StackTraits kStacks = {.map = TWOFOLD_SET_CPU_STACKS};

// Samples at a lower rate would say little, and save little.
constexpr uint32_t kLeastHz = 25;

// Between samples.
uint64_t PeriodNs(uint64_t frequency_hz) { return 1'000'000'000 / frequency_hz; }

}  // namespace

CpuSource::CpuSource(const Options& options)
    : Source({.name = "cpu",
              .help = "CPU samples",
              .subject = "CPU samples",
              .is_plural = true,
              .by_default = true}),
      options_(options) {}

std::vector<MapNeed> CpuSource::Maps() const {
  return {{.name = "cpu_stacks",
           .set = TWOFOLD_SET_CPU_STACKS,
           .entry_bytes = kStackEntryBytes,
           .weight = 6},
          {.name = "cpu_rows",
           .set = TWOFOLD_SET_CPU_ROWS,
           .entry_bytes = HashEntryBytes(sizeof(twofold_cpu_key), sizeof(twofold_cpu_sums)),
           .weight = 2}};
}

std::vector<bpf_program*> CpuSource::Programs(const twofold_bpf& skeleton) const {
  return {skeleton.progs.sample};
}

void CpuSource::Prepare(twofold_bpf& skeleton, const MapSizes&) {
  period_ns_ = PeriodNs(options_.frequency_hz);
  period_of_ns_.fill(period_ns_);
  for (auto& period_ns : skeleton.bss->sample_period_ns) period_ns = period_ns_;
  bpf_map__set_max_entries(skeleton.maps.samplings, SamplingTimer::Cpus());
}

Result<void> CpuSource::Open(Tracer& tracer) {
  skeleton_ = &tracer.skeleton();
  tracer.moves().Follow(TWOFOLD_SET_CPU_ROWS, rows_);
  return {};
}

Result<void> CpuSource::Attach() {
  return timer_.Attach(skeleton_->progs.sample, skeleton_->maps.samplings, period_ns_);
}

std::vector<Lever> CpuSource::Levers() const {
  return {{.detail = DetailKind::kSampleRate,
           .full = options_.frequency_hz,
           .least = std::min(options_.frequency_hz, kLeastHz),
           .at_switches = false}};
}

// All samples of an interval stand for the same time, so it is the next one that changes.
void CpuSource::SetDetail(DetailKind detail, uint64_t value) {
  if (detail != DetailKind::kSampleRate) return;
  period_ns_ = PeriodNs(value);
  SetPeriodOf(1 - sum_);
}

void CpuSource::SetPeriodOf(size_t sum) {
  period_of_ns_[sum] = period_ns_;
  __atomic_store_n(&skeleton_->bss->sample_period_ns[sum], period_ns_, __ATOMIC_RELAXED);
  // Ticks must not come less often than the samples of either interval.
  timer_.SetMeanPeriod(std::min(period_of_ns_[0], period_of_ns_[1]));
}

Result<void> CpuSource::Read(const IntervalEnd& end) {
  static_assert(TWOFOLD_SUMS == 2);
  sum_ = 1 - end.sum;
  interval_period_ns_ = period_of_ns_[end.sum];
  SetPeriodOf(end.sum);
  return rows_.ReadDifferencesOfSum(end.sum,
                                    [this](const twofold_cpu_key& key, __u64 now, __u64 before) {
                                      added_.push_back({.key = key, .samples = now - before});
                                    });
}

void CpuSource::Describe(Settings& settings) const {
  settings.frequency_hz = options_.frequency_hz;
}

void CpuSource::BuildRows(CaptureBuilder& builder, Interval& interval) {
  CpuRows& cpu = interval.cpu.emplace();
  cpu.period_ns = interval_period_ns_;
  for (const Added& added : std::exchange(added_, {})) {
    const CaptureBuilder::Place place = builder.PlaceOf(kStacks, added.key);
    cpu.rows.push_back({.thread = place.thread,
                        .kernel_stack = place.kernel_stack,
                        .user_stack = place.user_stack,
                        .samples = added.samples});
  }
  MergeRows(cpu.rows);
}

}  // namespace twofold
