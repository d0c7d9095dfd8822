// Three or more captures a side: whole runs are the units. What two runs of the same program differ
// by cannot be seen inside of one run, however long it is.
#pragma once

#include <vector>

#include "analyzer/diff/family.h"

namespace twofold {

// The shift of each run that all functions share, from functions by self; sets the run shifts
// alone.
void FindRunShifts(const std::vector<Change>& changes, const SideIntervals& before,
                   const SideIntervals& after, CommonShift& shift);

// Replaces theta, variance and freedom of tested changes by those of runs: the difference of the
// sides' means of ln R, each run's less its shift, with the variance pooled over both sides. For
// new and gone functions, the variance of the side that they are on.
void CompareRuns(std::vector<Change>& changes, const SideIntervals& before,
                 const SideIntervals& after, const CommonShift& shift);

}  // namespace twofold
