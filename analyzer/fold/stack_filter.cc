#include "analyzer/fold/stack_filter.h"

#include "analyzer/fold/filters/filters.h"

namespace twofold {

const std::vector<const StackFilter*>& StackFilters() {
  static const std::vector<const StackFilter*> filters = {
      &kHideIdleFilter, &kFocusFilter,    &kIgnoreFilter,
      &kHideFilter,     &kShowFromFilter, &kMinPercentFilter,
  };
  return filters;
}

}  // namespace twofold
