#include "recorder/sources/cpu/cpu_source.h"

#include <utility>

#include "bpf/abi/losses_abi.h"
#include "recorder/capture/merge_rows.h"
#include "recorder/tracer/programs.h"

namespace twofold {
namespace {

static_assert(uint8_t(LossSource::kCpu) == TWOFOLD_SOURCE_CPU);

constexpr StackTraits kStacks = {.map = TWOFOLD_SET_CPU_STACKS};

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
  skeleton.rodata->sample_period_ns = PeriodNs();
  bpf_map__set_max_entries(skeleton.maps.samplings, SamplingTimer::Cpus());
}

Result<void> CpuSource::Open(Tracer& tracer) {
  skeleton_ = &tracer.skeleton();
  tracer.moves().Follow(TWOFOLD_SET_CPU_ROWS, rows_);
  return {};
}

Result<void> CpuSource::Attach() {
  return timer_.Attach(skeleton_->progs.sample, skeleton_->maps.samplings, PeriodNs());
}

Result<void> CpuSource::Read(const IntervalEnd& end) {
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
  cpu.period_ns = PeriodNs();
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
