#include "format/records/progress.h"

namespace twofold {

bool MemoryBudget::Take(uint64_t count, uint64_t bytes_each) {
  if (bytes_each != 0 && count > left_bytes_ / bytes_each) return false;
  left_bytes_ -= count * bytes_each;
  return true;
}

Fault TooMuchMemory() { return Fault{"it would take more memory than a capture of this size may"}; }

}  // namespace twofold
