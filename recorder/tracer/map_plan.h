// How large the programs' maps are, so that all of them together stay within a budget.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/abi/map_sets_abi.h"
#include "bpf/abi/stacks_abi.h"
#include "bpf/abi/threads_abi.h"

namespace twofold {

// What one entry of a preallocated hash map takes: its element (48 bytes of bookkeeping, key,
// value) and, at worst, two bucket heads of 16 bytes (kernel/bpf/hashtab.c: struct htab_elem,
// struct bucket, the power of two above max_entries).
constexpr uint64_t HashEntryBytes(uint64_t key_bytes, uint64_t value_bytes) {
  return 48 + key_bytes + value_bytes + 2 * 16;
}
constexpr uint64_t kStackEntryBytes = HashEntryBytes(8, sizeof(twofold_stack));

// A map that a source needs.
struct MapNeed {
  std::string name;                    // the programs'
  std::optional<twofold_map_set> set;  // its number, of those that a fresh one replaces when they
                                       // are full (map_set.h); nullopt: it is none of them
  uint64_t entry_bytes = 0;
  uint64_t weight = 0;  // it gets a part of the budget that is its weight of all weights
};

struct MapSizes {
  uint32_t thread_slots = 0;                             // a power of two
  uint32_t ended_account_bytes = 0;                      // a power of two, of whole pages
  uint32_t event_bytes = 0;                              // the same, for single events
  std::map<std::string, uint32_t, std::less<>> entries;  // by name

  // Of a map that nobody needs: 1.
  uint32_t EntriesOf(std::string_view name) const {
    const auto found = entries.find(name);
    return found != entries.end() ? found->second : 1;
  }
};

// `has_events`: one of the sources tells of single events.
MapSizes PlanMaps(uint64_t memory_bytes, const std::vector<MapNeed>& needs, bool has_events);

}  // namespace twofold
