#include "analyzer/data/cpu_scaling.h"

#include <algorithm>

#include "analyzer/data/pools.h"
#include "analyzer/data/sharing.h"

namespace twofold {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

// The pool of each thread with an account, by thread id; kNone: it has none.
struct ThreadPools {
  std::vector<uint32_t> of_thread;
  std::vector<Sharing> pools;  // targets are set
};

ThreadPools FindPools(const Capture& capture) {
  struct ThreadTime {
    uint64_t exact_ns = 0;
    double expected_samples = 0;
    bool has_account = false;
  };
  std::vector<ThreadTime> times(capture.definitions.threads.size() + 1);
  for (const Interval& interval : capture.intervals) {
    if (!interval.cpu || !interval.accounts) continue;
    double period_ns = double(std::max<uint64_t>(interval.cpu->period_ns, 1));
    for (const Account& account : *interval.accounts) {
      if (account.thread.value >= times.size()) continue;
      ThreadTime& time = times[account.thread.value];
      time.has_account = true;
      time.exact_ns = PlusSaturating(time.exact_ns, account.on_cpu_ns);
      time.expected_samples += double(account.on_cpu_ns) / period_ns;
    }
  }
  std::vector<PoolMember> members;
  for (uint32_t thread = 0; thread < times.size(); ++thread) {
    if (!times[thread].has_account) continue;
    members.push_back({ThreadId(thread), 0, times[thread].expected_samples, false});
  }
  Pools formed = FormPools(capture.definitions, members);
  ThreadPools found;
  found.of_thread.assign(times.size(), kNone);
  found.pools.resize(formed.count);
  for (size_t i = 0; i < members.size(); ++i) {
    uint32_t pool = formed.of_member[i];
    found.of_thread[members[i].thread.value] = pool;
    Sharing& sharing = found.pools[pool];
    sharing.target = PlusSaturating(sharing.target, times[members[i].thread.value].exact_ns);
  }
  return found;
}

}  // namespace

uint64_t SampledTimeNs(const CpuRows& rows, const CpuRow& row) {
  uint64_t product = 0;
  return __builtin_mul_overflow(row.samples, rows.period_ns, &product) ? UINT64_MAX : product;
}

CpuScaling::CpuScaling(const Capture& capture) {
  ThreadPools found = FindPools(capture);
  auto pool_of = [&](ThreadId thread) {
    return thread.value < found.of_thread.size() ? found.of_thread[thread.value] : kNone;
  };
  size_t row_count = 0;
  for (const Interval& interval : capture.intervals) {
    if (!interval.cpu) continue;
    row_count += interval.cpu->rows.size();
    if (!interval.accounts) continue;
    for (const CpuRow& row : interval.cpu->rows) {
      uint32_t pool = pool_of(row.thread);
      if (pool == kNone) continue;
      Sharing& sharing = found.pools[pool];
      sharing.whole = PlusSaturating(sharing.whole, SampledTimeNs(*interval.cpu, row));
    }
  }
  is_unsampled_.assign(found.of_thread.size(), true);
  for (size_t thread = 0; thread < is_unsampled_.size(); ++thread) {
    uint32_t pool = found.of_thread[thread];
    is_unsampled_[thread] = pool == kNone || found.pools[pool].whole == 0;
  }
  scaled_ns_.reserve(row_count);
  for (const Interval& interval : capture.intervals) {
    if (!interval.cpu) continue;
    for (const CpuRow& row : interval.cpu->rows) {
      uint64_t sampled_ns = SampledTimeNs(*interval.cpu, row);
      uint32_t pool = interval.accounts ? pool_of(row.thread) : kNone;
      scaled_ns_.push_back(pool == kNone ? sampled_ns : found.pools[pool].Next(sampled_ns));
    }
  }
}

bool CpuScaling::IsUnsampled(ThreadId thread) const {
  return thread.value < is_unsampled_.size() && is_unsampled_[thread.value];
}

}  // namespace twofold
