// What a capture holds so far: the state against which every further record is checked. Writer and
// reader keep one each and apply the same rules, so that what the one writes the other accepts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace twofold {

// Why a record cannot be part of the capture.
struct Fault {
  std::string what;       // a sentence without its full stop; "its ..." means the block's
  bool dangling = false;  // it names an id that is not defined
};
using MaybeFault = std::optional<Fault>;

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

// Sums over the whole capture; each stays at most container::kMaxSum, so that nobody who adds up
// rows has to fear an overflow.
struct Totals {
  uint64_t samples = 0;
  uint64_t cpu_ns = 0;
  uint64_t cycles = 0;
  uint64_t cycle_samples = 0;
  uint64_t instructions = 0;
  uint64_t instruction_samples = 0;
  uint64_t counted_events = 0;
  uint64_t counter_ns = 0;
  uint64_t blocked_ns = 0;
  uint64_t blocks = 0;
  uint64_t blocked_samples = 0;
  uint64_t blocked_variance_us2 = 0;
  uint64_t blocked_count_variance = 0;
  uint64_t waiting_ns = 0;
  uint64_t waits = 0;
  uint64_t waiting_samples = 0;
  uint64_t waiting_variance_us2 = 0;
  uint64_t waiting_count_variance = 0;
  uint64_t counted_waits = 0;
  uint64_t cpu_time_ns = 0;
  uint64_t account_ns = 0;
  uint64_t allocated_bytes = 0;
  uint64_t allocated_count = 0;
  uint64_t allocated_samples = 0;
  uint64_t freed_bytes = 0;
  uint64_t freed_count = 0;
  uint64_t untracked_bytes = 0;
  uint64_t untracked_count = 0;
  uint64_t outstanding_bytes = 0;
  uint64_t outstanding_count = 0;
  uint64_t outstanding_samples = 0;
  uint64_t outstanding_variance_bytes2 = 0;
  uint64_t retransmitted_packets = 0;
  uint64_t retransmitted_segments = 0;
  uint64_t retransmitted_bytes = 0;
  uint64_t lost = 0;
  uint64_t lost_ns = 0;
  uint64_t bpf_ns = 0;
  uint64_t bpf_runs = 0;
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

// Adds to a sum unless it would leave its limit.
bool AddToTotal(uint64_t& total, uint64_t value);

// The fault of an id above the last one defined; `where` says who names it ("a CPU row's thread").
MaybeFault CheckDefined(uint32_t id, uint32_t last_defined, const char* where);

// The fault of a time with a magnitude above container::kMaxTimeNs.
MaybeFault CheckTime(int64_t time_ns, const char* where);

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

// Leaves the function with a fault, or goes on.
#define TWOFOLD_RETURN_IF_FAULT(expression)                      \
  do {                                                           \
    if (auto twofold_fault = (expression)) return twofold_fault; \
  } while (false)
