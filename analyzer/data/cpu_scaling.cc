#include "analyzer/data/cpu_scaling.h"

#include <algorithm>

namespace twofold {
namespace {

uint64_t PlusSaturating(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

}  // namespace

uint64_t SampledTimeNs(const CpuRows& rows, const CpuRow& row) {
  uint64_t product = 0;
  return __builtin_mul_overflow(row.samples, rows.period_ns, &product) ? UINT64_MAX : product;
}

CpuScaling::CpuScaling(const Capture& capture) : threads_(capture.definitions.threads.size() + 1) {
  size_t row_count = 0;
  for (const Interval& interval : capture.intervals) {
    if (interval.cpu) row_count += interval.cpu->rows.size();
    if (!interval.cpu || !interval.accounts) continue;
    for (const Account& account : *interval.accounts) {
      if (account.thread.value >= threads_.size()) continue;
      ThreadTime& time = threads_[account.thread.value];
      time.has_account = true;
      time.exact_ns = PlusSaturating(time.exact_ns, account.on_cpu_ns);
    }
    for (const CpuRow& row : interval.cpu->rows) {
      if (row.thread.value >= threads_.size()) continue;
      ThreadTime& time = threads_[row.thread.value];
      time.sampled_ns = PlusSaturating(time.sampled_ns, SampledTimeNs(*interval.cpu, row));
    }
  }
  // Rounding the running sum instead of each row makes the rows of a thread add up.
  struct Given {
    uint64_t sampled_ns = 0;
    uint64_t scaled_ns = 0;
  };
  std::vector<Given> given(threads_.size());
  scaled_ns_.reserve(row_count);
  for (const Interval& interval : capture.intervals) {
    if (!interval.cpu) continue;
    for (const CpuRow& row : interval.cpu->rows) {
      uint64_t sampled_ns = SampledTimeNs(*interval.cpu, row);
      size_t index = row.thread.value < threads_.size() ? row.thread.value : 0;
      const ThreadTime& time = threads_[index];
      if (!interval.accounts || !time.has_account || time.sampled_ns == 0) {
        scaled_ns_.push_back(sampled_ns);
        continue;
      }
      Given& so_far = given[index];
      so_far.sampled_ns = PlusSaturating(so_far.sampled_ns, sampled_ns);
      unsigned __int128 product = static_cast<unsigned __int128>(so_far.sampled_ns) * time.exact_ns;
      uint64_t scaled_ns = static_cast<uint64_t>(product / time.sampled_ns);
      scaled_ns_.push_back(scaled_ns - so_far.scaled_ns);
      so_far.scaled_ns = scaled_ns;
    }
  }
}

bool CpuScaling::IsUnsampled(ThreadId thread) const {
  return thread.value < threads_.size() && threads_[thread.value].sampled_ns == 0;
}

}  // namespace twofold
