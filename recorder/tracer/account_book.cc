#include "recorder/tracer/account_book.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

namespace twofold {
namespace {

// What was added, and the higher mark.
__u64 Advance(__u64& before, __u64 now) {
  const __u64 added = now > before ? now - before : 0;
  before = std::max(before, now);
  return added;
}

// What was added to the states. A state may fall back: an account as of a boundary may be behind
// one that was written since, and a thread that runs unseen is only known by its CPU time, which is
// behind until it leaves the CPU. What was told stays, so the others get so much less; all states
// together are right at any time, and each of them a little later.
void AdvanceStates(__u64 (&told_ns)[TWOFOLD_STATES], const __u64 (&now_ns)[TWOFOLD_STATES],
                   uint64_t (&added_ns)[TWOFOLD_STATES]) {
  uint64_t fallen_ns = 0;
  for (int state = 0; state < TWOFOLD_STATES; ++state) {
    added_ns[state] = now_ns[state] > told_ns[state] ? now_ns[state] - told_ns[state] : 0;
    if (told_ns[state] > now_ns[state]) fallen_ns += told_ns[state] - now_ns[state];
  }
  for (int state = 0; state < TWOFOLD_STATES; ++state) {
    const uint64_t less_ns = std::min(fallen_ns, added_ns[state]);
    added_ns[state] -= less_ns;
    fallen_ns -= less_ns;
    told_ns[state] += added_ns[state];
  }
}

// The sum of what was added so far, and since.
void Merge(AccountDifference& into, const AccountDifference& more) {
  into.ended = more.ended;
  into.at_ns = std::max(into.at_ns, more.at_ns);
  into.user_ns += more.user_ns;
  into.system_ns += more.system_ns;
  for (int state = 0; state < TWOFOLD_STATES; ++state) into.time_ns[state] += more.time_ns[state];
  for (int bucket = 0; bucket < TWOFOLD_WAIT_BUCKETS; ++bucket) {
    into.waits[bucket] += more.waits[bucket];
  }
}

}  // namespace

void AccountBook::Add(const twofold_account& account) {
  if (account.at_ns > end_ns_) {
    later_.push_back(account);
    return;
  }
  // Threads without a row of the thread table share a number, and have nothing before.
  twofold_account none = {};
  twofold_account& before = account.thread == 0 ? none : before_[account.thread];
  AccountDifference difference{.thread = account.thread,
                               .ended = account.ended != 0 && account.thread != 0,
                               .at_ns = account.at_ns};
  AdvanceStates(before.time_ns, account.time_ns, difference.time_ns);
  difference.user_ns = Advance(before.user_ns, account.user_ns);
  difference.system_ns = Advance(before.system_ns, account.system_ns);
  for (int bucket = 0; bucket < TWOFOLD_WAIT_BUCKETS; ++bucket) {
    // Counters of 32 bits that only grow: the difference is right across an overflow.
    const uint32_t now = account.waits[bucket];
    uint32_t& counted = before.waits[bucket];
    if (int32_t(now - counted) <= 0) continue;
    difference.waits[bucket] = now - counted;
    counted = now;
  }
  if (difference.ended) before_.erase(account.thread);
  const uint64_t added_ns =
      std::accumulate(std::begin(difference.time_ns), std::end(difference.time_ns), uint64_t{0});
  if (added_ns == 0 && !difference.ended) return;
  const auto [place, is_new] = places_.emplace(account.thread, differences_.size());
  if (is_new) {
    differences_.push_back(difference);
  } else {
    Merge(differences_[place->second], difference);
  }
}

std::vector<AccountDifference> AccountBook::TakeDifferences() {
  places_.clear();
  std::vector<AccountDifference> differences = std::exchange(differences_, {});
  end_ns_ = UINT64_MAX;
  for (const twofold_account& account : std::exchange(later_, {})) Add(account);
  return differences;
}

}  // namespace twofold
