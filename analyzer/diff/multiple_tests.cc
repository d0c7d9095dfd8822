#include "analyzer/diff/multiple_tests.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace twofold {
namespace {

// Indices in ascending order of p; on a tie the first one first.
std::vector<size_t> OrderOf(const std::vector<double>& p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] < p[b]; });
  return order;
}

std::vector<bool> FirstOf(const std::vector<size_t>& order, size_t count) {
  std::vector<bool> flags(order.size(), false);
  for (size_t i = 0; i < count; ++i) flags[order[i]] = true;
  return flags;
}

}  // namespace

std::vector<bool> FalseDiscoveryFlags(const std::vector<double>& p, double rate) {
  std::vector<size_t> order = OrderOf(p);
  size_t count = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    double bound = rate * double(i + 1) / double(order.size());
    if (p[order[i]] <= bound) count = i + 1;
  }
  return FirstOf(order, count);
}

std::vector<bool> FamilyWiseFlags(const std::vector<double>& p, double level) {
  std::vector<size_t> order = OrderOf(p);
  size_t count = 0;
  while (count < order.size() && p[order[count]] <= level / double(order.size() - count)) {
    ++count;
  }
  return FirstOf(order, count);
}

}  // namespace twofold
