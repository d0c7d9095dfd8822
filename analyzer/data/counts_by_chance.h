// How far off counts of blocks, and of waits for a CPU, may be where some of them were kept by
// chance.
//
// A block of the length d < T that was kept by chance counts as n = T / d blocks. The variance of a
// count is the sum of n (n - 1) over those that were kept: count_variance of the row. How many few
// or no samples leave open depends on what a sample may count as, and the shortest blocks, which
// count as most, are rarely among them. So v = sum of n^2 / sum of n, what samples count as on
// average over the blocks they stand for, is taken of the whole pool (pools.h), or of the row where
// that is more; and 2 v^2, with the largest v of its rows, is added to the variance of a sum, once.
// (A sum and its variance are those of a Poisson count in units of v, for which 2 more in the
// variance cover the truth: off_cpu_scaling.h, where w does the same for times.)
//
// Of a pool of which nothing was sampled the threads' waits for a CPU tell how many blocks there
// may have been, because each ends with one. They are no exact count of blocks that counts could be
// scaled to: waits after preemptions are among them, and they know no state.
//
// Captures of older recorders have no count_variance. Their rows tell the mean of d (by
// variance_us2, which adds up T (T - d)) and of 1 / d (by the count): the mean of 1 / d^2 follows
// for lengths that are all alike or lognormal; of others the error is too small.
#pragma once

#include <algorithm>
#include <cstdint>

#include "format/records/blocked_rows.h"

namespace twofold {

// What was counted by chance; PerSample is v.
struct Counted {
  double count = 0;
  double variance = 0;

  void Add(const Counted& other) {
    count += other.count;
    variance += other.variance;
  }
  double PerSample() const { return count > 0 ? 1 + variance / count : 0; }
};

// Waits for a CPU that a thread's account tells, and what its rows count.
struct Waits {
  uint64_t exact = 0;
  uint64_t blocks = 0;
  uint64_t waits = 0;

  // How many blocks, or waits, there may have been beyond those.
  uint64_t Uncounted(bool of_blocks) const {
    uint64_t counted = of_blocks ? blocks : waits;
    return exact > counted ? exact - counted : 0;
  }
};

// What a row counts by chance; `largest_ns` is its interval's quantum.
template <typename Row>
Counted CountedByChance(const Row& row, uint64_t largest_ns) {
  uint64_t quantum_ns = QuantumNs(row, largest_ns);
  double quantum_us = double(quantum_ns) / 1000;
  uint64_t kept = quantum_ns > 0 ? (row.sampled_ns + quantum_ns / 2) / quantum_ns : 0;  // by chance
  if (kept == 0 || row.count == 0) return {};
  double k = double(kept);
  // Of the others each counts once.
  double count = double(row.count) - double(row.samples - std::min(row.samples, kept));
  count = std::max(count, k);
  if (row.count_variance > 0) return {count, double(row.count_variance)};
  double mean_us = quantum_us - double(row.variance_us2) / (k * quantum_us);
  double squares = std::max(mean_us, 0.0) / quantum_us * count * count * count / (k * k);
  double least_squares = count * count / k;
  return {count, std::max(squares, least_squares) - count};
}

}  // namespace twofold
