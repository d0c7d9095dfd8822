#include "recorder/sources/cpi/cpi_source.h"

#include <linux/perf_event.h>

#include <utility>

#include "bpf/abi/losses_abi.h"
#include "recorder/capture/merge_rows.h"
#include "recorder/host/kernel_features.h"
#include "recorder/tracer/programs.h"

namespace twofold {
namespace {

static_assert(uint8_t(LossSource::kCpi) == TWOFOLD_SOURCE_CPI);

constexpr StackTraits kStacks = {.map = TWOFOLD_SET_CPI_STACKS};

}  // namespace

CpiSource::CpiSource(const Options& options)
    : Source({.name = "cpi",
              .help = "cycles and instructions",
              .subject = "cycles and instructions",
              .is_plural = true,
              .remedy = "Record other sources, or on a host that offers hardware counters "
                        "(twofold-record --check tells)"}),
      options_(options) {}

void CpiSource::Check(const KernelBtf*, std::vector<Finding>& findings) const {
  findings.push_back(Outcome("hardware counter, cycles", TryHardwareEvent(PERF_COUNT_HW_CPU_CYCLES),
                             "counts and samples"));
  findings.push_back(Outcome("hardware counter, instr.",
                             TryHardwareEvent(PERF_COUNT_HW_INSTRUCTIONS), "counts and samples"));
}

std::vector<MapNeed> CpiSource::Maps() const {
  return {{.name = "cpi_stacks",
           .set = TWOFOLD_SET_CPI_STACKS,
           .entry_bytes = kStackEntryBytes,
           .weight = 6},
          {.name = "cpi_rows",
           .set = TWOFOLD_SET_CPI_ROWS,
           .entry_bytes = HashEntryBytes(sizeof(twofold_cpu_key), sizeof(twofold_cpi_sums)),
           .weight = 2}};
}

std::vector<bpf_program*> CpiSource::Programs(const twofold_bpf& skeleton) const {
  return {skeleton.progs.sample_cycles, skeleton.progs.sample_instructions};
}

Result<void> CpiSource::Open(Tracer& tracer) {
  skeleton_ = &tracer.skeleton();
  tracer.moves().Follow(TWOFOLD_SET_CPI_ROWS, rows_);
  return {};
}

Result<void> CpiSource::Attach() {
  const Result<uint64_t> period = CyclesPerSample(options_.frequency_hz);
  if (!period) return Error{.what = period.error().what};
  const Result<void> attached = counters_.Attach(skeleton_->progs.sample_cycles,
                                                 skeleton_->progs.sample_instructions, *period);
  if (!attached) return Error{.what = attached.error().what};
  return {};
}

Result<void> CpiSource::Read(const IntervalEnd& end) {
  // Those of the last interval were read when it ended (EndLast): they are gone by now.
  if (!end.is_last) counted_ = counters_.TakeDifferences();
  return rows_.ReadDifferencesOfSum(end.sum, [this](const twofold_cpu_key& key,
                                                    const twofold_cpi_value& now,
                                                    const twofold_cpi_value& before) {
    added_.push_back(
        {.key = key,
         .value = {.cycles = now.cycles - before.cycles,
                   .cycle_samples = now.cycle_samples - before.cycle_samples,
                   .instructions = now.instructions - before.instructions,
                   .instruction_samples = now.instruction_samples - before.instruction_samples}});
  });
}

void CpiSource::Describe(Settings& settings) const {
  settings.frequency_hz = options_.frequency_hz;
}

void CpiSource::BuildRows(CaptureBuilder& builder, Interval& interval) {
  CounterRows& counters = interval.counters.emplace();
  counters.cycles = counted_.cycles;
  counters.instructions = counted_.instructions;
  for (const Added& added : std::exchange(added_, {})) {
    const CaptureBuilder::Place place = builder.PlaceOf(kStacks, added.key);
    counters.rows.push_back({.thread = place.thread,
                             .kernel_stack = place.kernel_stack,
                             .user_stack = place.user_stack,
                             .cycles = added.value.cycles,
                             .cycle_samples = added.value.cycle_samples,
                             .instructions = added.value.instructions,
                             .instruction_samples = added.value.instruction_samples});
  }
  MergeRows(counters.rows);
}

}  // namespace twofold
