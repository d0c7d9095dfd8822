#include "analyzer/tabular/output.h"

#include <string>

#include "format/base/suggest.h"

namespace twofold {

const std::vector<TabularOutput>& TabularOutputs() {
  static const std::vector<TabularOutput> outputs = {
      {"table", "for people", WriteTextTable, /*for_people=*/true},
      {"csv", "comma-separated, nanoseconds", WriteCsvTable},
      {"json", "an array of objects, nanoseconds", WriteJsonTable},
  };
  return outputs;
}

Result<const TabularOutput*> FindTabularOutput(std::string_view name) {
  std::vector<std::string_view> names;
  for (const TabularOutput& output : TabularOutputs()) {
    if (output.name == name) return &output;
    names.push_back(output.name);
  }
  return Error{"there is no format '" + std::string(name) + "'", "--format",
               Suggestion(name, names), Error::Kind::kUsage};
}

}  // namespace twofold
