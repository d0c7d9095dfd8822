// What costs are divided by: the values of --per, each a line of the list in per.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/fold/view.h"
#include "format/base/result.h"

namespace twofold {

enum class Per : uint8_t {
  kCpuSecond,
  kThreadSecond,
  kShare,
  kSecond,
  kTotal,
  kRatio,  // each function's own divisor: the cost is the view's ratio
};

struct PerTraits {
  Per per;
  std::string_view name;  // as --per has it; of kRatio, the ratio's: `instruction`
  bool has_verdicts;      // costs stay comparable under another load
  bool removes_shift;     // what all functions share is no change of any of them
};

const PerTraits& TraitsOf(Per per);

// All values that --per may have, with those of the views' ratios.
std::vector<std::string> PerNames();

// How a view's costs are divided unless --per says so: by its ratio, if it has one; blocked time by
// how long threads existed; else by CPU time.
Per DefaultPer(const View& view);

// As --per has it.
std::string NameOfPer(Per per, const View& view);

// Error: the name is unknown, or the view has nothing of the kind; suggests one.
Result<Per> ParsePer(std::string_view name, const View& view);

// "On-CPU time per CPU-second", "CPU cycles per instruction (CPI)".
std::string DescribeCosts(const View& view, Per per);

// What the cost of a function is called in headings: "time", "cycles", "CPI".
std::string_view CostName(const View& view, Per per);

// A cost as people read it: "12.3 ms" or "4.56 M cycles" (per second), "1.2 %" as a share, "1.23"
// as a ratio.
std::string FormatCost(double cost, const View& view, Per per);

// The same for a column of its own: without the unit's name where that is no time.
std::string FormatCostCell(double cost, const View& view, Per per);

}  // namespace twofold
