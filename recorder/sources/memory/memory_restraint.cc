#include "recorder/sources/memory/memory_restraint.h"

#include <algorithm>

namespace twofold {
namespace {

// B is raised in a few steps: what it can change goes down by as much.
constexpr uint64_t kSampleFactor = 8;
constexpr uint64_t kSmallestRaisedBytes = 512;

// What keeping an allocation takes until it is freed, about: walking its stack, and the maps.
constexpr uint64_t kKeepingNs = 1500;

}  // namespace

Restraint::Spent MemoryRestraint::Judge(Restraint::Spent all, const Spent& memory,
                                        uint64_t elapsed_ns, uint32_t cpus) {
  if (limit_permyriad_ == 0) return all;
  const double allowed_ns = double(limit_permyriad_) / 10'000 * cpus * double(elapsed_ns);
  const bool too_much = double(all.programs_ns + all.recorder_ns) > allowed_ns;
  const bool would_help = double(memory.allocations_kept * kKeepingNs) > allowed_ns / 4;
  const bool raises = too_much && would_help && may_raise_ && sample_bytes_ < kLargestSampleBytes;
  if (raises) {
    sample_bytes_ = std::min(std::max(sample_bytes_, kSmallestRaisedBytes) * kSampleFactor,
                             kLargestSampleBytes);
  }
  if (!limit_given_ || raises) all.programs_ns -= std::min(memory.programs_ns, all.programs_ns);
  return all;
}

}  // namespace twofold
