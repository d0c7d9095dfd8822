#include "recorder/sources/faults/faults_source.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

#include "bpf/abi/losses_abi.h"
#include "format/base/unique_fd.h"
#include "recorder/base/small_file.h"
#include "recorder/capture/merge_rows.h"
#include "recorder/cli/option_values.h"
#include "recorder/host/kernel_features.h"
#include "recorder/tracer/programs.h"
#include "recorder/tracer/tracer.h"

namespace twofold {
namespace {

static_assert(uint8_t(LossSource::kFaults) == TWOFOLD_SOURCE_FAULTS);
static_assert(uint8_t(PageFaultKind::kMinor) == TWOFOLD_FAULT_MINOR);
static_assert(uint8_t(PageFaultKind::kMajor) == TWOFOLD_FAULT_MAJOR);

constexpr StackTraits kStacks = {.map = TWOFOLD_SET_FAULTS_STACKS};

// Of a kind on a CPU, at most about: the kernel adapts the period so that a storm has no more
// (kernel/events/core.c: perf_adjust_period). A sample takes up to ten microseconds, so that this
// is a half per cent of each CPU at most; and what makes fewer faults has the stack of each.
constexpr uint64_t kSamplesPerSecond = 500;

// The kernel takes no frequency above its limit, which it lowers by itself on slow hosts.
uint64_t SamplesPerSecond() {
  const std::optional<std::string> limit =
      ReadSmallFile(AT_FDCWD, "/proc/sys/kernel/perf_event_max_sample_rate", 32);
  const uint64_t most = limit ? std::strtoull(limit->c_str(), nullptr, 10) : 0;
  return most == 0 ? kSamplesPerSecond : std::min(most, kSamplesPerSecond);
}

}  // namespace

FaultsSource::FaultsSource(const Options& options)
    : Source(
          {.name = "faults", .help = "page faults", .subject = "page faults", .is_plural = true}),
      options_(options) {}

void FaultsSource::DeclareOptions(OptionSet& table) {
  table.Add({.name = "faults-period",
             .value_name = "N",
             .help = "of page faults, every Nth on a CPU is sampled; 1: each\n"
                     "(default: about 500 samples a second and CPU at most)",
             .group = size_t(HelpGroup::kWhich),
             .set = ReadCount("--faults-period", 1, 1'000'000, "faults", period_)});
  table.AddCheck([this](const Arguments& given) -> Result<void> {
    if (options_.help || options_.version) return {};
    if (!given.Has("faults-period") || IsAskedFor(options_)) return {};
    return UsageError("--faults-period", "it has no meaning without the source faults",
                      "Give it with --record faults");
  });
}

void FaultsSource::Check(const KernelBtf*, std::vector<Finding>& findings) const {
  findings.push_back(AllOf("page faults",
                           {TrySoftwareEvent(PERF_COUNT_SW_PAGE_FAULTS_MIN),
                            TrySoftwareEvent(PERF_COUNT_SW_PAGE_FAULTS_MAJ)},
                           "minor and major ones (perf)"));
}

std::vector<MapNeed> FaultsSource::Maps() const {
  return {{.name = "faults_stacks",
           .set = TWOFOLD_SET_FAULTS_STACKS,
           .entry_bytes = kStackEntryBytes,
           .weight = 6},
          {.name = "faults_rows",
           .set = TWOFOLD_SET_FAULTS_ROWS,
           .entry_bytes = HashEntryBytes(sizeof(twofold_fault_key), sizeof(twofold_fault_sums)),
           .weight = 2}};
}

std::vector<bpf_program*> FaultsSource::Programs(const twofold_bpf& skeleton) const {
  return {skeleton.progs.sample_minor_fault, skeleton.progs.sample_major_fault};
}

Result<void> FaultsSource::Open(Tracer& tracer) {
  skeleton_ = &tracer.skeleton();
  tracer.moves().Follow(TWOFOLD_SET_FAULTS_ROWS, rows_);
  return {};
}

Result<void> FaultsSource::AttachOn(int cpu, uint64_t event, const bpf_program* program) {
  perf_event_attr attributes = {};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = event;
  attributes.disabled = 1;  // until the program is attached
  if (period_ != 0) {
    attributes.sample_period = period_;
  } else {
    attributes.freq = 1;
    attributes.sample_freq = SamplesPerSecond();
  }
  UniqueFd counter(
      int(syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!counter) {
    if (errno == ENODEV || errno == ENXIO) return {};  // an offline CPU
    return Error{.what = "they cannot be counted on CPU " + std::to_string(cpu) + ": " +
                         ErrnoText(errno)};
  }
  BpfLink link(bpf_program__attach_perf_event(program, counter.get()));
  if (link == nullptr) {
    return Error{.what = "a program cannot be attached to them: " + ErrnoText(errno)};
  }
  counter.Release();  // the link's own now
  links_.push_back(std::move(link));
  return {};
}

Result<void> FaultsSource::Attach() {
  const auto& programs = skeleton_->progs;
  const long cpus = sysconf(_SC_NPROCESSORS_CONF);
  for (int cpu = 0; cpu < cpus; ++cpu) {
    TWOFOLD_RETURN_IF_ERROR(
        AttachOn(cpu, PERF_COUNT_SW_PAGE_FAULTS_MIN, programs.sample_minor_fault));
    TWOFOLD_RETURN_IF_ERROR(
        AttachOn(cpu, PERF_COUNT_SW_PAGE_FAULTS_MAJ, programs.sample_major_fault));
  }
  return {};
}

Result<void> FaultsSource::Read(const IntervalEnd& end) {
  return rows_.ReadDifferencesOfSum(end.sum, [this](const twofold_fault_key& key,
                                                    const twofold_fault_value& now,
                                                    const twofold_fault_value& before) {
    added_.push_back({.key = key,
                      .value = {.pages = now.pages - before.pages,
                                .samples = now.samples - before.samples,
                                .variance_pages2 = now.variance_pages2 - before.variance_pages2}});
  });
}

void FaultsSource::BuildRows(CaptureBuilder& builder, Interval& interval) {
  std::vector<PageFaultRow>& faults = interval.page_faults.emplace();
  for (const Added& added : std::exchange(added_, {})) {
    const CaptureBuilder::Place place = builder.PlaceOf(kStacks, added.key);
    faults.push_back({.kind = PageFaultKind(added.key.kind),
                      .thread = place.thread,
                      .kernel_stack = place.kernel_stack,
                      .user_stack = place.user_stack,
                      .pages = added.value.pages,
                      .samples = added.value.samples,
                      .variance_pages2 = added.value.variance_pages2});
  }
  MergeRows(faults);
}

}  // namespace twofold
