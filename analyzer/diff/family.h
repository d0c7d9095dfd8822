// Many changes judged together: steps 5 to 9 of the method that docs/diff.md tells in words. Each
// function's noise is steadied with what functions of similar sample counts show, the shift that
// all functions share is taken out, and p-values are corrected for all that are tested.
#pragma once

#include <vector>

#include "analyzer/diff/change.h"

namespace twofold {

// What the functions of a family have in common about their noise. V of a function with the
// sampling noise fl is around s0 (fl + k), as well known as d0 degrees of freedom tell it.
struct NoisePrior {
  bool is_known = false;  // there were enough functions
  double k = 0;
  double s0 = 1;
  double d0 = 0;
};

// The change that all functions share, in logarithms.
struct CommonShift {
  double theta = 0;
  bool is_removed = true;  // from every change; false: it is a part of what was asked for
  // With runs as units: of each run against all runs.
  std::vector<double> before_runs;
  std::vector<double> after_runs;

  double Removed() const { return is_removed ? theta : 0; }
};

struct Family {
  NoisePrior prior;
  CommonShift shift;
};

// What kind of costs is judged.
struct Judging {
  bool flags = true;          // false: costs that change with the load; nothing is flagged
  bool removes_shift = true;  // false: what all functions share is a part of what was asked for
};

// Judges functions by self: finds the noise that they share and the common shift, gives each its
// variance, p-value and interval, and flags discoveries at a false discovery rate of 2.5 %.
Family JudgeSelf(std::vector<Change>& changes, const SideIntervals& before,
                 const SideIntervals& after, const Judging& judging);

// Judges what lies above functions (totals, by Holm at 5 %) and below them (stacks, at a false
// discovery rate of 2.5 %), with the shift of `self`; or functions that were chosen among those of
// `self`, as stacks are.
void JudgeTotals(std::vector<Change>& changes, const SideIntervals& before,
                 const SideIntervals& after, const Family& self, bool flags);
void JudgeStacks(std::vector<Change>& changes, const SideIntervals& before,
                 const SideIntervals& after, const Family& self, bool flags);

// The smallest change that would have been found with a probability of 95 % among `tests` changes:
// 0.1 is an increase of 10 %.
double SmallestVisible(const Change& change, size_t tests);

// How many times as long both recordings would have to be to find a change of `wanted`; infinite
// where the noise between runs is in the way, however long they are.
double LengthFactor(const Change& change, size_t tests, double wanted);

// Which changes are proved to be larger than `least` (0.05: 5 %), at a false discovery rate of
// 2.5 % over all that are tested.
std::vector<bool> ProvedLarger(const std::vector<Change>& changes, double least);

size_t CountTested(const std::vector<Change>& changes);

}  // namespace twofold
