// What of the tracer concerns memory: the kernel's allocators by tracepoints, those of processes by
// probes, and the table of what is outstanding.
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <map>
#include <string>
#include <utility>

#include "recorder/tracer/tracer_state.h"
#include "recorder/tracer/uprobe_multi.h"

namespace twofold {
namespace {

using LeakScope = TracerSettings::LeakScope;

static_assert(uint8_t(AllocationKind::kMalloc) == TWOFOLD_ALLOCATION_MALLOC);
static_assert(uint8_t(AllocationKind::kMmap) == TWOFOLD_ALLOCATION_MMAP);
static_assert(uint8_t(AllocationKind::kKmalloc) == TWOFOLD_ALLOCATION_KMALLOC);
static_assert(uint8_t(AllocationKind::kSlab) == TWOFOLD_ALLOCATION_SLAB);
static_assert(uint8_t(AllocationKind::kPages) == TWOFOLD_ALLOCATION_PAGES);

std::array<bpf_program*, 6> KernelPrograms(const twofold_bpf& skeleton) {
  const auto& programs = skeleton.progs;
  // What frees first: nothing is to look as if it were never freed.
  return {programs.kernel_kfree,      programs.kernel_cache_free,  programs.kernel_page_free,
          programs.kernel_page_alloc, programs.kernel_cache_alloc, programs.kernel_kmalloc};
}

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

}  // namespace

void Tracer::State::PrepareMemory() {
  const bool kernel = settings.leak_scope == LeakScope::kKernel;
  const bool user = settings.leak_scope == LeakScope::kUser;
  for (bpf_program* program : KernelPrograms(*skeleton)) {
    bpf_program__set_autoload(program, kernel);
  }
  const auto& programs = skeleton->progs;
  bpf_program__set_autoload(programs.begin_allocator, user);
  bpf_program__set_autoload(programs.end_allocator, user && !settings.uprobe_sessions);
  bpf_program__set_autoload(programs.allocator_session, user && settings.uprobe_sessions);
  if (user && settings.uprobe_sessions) {
    bpf_program__set_expected_attach_type(programs.begin_allocator, kTraceUprobeMulti);
    bpf_program__set_expected_attach_type(programs.allocator_session, kTraceUprobeSession);
  }
  skeleton->rodata->most_new_bytes =
      uint64_t(sysconf(_SC_PHYS_PAGES)) / 2 * uint64_t(sysconf(_SC_PAGESIZE));
  bpf_map__set_max_entries(skeleton->maps.live_allocations, sizes.live_entries);
  // Not every kernel has such maps for programs that it would not run anyway.
  if (!user) bpf_map__set_autocreate(skeleton->maps.allocator_calls, false);
  skeleton->rodata->page_bytes = uint32_t(sysconf(_SC_PAGESIZE));
  skeleton->bss->leak_sample_bytes = std::max<uint64_t>(settings.leak_sample_bytes, 1);
}

Result<void> Tracer::State::AttachMemory() {
  if (settings.leak_scope != LeakScope::kKernel) return {};
  for (bpf_program* program : KernelPrograms(*skeleton)) {
    bpf_link* link = bpf_program__attach(program);
    if (link == nullptr) {
      return TracerError(std::string("cannot attach BPF program ") + bpf_program__name(program),
                         errno);
    }
    memory_links.push_back(link);
  }
  return {};
}

void Tracer::State::DetachMemory() {
  // What allocates first: what is freed meanwhile would look as if it never were.
  std::reverse(memory_links.begin(), memory_links.end());
  for (bpf_link* link : memory_links) bpf_link__destroy(link);
  memory_links.clear();
  allocator_probes.reset();
}

Result<size_t> Tracer::FollowAllocators(Pid pid, NameReader& reader) {
  State& state = *state_;
  if (state.settings.leak_scope != LeakScope::kUser || state.stopped) return size_t{0};
  if (state.allocator_probes == nullptr) {
    const auto& programs = state.skeleton->progs;
    state.allocator_probes = std::make_unique<AllocatorProbes>(
        AllocatorProbes::Programs{.begin = programs.begin_allocator,
                                  .end = programs.end_allocator,
                                  .session = programs.allocator_session,
                                  .sessions = state.settings.uprobe_sessions},
        reader);
  }
  TWOFOLD_RETURN_IF_ERROR(state.allocator_probes->Follow(pid));
  return state.allocator_probes->allocating_functions();
}

std::string Tracer::WhyNoAllocators() const {
  const AllocatorProbes* probes = state_->allocator_probes.get();
  return probes != nullptr ? probes->WhyNoFunctions() : "its allocator was not looked for";
}

std::vector<std::string> Tracer::TakeFilesWithoutNew() {
  AllocatorProbes* probes = state_->allocator_probes.get();
  return probes != nullptr ? probes->TakeFilesWithoutNew() : std::vector<std::string>();
}

void Tracer::SetLeakSampleBytes(uint64_t bytes) {
  __atomic_store_n(&state_->skeleton->bss->leak_sample_bytes, bytes, __ATOMIC_RELAXED);
}

bool Tracer::State::IsMemoryProgram(const bpf_program* program) const {
  const auto kernel = KernelPrograms(*skeleton);
  return std::find(kernel.begin(), kernel.end(), program) != kernel.end() ||
         program == skeleton->progs.begin_allocator || program == skeleton->progs.end_allocator ||
         program == skeleton->progs.allocator_session;
}

Result<void> Tracer::State::ReadAllocations(Reading& reading) {
  if (settings.leak_scope == LeakScope::kNone) return {};
  return memory_rows->ReadDifferences([&](const twofold_allocation_key& key,
                                          const twofold_allocation_value& now,
                                          const twofold_allocation_value& before) {
    reading.allocations.push_back(
        {.key = key,
         .added = {.allocated_bytes = now.allocated_bytes - before.allocated_bytes,
                   .allocated_count = now.allocated_count - before.allocated_count,
                   .samples = now.samples - before.samples,
                   .freed_bytes = now.freed_bytes - before.freed_bytes,
                   .freed_count = now.freed_count - before.freed_count,
                   .untracked_bytes = now.untracked_bytes - before.untracked_bytes,
                   .untracked_count = now.untracked_count - before.untracked_count}});
  });
}

Result<void> Tracer::State::ReadOutstanding(uint64_t boundary_ns, Reading& reading) {
  if (settings.leak_scope == LeakScope::kNone) return {};
  const auto less = [](const std::pair<twofold_allocation_key, uint8_t>& a,
                       const std::pair<twofold_allocation_key, uint8_t>& b) {
    const auto tuple = [](const twofold_allocation_key& key, uint8_t age) {
      return std::tuple(key.kind, key.thread, key.kernel_stack, key.user_stack, age);
    };
    return tuple(a.first, a.second) < tuple(b.first, b.second);
  };
  std::map<std::pair<twofold_allocation_key, uint8_t>, OutstandingReading, decltype(less)> sums(
      less);
  TWOFOLD_RETURN_IF_ERROR((ForEachEntry<twofold_live_key, twofold_live>(
      bpf_map__fd(skeleton->maps.live_allocations),
      [&](const twofold_live_key&, const twofold_live& live) {
        const uint64_t lived_ns = boundary_ns > live.time_ns ? boundary_ns - live.time_ns : 0;
        const uint8_t age = AgeOf(lived_ns, settings.leak_age_ns);
        OutstandingReading& sum =
            sums.try_emplace({live.row, age}, OutstandingReading{.key = live.row, .age = age})
                .first->second;
        sum.bytes += live.weight_bytes;
        sum.count += live.weight_count;
        ++sum.samples;
        // Of one that was kept for certain both are the same.
        if (live.weight_bytes > live.size_bytes) {
          sum.variance_bytes2 += live.weight_bytes * (live.weight_bytes - live.size_bytes);
        }
      })));
  reading.outstanding.emplace();
  for (const auto& [key, sum] : sums) reading.outstanding->push_back(sum);
  return {};
}

}  // namespace twofold
