// One function's change between two sides, before and after, and how well it is known: steps 1 to 4
// of the method that docs/diff.md tells in words. Plain numbers: no captures, no SQL.
//
// A function's cost R on a side is the sum of its weights over the sum of the denominator: the
// side's (CPU time, seconds ...), or, for a ratio, the function's own (its instructions), which is
// sampled as well. Its noise is measured from the slow swings between the side's intervals (a
// long-run variance with equal-weighted cosines: Lazarus, Lewis, Stock, Watson 2018), because
// neighbouring intervals are alike: what differs from one to the next says too little about what
// differs between two recordings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace twofold {

// What all functions of a side share.
struct SideIntervals {
  std::vector<double> totals;  // the denominator of each interval, >= 0
  std::vector<size_t> runs;    // how many intervals each run (a capture) has; they add up
  double sum = 0;              // of totals
  // The mean squared weight of one sample, or of one block that was kept, of all functions. 0: the
  // side has none.
  double sample_square = 0;
};

SideIntervals MakeSide(std::vector<double> totals, std::vector<size_t> runs);

// One function on one side.
struct Weights {
  std::vector<double> of_interval;  // as many as SideIntervals::totals
  double count = 0;                 // samples, or blocks that were kept
  double squares = 0;               // sum of their squared weights
  // The same of the function's own denominator. Empty: the side's is meant.
  std::vector<double> own_totals;
  double own_count = 0;
  double own_squares = 0;
};

// What is known of one side of a change.
struct SideChange {
  double rate = 0;    // R: cost per unit of the denominator
  double weight = 0;  // sum of the weights
  double count = 0;
  double squares = 0;
  double total = 0;               // sum of the denominator
  double total_count = 0;         // its samples, if it is the function's own
  double effective = 0;           // neff: how many equal samples would be known as well
  double variance = 0;            // of ln R, from the intervals; 0: fewer than kLeastIntervals
  double freedom = 0;             // degrees of freedom of the variance
  std::vector<double> run_rates;  // of a run without a sample: as with half of one
};

enum class Standing : uint8_t {
  kTested,        // both sides are known well enough for a test
  kNew,           // hardly there before
  kGone,          // hardly there after
  kOnlyAfter,     // the same two where costs are ratios of the function's own: what is not there
  kOnlyBefore,    // has no ratio, which is no change of it
  kFewIntervals,  // a side has fewer than kLeastIntervals: sampling noise alone is known
  kFewSamples,    // too few samples
  kEmptySide,     // a side has no time at all
};

struct Change {
  SideChange before;
  SideChange after;
  Standing standing = Standing::kFewSamples;
  bool by_runs = false;  // runs are the units, not intervals

  double theta = 0;     // ln(R after / R before), later less the shift that all functions share
  double floor = 0;     // fl: variance of theta from sampling alone
  double variance = 0;  // V of theta
  double freedom = 0;   // its degrees of freedom
  double p = 1;         // of no change, two-sided
  double low = 0;       // 95 % interval of R after / R before, less 1
  double high = 0;
  double estimate = 0;  // R after / R before, less 1; infinite for new ones
  bool flagged = false;

  bool is_tested() const {
    return standing == Standing::kTested || standing == Standing::kNew ||
           standing == Standing::kGone;
  }
};

constexpr size_t kLeastIntervals = 8;
constexpr size_t kLeastRuns = 3;     // from here on, runs are the units
constexpr double kRunNoise = 0.005;  // kappa: what two runs of the same program differ by

// Whether each run is one unit: both sides have enough of them.
bool ComparesRuns(const SideIntervals& before, const SideIntervals& after);

Change MeasureChange(const SideIntervals& before_side, const Weights& before,
                     const SideIntervals& after_side, const Weights& after);

}  // namespace twofold
