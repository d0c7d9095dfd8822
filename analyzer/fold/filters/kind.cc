// --kind: memory by what handed it out, retransmits by why they were sent.
#include <algorithm>
#include <iterator>
#include <string_view>

#include "analyzer/fold/filters/filters.h"

namespace twofold {
namespace {

// Of the views memleak and tcp.
constexpr std::string_view kKinds[] = {"malloc", "mmap",  "kmalloc", "slab",   "pages", "timeout",
                                       "fast",   "probe", "syn",     "synack", "other"};

std::string Advice() {
  std::string text;
  for (std::string_view kind : kKinds) text += (text.empty() ? "" : ", ") + std::string(kind);
  return "Give one of " + text + ", or several with commas between them";
}

Result<Condition> Make(const std::string& value) {
  Condition condition;
  for (size_t start = 0; start <= value.size();) {
    size_t comma = std::min(value.find(',', start), value.size());
    std::string kind = value.substr(start, comma - start);
    if (std::find(std::begin(kKinds), std::end(kKinds), kind) == std::end(kKinds)) {
      return Error{"there is no kind '" + kind + "'", "--kind", Advice(), Error::Kind::kUsage};
    }
    condition.parameters.emplace_back(kind);
    start = comma + 1;
  }
  condition.sql = "kind IN (" + Placeholders(condition.parameters.size()) + ")";
  return condition;
}

}  // namespace

const Filter kKindFilter = {
    "kind", "KINDS",
    "of memleak: malloc, mmap, kmalloc, slab, pages; of tcp: timeout, fast, "
    "probe, syn, synack; with commas between them",
    "kind", Make};

}  // namespace twofold
