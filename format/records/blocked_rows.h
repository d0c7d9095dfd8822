// Blocked time of an interval: table BlockedRows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include "format/base/ids.h"
#include "format/records/row_fields.h"

namespace twofold {

// Why a thread was off the CPU and not able to run; letters as ps(1) has them.
enum class BlockState : uint8_t {
  kInterruptible = 1,    // S
  kUninterruptible = 2,  // D
  kStopped = 3,          // T
  kTraced = 4,           // t
  kParked = 5,           // P
  kIdle = 6,             // I: an idle kernel thread
  kOther = 7,            // ?
};
constexpr size_t kBlockStates = 7;

// 'S', 'D', 'T', 't', 'P', 'I' or '?'.
char BlockStateLetter(BlockState state);

// States of newer versions are kept as kOther.
constexpr BlockState KnownBlockState(BlockState state) {
  const bool known = state >= BlockState::kInterruptible && state <= BlockState::kOther;
  return known ? state : BlockState::kOther;
}

// Rows of blocked and waiting time hold estimates. A part of a block, or of a wait for a CPU, of
// length d that lasted at least T is kept for certain and counts d; a shorter one is kept with
// probability d / T and counts T. So the expected value of time_ns is the true time whatever T is,
// and T may be another one from part to part; Interval::quantum_ns is the largest. The fields of an
// estimate:
//   time_ns       the whole: what was measured, and sampled_ns
//   count         estimate of how many blocks (or waits) ended in the interval
//   sampled_ns    the part of time_ns that stands for parts chosen by chance
//   samples       how many parts were kept
//   variance_us2  unbiased estimate of time_ns's variance, in squared microseconds: the sum of
//                 T x (T - d) over the parts that were chosen by chance
//   count_variance  the same of count: the sum of n x (n - 1) over the blocks that were chosen by
//                 chance, where n is what one of them counts as (T / d, rounded by chance)
//   quanta_us2    sum of T x T over the parts that were chosen by chance, in squared microseconds:
//                 QuantumNs is what one of them stands for

// Which ends of a block an interval cut off: bits of BlockedRow::parts.
constexpr uint8_t kBegunBefore = 1;  // the block began before the interval
constexpr uint8_t kOpenAtEnd = 2;    // it was still going on when the interval ended

// What a part of the row that was chosen by chance stands for: the mean T, each weighted by itself.
// `largest_ns` (Interval::quantum_ns) where the row does not tell.
template <typename Row>
uint64_t QuantumNs(const Row& row, uint64_t largest_ns) {
  if (row.quanta_us2 == 0 || row.sampled_ns == 0) return largest_ns;
  const double mean_ns = double(row.quanta_us2) * 1e6 / double(row.sampled_ns);
  return std::min(std::max(uint64_t(mean_ns + 0.5), uint64_t(1)), largest_ns);
}

struct BlockedRow {
  ThreadId thread;
  BlockState state = BlockState::kOther;
  StackId kernel_stack;
  StackId user_stack;    // 0: a kernel thread
  uint64_t time_ns = 0;  // the part of the blocks that lies in this interval
  uint64_t count = 0;    // blocks that ended in this interval
  uint8_t parts = 0;     // kBegunBefore, kOpenAtEnd. At most one row of a thread and interval has
                      // kOpenAtEnd; the one of the next interval with kBegunBefore goes on from it
  ChainId chain;  // what woke the thread; 0: not recorded, not known, or not woken yet
  uint64_t sampled_ns = 0;
  uint64_t samples = 0;
  uint64_t variance_us2 = 0;
  uint64_t count_variance = 0;
  uint64_t quanta_us2 = 0;

  friend bool operator==(const BlockedRow&, const BlockedRow&) = default;
};

template <>
struct RowKind<BlockedRow> : RowKindDefaults {
  // Bits of newer versions are left out.
  static constexpr uint8_t KnownParts(uint8_t parts) { return parts & (kBegunBefore | kOpenAtEnd); }

  static constexpr const char* kTable = "blocked rows";
  static constexpr const char* kRow = "a blocked row";
  static constexpr size_t kFullColumns = 6;
  static constexpr std::tuple kFields = {
      field::Reference("thread", &BlockedRow::thread),
      field::Key("state", &BlockedRow::state, KnownBlockState),
      field::Reference("kernel_stack", &BlockedRow::kernel_stack),
      field::Reference("user_stack", &BlockedRow::user_stack),
      field::Sum("time_ns", &BlockedRow::time_ns),
      field::Sum("count", &BlockedRow::count),
      field::Key("parts", &BlockedRow::parts, KnownParts),
      field::Reference("chain", &BlockedRow::chain),
      field::Sum("sampled_ns", &BlockedRow::sampled_ns),
      field::Sum("samples", &BlockedRow::samples),
      field::Sum("variance_us2", &BlockedRow::variance_us2),
      field::Sum("count_variance", &BlockedRow::count_variance),
      field::Sum("quanta_us2", &BlockedRow::quanta_us2),
  };
  static constexpr const char* FindFault(const BlockedRow& row) {
    return row.sampled_ns > row.time_ns ? "a blocked row has more sampled time than time" : nullptr;
  }
};

}  // namespace twofold
