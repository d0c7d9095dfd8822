// Exact division of a time among its parts.
#pragma once

#include <cstdint>

namespace twofold {

inline uint64_t PlusSaturating(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

// Gives shares of `target` to parts of `whole` so that they add up: the running sum is rounded,
// not each share.
struct Sharing {
  uint64_t whole = 0;
  uint64_t target = 0;
  uint64_t parts_so_far = 0;
  uint64_t given_so_far = 0;

  uint64_t Next(uint64_t part) {
    if (whole == target || whole == 0) return part;
    parts_so_far = PlusSaturating(parts_so_far, part);
    auto product = static_cast<unsigned __int128>(parts_so_far) * target;
    uint64_t given = uint64_t(product / whole);
    uint64_t share = given - given_so_far;
    given_so_far = given;
    return share;
  }

  // target / whole; 1 where there is nothing to share.
  double Factor() const { return whole > 0 ? double(target) / double(whole) : 1; }
};

}  // namespace twofold
