#include "analyzer/fold/view.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "format/base/suggest.h"
#include "format/base/units.h"

namespace twofold {

namespace {

constexpr Ratio kCyclesPerInstruction = {"CPI", "instructions", "instruction", "instructions",
                                         "instruction_samples"};

}  // namespace

std::string FormatValue(Unit unit, uint64_t value) {
  switch (unit) {
    case Unit::kNanoseconds:
      return FormatDuration(int64_t(value));
    case Unit::kBytes:
      return FormatBytes(int64_t(value));
    case Unit::kCycles:
      return FormatQuantity(value) + (value == 1 ? " cycle" : " cycles");
    case Unit::kSegments:
      return FormatQuantity(value) + (value == 1 ? " segment" : " segments");
    case Unit::kPages:
      return FormatQuantity(value) + (value == 1 ? " page" : " pages");
    case Unit::kEvents:
      break;
  }
  return FormatQuantity(value) + (value == 1 ? " event" : " events");
}

std::string FormatEstimate(Unit unit, uint64_t value, double variance) {
  std::string text = FormatValue(unit, value);
  if (variance > 0) {
    double error = std::min(std::sqrt(variance), 9e18);
    text += " +- " + FormatValue(unit, uint64_t(std::llround(error)));
  }
  return text;
}

std::string FormatCell(Unit unit, uint64_t value) {
  bool has_own_form = unit == Unit::kNanoseconds || unit == Unit::kBytes;
  return has_own_form ? FormatValue(unit, value) : FormatQuantity(value);
}

std::string_view UnitName(Unit unit) {
  switch (unit) {
    case Unit::kNanoseconds:
      return "microseconds";
    case Unit::kBytes:
      return "bytes";
    case Unit::kCycles:
      return "cycles";
    case Unit::kSegments:
      return "segments";
    case Unit::kPages:
      return "pages";
    case Unit::kEvents:
      break;
  }
  return "events";
}

std::string_view QuantityName(Unit unit) {
  switch (unit) {
    case Unit::kNanoseconds:
      return "time";
    case Unit::kBytes:
      return "memory";
    case Unit::kCycles:
    case Unit::kSegments:
    case Unit::kPages:
    case Unit::kEvents:
      break;
  }
  return UnitName(unit);
}

bool ShowsSleepers(const View& view) {
  return view.sql_view == "offcpu" && view.shape != StackShape::kWaker;
}

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
      {.name = "memleak",
       .title = "Memory that was not freed",
       .summary = "memory allocated and not freed at the end; with --from, --to how it grew",
       .source = "memleak",
       .sql_view = "memleak",
       .value_column = "bytes",
       .shape = StackShape::kSleeper,
       .unit = Unit::kBytes,
       .palette = Palette::kGreen,
       .filter_columns = {"kind", "min_age_ns"},
       .default_filter_column = "min_age_ns",
       .default_condition = "(age IS NULL OR age >= 1)",
       .growth_view = "memory_growth",
       .variance_column = "variance_bytes2",
       .last_frame = "'[' || kind || ']'"},
      {.name = "faults",
       .title = "Page faults",
       .summary = "pages that were not there when they were touched: what makes memory grow",
       .source = "faults",
       .sql_view = "faults",
       .value_column = "pages",
       .shape = StackShape::kSleeper,
       .unit = Unit::kPages,
       .palette = Palette::kGreen,
       .filter_columns = {"kind"},
       .variance_column = "variance_pages2",
       .last_frame = "'[' || kind || ' fault]'"},
      {.name = "tcp",
       .title = "TCP retransmits",
       .summary = "segments that TCP sent again",
       .source = "tcp",
       .sql_view = "tcp",
       .value_column = "segments",
       .shape = StackShape::kSleeper,
       .unit = Unit::kSegments,
       .palette = Palette::kViolet,
       .filter_columns = {"kind"},
       .leading_frames = {"remote", "tcp_state",
                          "kind || CASE failed WHEN 1 THEN ' (not sent)' ELSE '' END"}},
      {"events", "Events",
       "what an imported recording counted that is no time, such as page faults", kEventsSource,
       "events", "events", StackShape::kSleeper, Unit::kEvents, Palette::kWarm},
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
