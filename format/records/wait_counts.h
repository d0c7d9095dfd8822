// Waits for a CPU, counted by length: table WaitCounts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

#include "format/base/ids.h"
#include "format/records/row_fields.h"

namespace twofold {

// Run-queue latency: waits for a CPU, exactly, by length. Bucket 0 holds waits below 1 us, bucket n
// those from 2^(n-1) us up to below 2^n us, and the last one all that are longer.
constexpr uint8_t kWaitBuckets = 26;

struct WaitCount {
  ThreadId thread;
  uint8_t bucket = 0;
  uint64_t count = 0;  // waits that ended in this interval

  friend bool operator==(const WaitCount&, const WaitCount&) = default;
};

template <>
struct RowKind<WaitCount> : RowKindDefaults {
  // Longer buckets of newer versions are part of what the last one holds.
  static constexpr uint8_t KnownBucket(uint8_t bucket) {
    return std::min<uint8_t>(bucket, kWaitBuckets - 1);
  }

  static constexpr const char* kTable = "wait counts";
  static constexpr const char* kRow = "a wait count";
  static constexpr std::tuple kFields = {
      field::Reference("thread", &WaitCount::thread),
      field::Key("bucket", &WaitCount::bucket, KnownBucket),
      field::Sum("count", &WaitCount::count),
  };
  static constexpr const char* FindFault(const WaitCount& row) {
    return row.bucket >= kWaitBuckets ? "a wait count's bucket is out of range" : nullptr;
  }
};

}  // namespace twofold
