#include "analyzer/output/microseconds.h"

#include <algorithm>

namespace twofold {

std::vector<uint64_t> RoundToMicroseconds(const std::vector<FoldedStack>& stacks) {
  std::vector<uint64_t> values_us;
  values_us.reserve(stacks.size());
  uint64_t total_ns = 0;
  uint64_t given_us = 0;
  uint32_t with_remainder[1000] = {};  // how many stacks leave so many nanoseconds
  for (const FoldedStack& stack : stacks) {
    values_us.push_back(stack.value / 1000);
    given_us += stack.value / 1000;
    total_ns += stack.value;
    ++with_remainder[stack.value % 1000];
  }
  uint64_t left_us = total_ns / 1000 + (total_ns % 1000 >= 500 ? 1 : 0) - given_us;
  // Stacks that leave more than `threshold` all get one more, those that leave as much get one as
  // long as there are any left.
  uint64_t threshold = 999;
  while (threshold > 0 && left_us > with_remainder[threshold]) {
    left_us -= with_remainder[threshold];
    --threshold;
  }
  for (size_t i = 0; i < stacks.size(); ++i) {
    uint64_t remainder = stacks[i].value % 1000;
    if (remainder > threshold) {
      ++values_us[i];
    } else if (remainder == threshold && left_us > 0) {
      ++values_us[i];
      --left_us;
    }
  }
  return values_us;
}

std::vector<uint64_t> ShownValues(const std::vector<FoldedStack>& stacks, Unit unit) {
  if (unit == Unit::kNanoseconds) return RoundToMicroseconds(stacks);
  std::vector<uint64_t> values;
  values.reserve(stacks.size());
  for (const FoldedStack& stack : stacks) values.push_back(stack.value);
  return values;
}

}  // namespace twofold
