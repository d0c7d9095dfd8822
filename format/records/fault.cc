#include "format/records/fault.h"

#include "format/container.h"

namespace twofold {

bool AddToTotal(uint64_t& total, uint64_t value) {
  if (value > container::kMaxSum - total) return false;
  total += value;
  return true;
}

MaybeFault CheckDefined(uint32_t id, uint32_t last_defined, const char* where) {
  if (id <= last_defined) return std::nullopt;
  return Fault{std::string(where) + " is number " + std::to_string(id) + ", but only " +
                   std::to_string(last_defined) + " are defined",
               true};
}

MaybeFault CheckTime(int64_t time_ns, const char* where) {
  if (time_ns >= -container::kMaxTimeNs && time_ns <= container::kMaxTimeNs) return std::nullopt;
  return Fault{std::string(where) + " is out of range"};
}

}  // namespace twofold
