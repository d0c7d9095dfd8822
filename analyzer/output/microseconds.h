// Rounds times so that they still add up.
#pragma once

#include <cstdint>
#include <vector>

#include "analyzer/fold/folded.h"
#include "analyzer/fold/view.h"

namespace twofold {

// The value of each stack in microseconds; `value_ns` of the stacks is in nanoseconds. The sum is
// the total rounded to the nearest microsecond: every value is first rounded down, and the
// microseconds that this leaves over go to the stacks that lost most by it (on a tie to the first),
// so no value is off by one microsecond or more and none is dropped. A stack of less than a
// microsecond may have 0.
std::vector<uint64_t> RoundToMicroseconds(const std::vector<FoldedStack>& stacks);

// The value of each stack as outputs for programs have it: in microseconds, or as it is where it is
// no time.
std::vector<uint64_t> ShownValues(const std::vector<FoldedStack>& stacks, Unit unit);

}  // namespace twofold
