// --kind: memory by what handed it out, retransmits by why they were sent, page faults by what they
// waited for.
#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

#include "analyzer/data/kind_names.h"
#include "analyzer/fold/filters/filters.h"

namespace twofold {
namespace {

using Names = std::span<const std::string_view>;

// Of the views memleak, tcp and faults, which all have others.
const Names kOfMemory = Names(kAllocationKinds).first(std::size(kAllocationKinds) - 1);
const Names kOfTcp = Names(kRetransmitKinds).first(std::size(kRetransmitKinds) - 1);
const Names kOfFaults = Names(kPageFaultKinds).first(std::size(kPageFaultKinds) - 1);
constexpr std::string_view kOther = "other";

std::string Joined(Names names) {
  std::string text;
  for (std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

bool IsKind(std::string_view text) {
  auto is_in = [&](Names names) {
    return std::find(names.begin(), names.end(), text) != names.end();
  };
  return is_in(kOfMemory) || is_in(kOfTcp) || is_in(kOfFaults) || text == kOther;
}

Result<Condition> Make(const std::string& value) {
  Condition condition;
  for (size_t start = 0; start <= value.size();) {
    size_t comma = std::min(value.find(',', start), value.size());
    std::string kind = value.substr(start, comma - start);
    if (!IsKind(kind)) {
      return Error{"there is no kind '" + kind + "'", "--kind",
                   "Give one of " + Joined(kOfMemory) + ", " + Joined(kOfTcp) + ", " +
                       Joined(kOfFaults) + ", " + std::string(kOther) +
                       ", or several with commas between them",
                   Error::Kind::kUsage};
    }
    condition.parameters.emplace_back(kind);
    start = comma + 1;
  }
  condition.sql = "kind IN (" + Placeholders(condition.parameters.size()) + ")";
  return condition;
}

const std::string kSummary = "of memleak: " + Joined(kOfMemory) + "; of tcp: " + Joined(kOfTcp) +
                             "; of faults: " + Joined(kOfFaults) + "; with commas between them";

}  // namespace

const Filter kKindFilter = {"kind", "KINDS", kSummary, "kind", Make};

}  // namespace twofold
