#include "analyzer/fold/view.h"

#include <string>

#include "analyzer/cli/suggest.h"
#include "analyzer/text/units.h"

namespace twofold {

namespace {

constexpr Ratio kCyclesPerInstruction = {"CPI", "instructions", "instruction", "instructions",
                                         "instruction_samples"};

}  // namespace

std::string FormatValue(Unit unit, uint64_t value) {
  if (unit == Unit::kNanoseconds) return FormatDuration(static_cast<int64_t>(value));
  return FormatQuantity(value) + (value == 1 ? " cycle" : " cycles");
}

std::string_view UnitName(Unit unit) {
  return unit == Unit::kNanoseconds ? "microseconds" : "cycles";
}

std::string_view QuantityName(Unit unit) { return unit == Unit::kNanoseconds ? "time" : "cycles"; }

const std::vector<View>& Views() {
  static const std::vector<View> views = {
      {"cpu", "On-CPU time", "time on a CPU, by sampling", "cpu", "cpu", "value_ns",
       StackShape::kSleeper, Unit::kNanoseconds, Palette::kWarm},
      {"cpi", "CPU cycles", "CPU cycles, by hardware counters, with cycles per instruction", "cpi",
       "cpi", "cycles", StackShape::kSleeper, Unit::kCycles, Palette::kByRatio,
       &kCyclesPerInstruction},
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
