// Self-restraint where memory is recorded: keeps the cost of the programs in allocators below what
// is allowed by raising B, the bytes between samples (format/capture.h), as far as that helps. Sums
// stay right: each allocation that is kept carries what it stands for.
//
// What looking at each allocation costs no B changes, and was asked for; so was a B that the user
// has set. Where the user has set no limit as well, B stays then, and that cost does not count.
#pragma once

#include <cstdint>

#include "recorder/cost/restraint.h"

namespace twofold {

class MemoryRestraint {
 public:
  // The largest B.
  static constexpr uint64_t kLargestSampleBytes = 1 << 20;

  // `limit_permyriad`: as Restraint's. `limit_given`: it is the user's. `may_raise`: B is not, or
  // the limit is.
  MemoryRestraint(uint64_t sample_bytes, uint32_t limit_permyriad, bool limit_given, bool may_raise)
      : sample_bytes_(sample_bytes),
        limit_permyriad_(limit_permyriad),
        limit_given_(limit_given),
        may_raise_(may_raise) {}

  // What of a stretch of time the programs in allocators have.
  struct Spent {
    uint64_t programs_ns = 0;
    uint64_t allocations_kept = 0;
  };

  // Returns what Restraint is to judge: without the programs in allocators, where a larger B is
  // tried first or they do not count.
  Restraint::Spent Judge(Restraint::Spent all, const Spent& memory, uint64_t elapsed_ns,
                         uint32_t cpus);

  // B from now on.
  uint64_t sample_bytes() const { return sample_bytes_; }

 private:
  uint64_t sample_bytes_;
  uint32_t limit_permyriad_;
  bool limit_given_;
  bool may_raise_;
};

}  // namespace twofold
