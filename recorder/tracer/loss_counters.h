// What the programs count of what they could not keep, and of what they put into maps.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "bpf/abi/losses_abi.h"
#include "format/base/result.h"
#include "format/capture.h"

struct twofold_bpf;

namespace twofold {

class LossCounters {
 public:
  // Appends what was lost since the call before.
  Result<void> TakeLosses(const twofold_bpf& skeleton, std::vector<Loss>& losses);

  // Keys that were put into maps since the call before.
  Result<uint64_t> TakeInserts(const twofold_bpf& skeleton);

 private:
  std::array<twofold_loss, TWOFOLD_LOSS_SOURCES* TWOFOLD_LOSS_CAUSES> before_ = {};
  uint64_t inserts_before_ = 0;
};

}  // namespace twofold
