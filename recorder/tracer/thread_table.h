// The table of the threads in scope, which the programs share with the recorder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bpf/abi/threads_abi.h"
#include "format/base/result.h"

struct twofold_bpf;

namespace twofold {

class ThreadTable {
 public:
  ThreadTable() = default;
  ~ThreadTable();
  ThreadTable(const ThreadTable&) = delete;
  ThreadTable& operator=(const ThreadTable&) = delete;

  // Once the programs are loaded. `slots`: a power of two.
  Result<void> Open(twofold_bpf& skeleton, uint32_t slots);

  // Rows that are new since the last call, by number; their slots are free again.
  std::vector<twofold_thread> TakeNew();

 private:
  twofold_bpf* skeleton_ = nullptr;
  uint32_t slots_ = 0;
  twofold_thread* threads_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace twofold
