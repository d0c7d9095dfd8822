#include "recorder/tracer/map_plan.h"

#include <unistd.h>

#include <algorithm>
#include <bit>

namespace twofold {

// In parts of 1/64 of the budget: 7 for the thread table, ended accounts and the threads' storage;
// one for single events; the rest for the sources' maps, by weight, with room for the largest of
// those that a fresh one replaces a second time.
MapSizes PlanMaps(uint64_t memory_bytes, const std::vector<MapNeed>& needs, bool has_events) {
  uint64_t all_weights = 0;
  uint64_t largest_weight = 0;
  for (const MapNeed& need : needs) {
    all_weights += need.weight;
    if (need.set) largest_weight = std::max(largest_weight, need.weight);
  }
  const uint64_t part = memory_bytes / 64;
  const uint64_t shared_parts = has_events ? 56 : 57;
  MapSizes sizes;
  sizes.thread_slots = uint32_t(std::bit_floor(2 * part / sizeof(twofold_thread)));
  // At the default budget for more than 10,000 threads that all end at once, before the recorder
  // gets a CPU: a short account and a whole one of each.
  sizes.ended_account_bytes = uint32_t(std::min<uint64_t>(64 << 20, std::bit_floor(4 * part)));
  sizes.event_bytes = has_events ? uint32_t(std::bit_floor(part)) : uint32_t(sysconf(_SC_PAGESIZE));
  for (const MapNeed& need : needs) {
    const uint64_t bytes = shared_parts * part * need.weight / (all_weights + largest_weight);
    sizes.entries[need.name] = uint32_t(std::max<uint64_t>(1, bytes / need.entry_bytes));
  }
  return sizes;
}

}  // namespace twofold
