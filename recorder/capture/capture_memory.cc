// The part of the capture builder that makes rows of memory.
#include <algorithm>
#include <string_view>

#include "recorder/capture/capture_builder.h"
#include "recorder/capture/merge_rows.h"

namespace twofold {
namespace {

constexpr Tracer::StackClass kClass = Tracer::StackClass::kMemory;

bool IsTracing(std::string_view name) {
  return name.starts_with("bpf_prog_") || name.starts_with("bpf_trace_run") ||
         name.starts_with("__bpf_trace_") || name.starts_with("__traceiter_");
}

}  // namespace

// The first ones only: what allocates may be tracing, too.
uint32_t CaptureBuilder::TracingFrames(const twofold_stack& stack) const {
  uint32_t first = 0;
  while (first < std::min(stack.nframes, kMostTracingFrames)) {
    const std::optional<KernelSymbols::Hit> hit = kernel_symbols_.Find(stack.frames[first] - 1);
    if (!hit || !IsTracing(hit->name)) break;
    ++first;
  }
  return first < stack.nframes ? first : 0;
}

void CaptureBuilder::BuildMemoryRows(const Reading& reading, Interval& interval) {
  std::vector<AllocationRow>& allocations = interval.allocations.emplace();
  struct Place {
    ThreadId thread;
    StackId kernel_stack;
    StackId user_stack;
  };
  const auto place_of = [this](const twofold_allocation_key& key) {
    const ThreadId thread = ThreadOf(key.thread);
    return Place{.thread = thread,
                 .kernel_stack = KernelStack(kClass, key.kernel_stack),
                 .user_stack = UserStack(kClass, key.user_stack, thread_process_.at(key.thread))};
  };
  for (const AllocationDifference& difference : reading.allocations) {
    const Place place = place_of(difference.key);
    const twofold_allocation_value& added = difference.added;
    allocations.push_back({.kind = AllocationKind(difference.key.kind),
                           .thread = place.thread,
                           .kernel_stack = place.kernel_stack,
                           .user_stack = place.user_stack,
                           .allocated_bytes = added.allocated_bytes,
                           .allocated_count = added.allocated_count,
                           .samples = added.samples,
                           .freed_bytes = added.freed_bytes,
                           .freed_count = added.freed_count,
                           .untracked_bytes = added.untracked_bytes,
                           .untracked_count = added.untracked_count});
  }
  MergeRows(allocations);
  if (!reading.outstanding) return;
  std::vector<OutstandingRow>& outstanding = interval.outstanding.emplace();
  for (const OutstandingReading& sum : *reading.outstanding) {
    const Place place = place_of(sum.key);
    outstanding.push_back({.kind = AllocationKind(sum.key.kind),
                           .thread = place.thread,
                           .kernel_stack = place.kernel_stack,
                           .user_stack = place.user_stack,
                           .age = sum.age,
                           .bytes = sum.bytes,
                           .count = sum.count,
                           .samples = sum.samples,
                           .variance_bytes2 = sum.variance_bytes2});
  }
  MergeRows(outstanding);
}

}  // namespace twofold
