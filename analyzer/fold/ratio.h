// Ratios of two sampled numbers, such as cycles per instruction, with what chance leaves of them.
#pragma once

#include <cstdint>
#include <string>

#include "analyzer/fold/folded.h"

namespace twofold {

// Sums of what a ratio is made from, over any stacks.
struct RatioSums {
  uint64_t value = 0;
  uint64_t count = 0;  // samples
  uint64_t divisor = 0;
  uint64_t divisor_count = 0;
  double variance = 0;  // of the value

  void Add(const FoldedStack& stack);

  // value / divisor. Only where has_ratio().
  double ratio() const;
  bool has_ratio() const { return value > 0 && divisor > 0; }

  // The ratio's relative standard error: samples hit at random, so a sum of n of them has one of
  // 1 / sqrt(n), and both sums are independent: sqrt(1 / n + 1 / m).
  double relative_error() const;

  // Whether the error is small enough for the ratio to be told (at most 25 %: 32 samples of each).
  bool is_known() const;
};

// "1.23 +- 0.05" with one standard error, or "too few samples".
std::string FormatRatio(const RatioSums& sums);

}  // namespace twofold
