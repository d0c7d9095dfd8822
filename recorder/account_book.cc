#include "recorder/account_book.h"

#include <algorithm>
#include <utility>

namespace twofold {
namespace {

// What was added, and the higher mark. An account as of a boundary may be a little behind one that
// was written since: the difference is nothing then, and the next one is smaller.
__u64 Advance(__u64& before, __u64 now) {
  const __u64 added = now > before ? now - before : 0;
  before = std::max(before, now);
  return added;
}

}  // namespace

void AccountBook::Add(const twofold_account& account) {
  twofold_account& before = before_[account.thread];
  AccountDifference difference{
      .thread = account.thread, .ended = account.ended != 0, .at_ns = account.at_ns};
  uint64_t added_ns = 0;
  for (int state = 0; state < TWOFOLD_STATES; ++state) {
    difference.time_ns[state] = Advance(before.time_ns[state], account.time_ns[state]);
    added_ns += difference.time_ns[state];
  }
  difference.user_ns = Advance(before.user_ns, account.user_ns);
  difference.system_ns = Advance(before.system_ns, account.system_ns);
  for (int bucket = 0; bucket < TWOFOLD_WAIT_BUCKETS; ++bucket) {
    // Counters of 32 bits that only grow: the difference is right across an overflow.
    const uint32_t now = account.waits[bucket];
    uint32_t& counted = before.waits[bucket];
    if (static_cast<int32_t>(now - counted) <= 0) continue;
    difference.waits[bucket] = now - counted;
    counted = now;
  }
  if (difference.ended) before_.erase(account.thread);
  if (added_ns > 0 || difference.ended) differences_.push_back(difference);
}

std::vector<AccountDifference> AccountBook::TakeDifferences() {
  return std::exchange(differences_, {});
}

}  // namespace twofold
