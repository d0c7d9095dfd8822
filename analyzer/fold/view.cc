#include "analyzer/fold/view.h"

#include <string>

#include "analyzer/cli/suggest.h"

namespace twofold {

const std::vector<View>& Views() {
  static const std::vector<View> views = {
      {"cpu", "On-CPU time", "time on a CPU, by sampling", "cpu", "value_ns", Unit::kNanoseconds,
       Palette::kWarm},
      {"offcpu", "Blocked time", "time off the CPU, waiting for something other than a CPU",
       "offcpu", "value_ns", Unit::kNanoseconds, Palette::kCool},
  };
  return views;
}

Result<const View*> FindView(std::string_view name) {
  std::vector<std::string_view> names;
  for (const View& view : Views()) {
    if (view.name == name) return &view;
    names.push_back(view.name);
  }
  return Error{"there is no view '" + std::string(name) + "'", "--view", Suggestion(name, names),
               Error::Kind::kUsage};
}

}  // namespace twofold
