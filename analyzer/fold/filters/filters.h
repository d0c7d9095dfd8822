// The filters that filter.cc lists, each defined in its own file.
#pragma once

#include "analyzer/fold/filter.h"

namespace twofold {

extern const Filter kPidFilter;
extern const Filter kTidFilter;
extern const Filter kCommFilter;
extern const Filter kStateFilter;
extern const Filter kFromFilter;
extern const Filter kToFilter;

}  // namespace twofold
