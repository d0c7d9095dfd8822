// Turns accounts of threads, which only grow, into what was added since the accounts before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "bpf/abi/accounts_abi.h"

namespace twofold {

// How long a thread was in each state since the reading before.
struct AccountDifference {
  uint32_t thread = 0;  // number in the thread table
  bool ended = false;   // the thread took another number, or exited
  uint64_t at_ns = 0;   // CLOCK_MONOTONIC
  uint64_t user_ns = 0;
  uint64_t system_ns = 0;
  uint64_t time_ns[TWOFOLD_STATES] = {};
  uint32_t waits[TWOFOLD_WAIT_BUCKETS] = {};
};

class AccountBook {
 public:
  // An account as a program wrote it: at the end of a thread, or as it was at an interval's end.
  // Nothing about a thread may come after its end. Threads without a row of the thread table
  // (number 0) come once each, and are added up.
  void Add(const twofold_account& account);

  // The interval ends at a time (CLOCK_MONOTONIC): accounts of later times wait for the next one.
  void EndIntervalAt(uint64_t end_ns) { end_ns_ = end_ns; }

  // The differences since the last call, one for each thread whose account grew or ended. The next
  // interval begins.
  std::vector<AccountDifference> TakeDifferences();

 private:
  uint64_t end_ns_ = UINT64_MAX;
  std::vector<twofold_account> later_;                    // of the next interval
  std::unordered_map<uint32_t, twofold_account> before_;  // by thread
  std::vector<AccountDifference> differences_;
  std::unordered_map<uint32_t, size_t> places_;  // of threads in differences_
};

}  // namespace twofold
