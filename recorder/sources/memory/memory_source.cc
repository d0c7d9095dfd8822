#include "recorder/sources/memory/memory_source.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "bpf/abi/losses_abi.h"
#include "recorder/capture/merge_rows.h"
#include "recorder/cli/option_values.h"
#include "recorder/host/kernel_btf.h"
#include "recorder/host/kernel_features.h"
#include "recorder/sources/memory/uprobe_multi.h"
#include "recorder/tracer/programs.h"

namespace twofold {
namespace {

static_assert(uint8_t(LossSource::kMemory) == TWOFOLD_SOURCE_MEMORY);
static_assert(uint8_t(AllocationKind::kMalloc) == TWOFOLD_ALLOCATION_MALLOC);
static_assert(uint8_t(AllocationKind::kMmap) == TWOFOLD_ALLOCATION_MMAP);
static_assert(uint8_t(AllocationKind::kKmalloc) == TWOFOLD_ALLOCATION_KMALLOC);
static_assert(uint8_t(AllocationKind::kSlab) == TWOFOLD_ALLOCATION_SLAB);
static_assert(uint8_t(AllocationKind::kPages) == TWOFOLD_ALLOCATION_PAGES);

static_assert(uint8_t(AllocatorFunction::kMalloc) == TWOFOLD_ALLOCATOR_MALLOC);
static_assert(uint8_t(AllocatorFunction::kCalloc) == TWOFOLD_ALLOCATOR_CALLOC);
static_assert(uint8_t(AllocatorFunction::kRealloc) == TWOFOLD_ALLOCATOR_REALLOC);
static_assert(uint8_t(AllocatorFunction::kReallocArray) == TWOFOLD_ALLOCATOR_REALLOCARRAY);
static_assert(uint8_t(AllocatorFunction::kMemalign) == TWOFOLD_ALLOCATOR_MEMALIGN);
static_assert(uint8_t(AllocatorFunction::kPosixMemalign) == TWOFOLD_ALLOCATOR_POSIX_MEMALIGN);
static_assert(uint8_t(AllocatorFunction::kFree) == TWOFOLD_ALLOCATOR_FREE);
static_assert(uint8_t(AllocatorFunction::kMmap) == TWOFOLD_ALLOCATOR_MMAP);
static_assert(uint8_t(AllocatorFunction::kMremap) == TWOFOLD_ALLOCATOR_MREMAP);
static_assert(uint8_t(AllocatorFunction::kMunmap) == TWOFOLD_ALLOCATOR_MUNMAP);
static_assert(uint8_t(AllocatorFunction::kNew) == TWOFOLD_ALLOCATOR_NEW);
static_assert(uint8_t(AllocatorFunction::kThrowingNew) == TWOFOLD_ALLOCATOR_THROWING_NEW);

// OutstandingRow::age.
uint8_t AgeOf(uint64_t lived_ns, uint64_t unit_ns) {
  return uint8_t(
      std::min<size_t>(std::bit_width(lived_ns / std::max<uint64_t>(unit_ns, 1)), kMaxAge));
}

uint64_t AgeUnitNs(const MemoryOptions& options) { return uint64_t(options.age_s * 1e9); }

}  // namespace

// Memory that is freed, or not, was allocated at any time, perhaps by a process that ended since.
MemorySource::MemorySource(const Options& options, const Notes& notes)
    : Source({.name = "memleak",
              .help = "memory growth",
              .subject = "memory",
              .remedy = "twofold-record --check tells what this host can record"}),
      options_(options),
      notes_(notes),
      stacks_{.map = TWOFOLD_SET_MEMORY_STACKS,
              .kernel_leaf_returns = true,
              .is_traced = true,
              .any_time = true,
              .outlives_process = true} {}

void MemorySource::DeclareOptions(OptionSet& table) {
  constexpr size_t kGroup = size_t(HelpGroup::kWhich);
  table.Add({.name = "leak-scope",
             .value_name = "SCOPE",
             .help = "whose memory: user (processes of -p) or kernel",
             .group = kGroup});
  table.Add({.name = "leak-sample-bytes",
             .value_name = "N",
             .help = "one allocation in every N bytes is kept, larger ones all\n"
                     "are; sums stay right; 1: all (default: 16384 of user,\n"
                     "65536 of kernel)",
             .group = kGroup,
             .set = ReadCount("--leak-sample-bytes", 1, 1 << 20, "bytes", own_.sample_bytes)});
  table.Add({.name = "leak-age",
             .value_name = "S",
             .help = "memory that is younger counts as young (default: 0.5)",
             .group = kGroup,
             .set = ReadSeconds("--leak-age", 0.001, 24 * 3600,
                                [this](double seconds) { own_.age_s = seconds; })});
  table.AddCheck([this](const Arguments& given) -> Result<void> {
    if (options_.help || options_.version) return {};
    return CheckOptions(given);
  });
}

// Whose memory, and how.
Result<void> MemorySource::CheckOptions(const Arguments& given) {
  // A quarter of that for processes: pages, which are larger than most other allocations, are
  // allocated more often than a process allocates as much.
  constexpr uint64_t kKernelSampleBytes = 64 << 10;
  if (!IsAskedFor(options_)) {
    for (const char* name : {"leak-scope", "leak-sample-bytes", "leak-age"}) {
      if (!given.Has(name)) continue;
      return UsageError(std::string("--") + name, "it has no meaning without the source memleak",
                        "Give it with --record memleak");
    }
    return {};
  }
  const std::string scope = given.Get("leak-scope");
  if (scope != "user" && scope != "kernel") {
    return UsageError("--leak-scope",
                      scope.empty() ? "--record memleak needs to know whose memory"
                                    : "'" + scope + "' is not known",
                      "It takes user (the processes of -p) or kernel");
  }
  own_.of_kernel = scope == "kernel";
  own_.sample_bytes_given = given.Has("leak-sample-bytes");
  if (own_.of_kernel && !own_.sample_bytes_given) own_.sample_bytes = kKernelSampleBytes;
  if (own_.of_kernel || !options_.pids.empty()) return {};
  return UsageError("--leak-scope user", "it needs the processes whose memory is to be recorded",
                    "Name them with -p, for example: -p 812");
}

Result<void> MemorySource::Probe() {
  if (!own_.of_kernel) {
    uprobe_sessions_ = HasUprobeSessions();
    return {};
  }
  const Result<KernelBtf> types = KernelBtf::Load();
  if (!types) return types.error();
  return TryKernelAllocations(*types);
}

void MemorySource::Check(const KernelBtf* types, std::vector<Finding>& findings) const {
  findings.push_back(Outcome("probes in programs", TryUprobe(), "uprobes"));
  const Error no_sessions{.what = "this kernel has none; it takes 6.13", .where = "", .remedy = ""};
  findings.push_back(Outcome("probes decided by call",
                             HasUprobeSessions() ? Result<void>() : no_sessions,
                             "for operator new of jemalloc and tcmalloc"));
  if (types == nullptr) return;
  findings.push_back(
      Outcome("kernel allocations", TryKernelAllocations(*types), "kmalloc, object caches, pages"));
}

std::vector<MapNeed> MemorySource::Maps() const {
  return {{.name = "memory_stacks",
           .set = TWOFOLD_SET_MEMORY_STACKS,
           .entry_bytes = kStackEntryBytes,
           .weight = 6},
          {.name = "memory_rows",
           .set = TWOFOLD_SET_MEMORY_ROWS,
           .entry_bytes =
               HashEntryBytes(sizeof(twofold_allocation_key), sizeof(twofold_allocation_value)),
           .weight = 3},
          // What is outstanding is taken out when it is freed, so no fresh map replaces it.
          {.name = "live_allocations",
           .set = std::nullopt,
           .entry_bytes = HashEntryBytes(sizeof(twofold_live_key), sizeof(twofold_live)),
           .weight = 12}};
}

std::vector<bpf_program*> MemorySource::Programs(const twofold_bpf& skeleton) const {
  const auto& programs = skeleton.progs;
  if (own_.of_kernel) {
    // What frees first: nothing is to look as if it were never freed.
    return {programs.kernel_kfree,      programs.kernel_cache_free,  programs.kernel_page_free,
            programs.kernel_page_alloc, programs.kernel_cache_alloc, programs.kernel_kmalloc};
  }
  return {programs.begin_allocator,
          uprobe_sessions_ ? programs.allocator_session : programs.end_allocator};
}

void MemorySource::Prepare(twofold_bpf& skeleton, const MapSizes& sizes) {
  const bool of_processes = is_recorded() && !own_.of_kernel;
  if (of_processes && uprobe_sessions_) {
    bpf_program__set_expected_attach_type(skeleton.progs.begin_allocator, kTraceUprobeMulti);
    bpf_program__set_expected_attach_type(skeleton.progs.allocator_session, kTraceUprobeSession);
  }
  // Not every kernel has such maps for programs that it would not run anyway.
  if (!of_processes) bpf_map__set_autocreate(skeleton.maps.allocator_calls, false);
  bpf_map__set_max_entries(skeleton.maps.live_allocations, sizes.EntriesOf("live_allocations"));
  const auto page_bytes = uint64_t(sysconf(_SC_PAGESIZE));
  skeleton.rodata->most_new_bytes = uint64_t(sysconf(_SC_PHYS_PAGES)) / 2 * page_bytes;
  skeleton.rodata->page_bytes = uint32_t(page_bytes);
  skeleton.bss->memory_sample_bytes = std::max<uint64_t>(own_.sample_bytes, 1);
}

Result<void> MemorySource::Open(Tracer& tracer) {
  tracer_ = &tracer;
  skeleton_ = &tracer.skeleton();
  // Who called an allocator function is told by the address that it returns to.
  stacks_.user_leaf_returns = !own_.of_kernel;
  restraint_.emplace(own_.sample_bytes, options_.max_overhead_permyriad,
                     options_.max_overhead_given,
                     options_.max_overhead_given || !own_.sample_bytes_given);
  tracer.moves().Follow(TWOFOLD_SET_MEMORY_ROWS, rows_);
  return {};
}

Result<void> MemorySource::Attach() {
  if (!own_.of_kernel) return {};
  for (const bpf_program* program : Programs(*skeleton_)) {
    Result<BpfLink> link = AttachProgram(program);
    if (!link) return std::move(link).error();
    links_.push_back(std::move(link).value());
  }
  return {};
}

void MemorySource::Detach() {
  // What allocates first: what is freed meanwhile would look as if it never were.
  while (!links_.empty()) links_.pop_back();
  probes_.reset();
}

// Probes the allocators of the processes in scope.
Result<void> MemorySource::Begin(NameReader& reader) {
  static_cast<void>(TakeSpent());
  if (own_.of_kernel) return {};
  const auto& programs = skeleton_->progs;
  probes_ = std::make_unique<AllocatorProbes>(
      AllocatorProbes::Programs{.begin = programs.begin_allocator,
                                .end = programs.end_allocator,
                                .session = programs.allocator_session,
                                .sessions = uprobe_sessions_},
      reader);
  for (const Pid pid : options_.pids) TWOFOLD_RETURN_IF_ERROR(probes_->Follow(pid));
  if (probes_->allocating_functions() == 0) {
    return Error{.what = probes_->WhyNoFunctions(),
                 .where = "-p " + std::to_string(options_.pids.front().value),
                 .remedy =
                     "What the kernel allocates can be recorded with --leak-scope kernel, "
                     "also for programs with an allocator of their own"};
  }
  TellOfFilesWithoutNew();
  return {};
}

void MemorySource::TellOfFilesWithoutNew() {
  for (const std::string& file : probes_->TakeFilesWithoutNew()) {
    notes_.Print(
        "what operator new of " + file +
        " allocates is not recorded: an exception that it throws when memory is refused would "
        "end the program (this takes Linux 6.13, and a process without a limit on memory).");
  }
}

// A library with an allocator, perhaps.
void MemorySource::FollowMappings(Pid pid) {
  const std::vector<Pid>& pids = options_.pids;
  if (probes_ == nullptr || std::find(pids.begin(), pids.end(), pid) == pids.end()) return;
  const Result<void> probed = probes_->Follow(pid);
  TellOfFilesWithoutNew();
  if (probed || told_of_failure_) return;
  told_of_failure_ = true;
  notes_.Print("memory that a new library allocates is not recorded, because " +
               probed.error().what + ".");
}

void MemorySource::Describe(Settings& settings) const {
  settings.leak_scope = own_.of_kernel ? "kernel" : "user";
  settings.leak_sample_bytes = own_.sample_bytes;
  settings.leak_age_ns = AgeUnitNs(own_);
}

MemoryRestraint::Spent MemorySource::TakeSpent() {
  const std::vector<bpf_program*> programs = Programs(*skeleton_);
  const std::optional<ProgramRuns> runs = ReadProgramRuns({programs.begin(), programs.end()});
  const uint64_t& kept = skeleton_->bss->allocations_kept;
  const MemoryRestraint::Spent before =
      std::exchange(spent_, {.programs_ns = runs ? runs->ns : spent_.programs_ns,
                             .allocations_kept = __atomic_load_n(&kept, __ATOMIC_RELAXED)});
  return {.programs_ns = spent_.programs_ns - before.programs_ns,
          .allocations_kept = spent_.allocations_kept - before.allocations_kept};
}

Restraint::Spent MemorySource::Restrain(const Restraint::Spent& spent, uint64_t elapsed_ns,
                                        uint32_t cpus) {
  const uint64_t sample_bytes = restraint_->sample_bytes();
  const Restraint::Spent others = restraint_->Judge(spent, TakeSpent(), elapsed_ns, cpus);
  if (restraint_->sample_bytes() != sample_bytes) {
    __atomic_store_n(&skeleton_->bss->memory_sample_bytes, restraint_->sample_bytes(),
                     __ATOMIC_RELAXED);
  }
  return others;
}

Result<void> MemorySource::Read(const IntervalEnd& end) {
  // Programs in allocators may still be at a row.
  if (end.is_last) TWOFOLD_RETURN_IF_ERROR(tracer_->moves().WaitForPrograms());
  TWOFOLD_RETURN_IF_ERROR(rows_.ReadDifferences([this](const twofold_allocation_key& key,
                                                       const twofold_allocation_value& now,
                                                       const twofold_allocation_value& before) {
    added_.push_back({.key = key,
                      .value = {.allocated_bytes = now.allocated_bytes - before.allocated_bytes,
                                .allocated_count = now.allocated_count - before.allocated_count,
                                .samples = now.samples - before.samples,
                                .freed_bytes = now.freed_bytes - before.freed_bytes,
                                .freed_count = now.freed_count - before.freed_count,
                                .untracked_bytes = now.untracked_bytes - before.untracked_bytes,
                                .untracked_count = now.untracked_count - before.untracked_count}});
  }));
  if (!end.is_last) return {};
  return ReadOutstanding(end.boundary_ns);
}

Result<void> MemorySource::ReadOutstanding(uint64_t boundary_ns) {
  const auto less = [](const std::pair<twofold_allocation_key, uint8_t>& a,
                       const std::pair<twofold_allocation_key, uint8_t>& b) {
    const auto tuple = [](const twofold_allocation_key& key, uint8_t age) {
      return std::tuple(key.kind, key.thread, key.kernel_stack, key.user_stack, age);
    };
    return tuple(a.first, a.second) < tuple(b.first, b.second);
  };
  std::map<std::pair<twofold_allocation_key, uint8_t>, Outstanding, decltype(less)> sums(less);
  TWOFOLD_RETURN_IF_ERROR((ForEachEntry<twofold_live_key, twofold_live>(
      bpf_map__fd(skeleton_->maps.live_allocations),
      [&](const twofold_live_key&, const twofold_live& live) {
        const uint64_t lived_ns = boundary_ns > live.time_ns ? boundary_ns - live.time_ns : 0;
        const uint8_t age = AgeOf(lived_ns, AgeUnitNs(own_));
        Outstanding& sum =
            sums.try_emplace({live.row, age}, Outstanding{.key = live.row, .age = age})
                .first->second;
        sum.bytes += live.weight_bytes;
        sum.count += live.weight_count;
        ++sum.samples;
        // An allocation that was kept for certain stands for itself alone.
        if (live.weight_bytes > live.size_bytes) {
          sum.variance_bytes2 += live.weight_bytes * (live.weight_bytes - live.size_bytes);
        }
      })));
  outstanding_.emplace();
  for (const auto& [key, sum] : sums) outstanding_->push_back(sum);
  return {};
}

void MemorySource::BuildRows(CaptureBuilder& builder, Interval& interval) {
  std::vector<AllocationRow>& allocations = interval.allocations.emplace();
  for (const Added& added : std::exchange(added_, {})) {
    const CaptureBuilder::Place place = builder.PlaceOf(stacks_, added.key);
    allocations.push_back({.kind = AllocationKind(added.key.kind),
                           .thread = place.thread,
                           .kernel_stack = place.kernel_stack,
                           .user_stack = place.user_stack,
                           .allocated_bytes = added.value.allocated_bytes,
                           .allocated_count = added.value.allocated_count,
                           .samples = added.value.samples,
                           .freed_bytes = added.value.freed_bytes,
                           .freed_count = added.value.freed_count,
                           .untracked_bytes = added.value.untracked_bytes,
                           .untracked_count = added.value.untracked_count});
  }
  MergeRows(allocations);
  if (outstanding_) BuildOutstanding(builder, interval);
}

void MemorySource::BuildOutstanding(CaptureBuilder& builder, Interval& interval) {
  std::vector<OutstandingRow>& rows = interval.outstanding.emplace();
  for (const Outstanding& sum : *outstanding_) {
    const CaptureBuilder::Place place = builder.PlaceOf(stacks_, sum.key);
    rows.push_back({.kind = AllocationKind(sum.key.kind),
                    .thread = place.thread,
                    .kernel_stack = place.kernel_stack,
                    .user_stack = place.user_stack,
                    .age = sum.age,
                    .bytes = sum.bytes,
                    .count = sum.count,
                    .samples = sum.samples,
                    .variance_bytes2 = sum.variance_bytes2});
  }
  MergeRows(rows);
}

}  // namespace twofold
