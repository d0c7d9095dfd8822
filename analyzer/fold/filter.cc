#include "analyzer/fold/filter.h"

#include <charconv>

#include "analyzer/fold/filters/filters.h"

namespace twofold {

const std::vector<const Filter*>& Filters() {
  static const std::vector<const Filter*> filters = {
      &kPidFilter,  &kTidFilter, &kCommFilter,    &kCgroupFilter, &kContainerFilter, &kStateFilter,
      &kFromFilter, &kToFilter,  &kCaptureFilter, &kKindFilter,   &kMinAgeFilter,
  };
  return filters;
}

Result<Condition> MakeCondition(const Filter& filter, const std::string& value) {
  TWOFOLD_ASSIGN_OR_RETURN(Condition condition, filter.make(value));
  condition.filter = &filter;
  condition.value = value;
  condition.option = filter.option;
  condition.column = filter.column;
  return condition;
}

std::string Placeholders(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += i == 0 ? "?" : ", ?";
  return text;
}

Result<std::vector<SqlValue>> ParseNumbers(const std::string& value, std::string_view option) {
  std::vector<SqlValue> numbers;
  for (size_t start = 0; start <= value.size();) {
    size_t comma = std::min(value.find(',', start), value.size());
    uint32_t number = 0;
    const char* end = value.data() + comma;
    auto [stop, status] = std::from_chars(value.data() + start, end, number);
    if (status != std::errc() || stop != end || numbers.size() >= 1000) {
      return Error{"'" + value + "' is no list of numbers", "--" + std::string(option),
                   "Give numbers with commas between them, such as 812,813", Error::Kind::kUsage};
    }
    numbers.emplace_back(int64_t(number));
    start = comma + 1;
  }
  return numbers;
}

}  // namespace twofold
