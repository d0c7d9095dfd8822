// Whether two sides can be compared at all: what differs between the hosts, the recordings and the
// programs, and what each difference means for the numbers.
#pragma once

#include <string>
#include <vector>

#include "analyzer/diff/sides.h"

namespace twofold {

// One sentence for each thing that differs, the gravest first; not yet escaped.
std::vector<std::string> CompareCaptures(const DiffSides& sides, const View& view);

// "before 30 intervals in 30.0 s, after 31 in 31.0 s", with the number of captures where it is
// not 1.
std::string DescribeSides(const DiffSides& sides);

}  // namespace twofold
