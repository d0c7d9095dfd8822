#include "analyzer/fold/view.h"

#include <string>

#include "analyzer/cli/suggest.h"

namespace twofold {

const std::vector<View>& Views() {
  static const std::vector<View> views = {
      {"cpu", "On-CPU time", "time on a CPU, by sampling", "cpu", "cpu", "value_ns",
       StackShape::kSleeper, Unit::kNanoseconds, Palette::kWarm},
      {"offcpu", "Blocked time", "time off the CPU, waiting for something other than a CPU",
       "offcpu", "offcpu", "value_ns", StackShape::kSleeper, Unit::kNanoseconds, Palette::kCool},
      {"wakeup", "Blocked time by waker", "blocked time by what ended it", kWakersSource, "offcpu",
       "value_ns", StackShape::kWaker, Unit::kNanoseconds, Palette::kCool},
      {"offwake", "Blocked time with its wakers", "blocked time, and behind -- what ended it",
       kWakersSource, "offcpu", "value_ns", StackShape::kSleeperAndWaker, Unit::kNanoseconds,
       Palette::kCool},
      {"chain", "Blocked time with chains of wakers",
       "blocked time, what ended it, what had woken that, and so on", kWakersSource, "offcpu",
       "value_ns", StackShape::kSleeperAndChain, Unit::kNanoseconds, Palette::kCool},
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
