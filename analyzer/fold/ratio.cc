#include "analyzer/fold/ratio.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace twofold {
namespace {

constexpr double kLargestError = 0.25;

}  // namespace

void RatioSums::Add(const FoldedStack& stack) {
  value += stack.value;
  count += stack.count;
  divisor += stack.divisor;
  divisor_count += stack.divisor_count;
  variance += stack.variance;
}

double RatioSums::ratio() const { return double(value) / double(divisor); }

double RatioSums::relative_error() const {
  if (count == 0 || divisor_count == 0) return HUGE_VAL;
  return std::sqrt(1 / double(count) + 1 / double(divisor_count));
}

bool RatioSums::is_known() const { return has_ratio() && relative_error() <= kLargestError; }

std::string FormatRatio(const RatioSums& sums) {
  if (!sums.is_known()) return "too few samples";
  double ratio = sums.ratio();
  double error = ratio * sums.relative_error();
  // Two figures of the error, and as many decimals of the ratio.
  int decimals = std::clamp(1 - int(std::floor(std::log10(error))), 0, 3);
  char text[64];
  snprintf(text, sizeof(text), "%.*f +- %.*f", decimals, ratio, decimals, error);
  return text;
}

}  // namespace twofold
