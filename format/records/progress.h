// What a capture holds so far: the state against which every further record is checked. Writer and
// reader keep one each and apply the same rules, so that what the one writes the other accepts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "format/capture.h"
#include "format/records/fault.h"

namespace twofold {

// How many of each kind are defined; as ids: the last one that is.
struct DefinitionCounts {
  uint32_t strings = 0;
  uint32_t modules = 0;
  uint32_t frames = 0;
  uint32_t stacks = 0;
  uint32_t processes = 0;
  uint32_t threads = 0;
  uint32_t wakers = 0;
  uint32_t chains = 0;

  friend bool operator==(const DefinitionCounts&, const DefinitionCounts&) = default;
};

// What ids of one type stand for.
template <typename Identifier, typename T>
struct DefinitionKind {
  std::vector<T> Definitions::*definitions;
  uint32_t DefinitionCounts::*count;
  size_t more_bytes;  // of memory that each takes besides, in Progress
};

// Every kind of definition that has ids.
inline constexpr std::tuple kDefinitionKinds = {
    DefinitionKind<StringId, std::string>{&Definitions::strings, &DefinitionCounts::strings, 0},
    DefinitionKind<ModuleId, Module>{&Definitions::modules, &DefinitionCounts::modules, 0},
    DefinitionKind<FrameId, Frame>{&Definitions::frames, &DefinitionCounts::frames, 0},
    DefinitionKind<StackId, StackNode>{&Definitions::stacks, &DefinitionCounts::stacks,
                                       sizeof(uint16_t)},
    DefinitionKind<ProcessId, Process>{&Definitions::processes, &DefinitionCounts::processes, 0},
    DefinitionKind<ThreadId, Thread>{&Definitions::threads, &DefinitionCounts::threads, 0},
    DefinitionKind<WakerId, Waker>{&Definitions::wakers, &DefinitionCounts::wakers, 0},
    DefinitionKind<ChainId, Chain>{&Definitions::chains, &DefinitionCounts::chains,
                                   sizeof(uint8_t)},
};

// Calls visit(kind) for each.
template <typename Visit>
constexpr void ForEachDefinitionKind(Visit visit) {
  std::apply([&](const auto&... kinds) { (visit(kinds), ...); }, kDefinitionKinds);
}

// The count of the definitions that an id is of.
template <typename Identifier>
constexpr uint32_t DefinitionCounts::*CountOf() {
  uint32_t DefinitionCounts::*count = nullptr;
  ForEachDefinitionKind([&]<typename Other, typename T>(const DefinitionKind<Other, T>& kind) {
    if constexpr (std::is_same_v<Identifier, Other>) count = kind.count;
  });
  return count;
}

// The sums of one kind of row, in the order of its fields.
template <typename Row>
struct RowTotals {
  std::array<uint64_t, CountFields<Row, field::Role::kSum>()> sums = {};
};

template <typename... Tables>
std::tuple<RowTotals<RowOf<Tables>>...> TotalsOf(const std::tuple<Tables...>&);

// Sums over the whole capture; each stays at most container::kMaxSum, so that nobody who adds up
// rows has to fear an overflow.
struct Totals {
  decltype(TotalsOf(kRowTables)) rows;
  uint64_t cpu_ns = 0;
  uint64_t counted_events = 0;
  uint64_t counter_ns = 0;
  uint64_t bpf_ns = 0;
  uint64_t bpf_runs = 0;
  uint64_t bpf_measured_ns = 0;
  uint64_t recorder_ns = 0;
  uint64_t map_inserts = 0;
};

struct Progress {
  DefinitionCounts defined;
  std::vector<uint16_t> stack_frames;  // of each stack node, how many frames deep it is
  std::vector<uint8_t> chain_wakers;   // of each chain, how many wakers it has
  uint32_t intervals = 0;
  uint32_t next_interval = 0;
  uint64_t end_ns = 0;  // of the last interval
  Totals totals;
};

// How much memory the structs of a capture may still take; unpacking stops before it takes more.
class MemoryBudget {
 public:
  explicit MemoryBudget(uint64_t limit_bytes) : left_bytes_(limit_bytes) {}
  bool Take(uint64_t count, uint64_t bytes_each);
  uint64_t left_bytes() const { return left_bytes_; }

 private:
  uint64_t left_bytes_;
};

Fault TooMuchMemory();

}  // namespace twofold
