// Why a record cannot be part of a capture.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace twofold {

struct Fault {
  std::string what;       // a sentence without its full stop; "its ..." means the block's
  bool dangling = false;  // it names an id that is not defined
};
using MaybeFault = std::optional<Fault>;

// Adds to a sum unless it would leave its limit.
bool AddToTotal(uint64_t& total, uint64_t value);

// The fault of an id above the last one defined; `where` says who names it ("a CPU row's thread").
MaybeFault CheckDefined(uint32_t id, uint32_t last_defined, const char* where);

// The fault of a time with a magnitude above container::kMaxTimeNs.
MaybeFault CheckTime(int64_t time_ns, const char* where);

}  // namespace twofold

// Leaves the function with a fault, or goes on.
#define TWOFOLD_RETURN_IF_FAULT(expression)                      \
  do {                                                           \
    if (auto twofold_fault = (expression)) return twofold_fault; \
  } while (false)
