// The filters that filter.cc and stack_filter.cc list, each defined in its own file.
#pragma once

#include "analyzer/fold/filter.h"
#include "analyzer/fold/stack_filter.h"

namespace twofold {

extern const Filter kPidFilter;
extern const Filter kTidFilter;
extern const Filter kCommFilter;
extern const Filter kCgroupFilter;
extern const Filter kContainerFilter;
extern const Filter kStateFilter;
extern const Filter kFromFilter;
extern const Filter kToFilter;
extern const Filter kCaptureFilter;
extern const Filter kKindFilter;
extern const Filter kMinAgeFilter;

extern const StackFilter kHideIdleFilter;
extern const StackFilter kFocusFilter;
extern const StackFilter kIgnoreFilter;
extern const StackFilter kHideFilter;
extern const StackFilter kShowFromFilter;
extern const StackFilter kMinPercentFilter;

}  // namespace twofold
