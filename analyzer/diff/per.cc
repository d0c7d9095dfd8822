#include "analyzer/diff/per.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "format/base/suggest.h"
#include "format/base/units.h"

namespace twofold {
namespace {

// A ratio needs no shift taken out: no function's share of anything is in it, so that where all of
// them have more cycles per instruction, memory or the clock made all of them slower. Nor does time
// per second that threads existed: nothing that one function does changes how long threads exist,
// and a shift of most waits (as when a program computes more and waits less) would be blamed on
// those that stayed as they were.
constexpr PerTraits kAll[] = {
    {Per::kCpuSecond, "cpu-second", /*has_verdicts=*/true, /*removes_shift=*/true},
    {Per::kThreadSecond, "thread-second", /*has_verdicts=*/true, /*removes_shift=*/false},
    {Per::kShare, "share", /*has_verdicts=*/true, /*removes_shift=*/true},
    {Per::kSecond, "second", /*has_verdicts=*/false, /*removes_shift=*/false},
    {Per::kTotal, "total", /*has_verdicts=*/false, /*removes_shift=*/false},
    {Per::kRatio, "", /*has_verdicts=*/true, /*removes_shift=*/false},
};

uint64_t Rounded(double cost) { return uint64_t(std::llround(std::clamp(cost, 0.0, 9e18))); }

}  // namespace

const PerTraits& TraitsOf(Per per) {
  return *std::find_if(std::begin(kAll), std::end(kAll),
                       [&](const PerTraits& traits) { return traits.per == per; });
}

std::vector<std::string> PerNames() {
  std::vector<std::string> names;
  for (const PerTraits& traits : kAll) {
    if (traits.per != Per::kRatio) names.emplace_back(traits.name);
  }
  for (const View& view : Views()) {
    if (view.ratio == nullptr) continue;
    std::string name(view.ratio->one_divisor_name);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

Per DefaultPer(const View& view) {
  if (view.ratio != nullptr) return Per::kRatio;
  return view.sql_view == "offcpu" ? Per::kThreadSecond : Per::kCpuSecond;
}

std::string NameOfPer(Per per, const View& view) {
  return std::string(per == Per::kRatio ? view.ratio->one_divisor_name : TraitsOf(per).name);
}

Result<Per> ParsePer(std::string_view name, const View& view) {
  for (const PerTraits& traits : kAll) {
    bool exists = traits.per != Per::kRatio || view.ratio != nullptr;
    if (exists && NameOfPer(traits.per, view) == name) return traits.per;
  }
  for (const View& other : Views()) {
    if (other.ratio == nullptr || other.ratio->one_divisor_name != name) continue;
    return Error{"the view " + std::string(view.name) + " has no " +
                     std::string(other.ratio->divisor_name) + " to divide by",
                 "--per", "Give --view " + std::string(other.name) + ", or leave it out",
                 Error::Kind::kUsage};
  }
  std::vector<std::string> names = PerNames();
  return Error{"costs cannot be shown per '" + std::string(name) + "'", "--per",
               Suggestion(name, {names.begin(), names.end()}), Error::Kind::kUsage};
}

std::string DescribeCosts(const View& view, Per per) {
  std::string text(view.title);
  switch (per) {
    case Per::kCpuSecond:
      return text + " per CPU-second";
    case Per::kThreadSecond:
      return text + " per thread-second";
    case Per::kSecond:
      return text + " per second";
    case Per::kShare:
      return text + ", share";
    case Per::kRatio:
      return text + " per " + std::string(view.ratio->one_divisor_name) + " (" +
             std::string(view.ratio->name) + ")";
    case Per::kTotal:
      break;
  }
  return text + " in total";
}

std::string_view CostName(const View& view, Per per) {
  return per == Per::kRatio ? view.ratio->name : QuantityName(view.unit);
}

std::string FormatCost(double cost, const View& view, Per per) {
  if (per == Per::kShare) return FormatShare(cost, 1);
  if (per == Per::kRatio) {
    char text[32];
    // Three figures, and no zero that hides a small ratio.
    int decimals = cost >= 100 || cost <= 0 ? 0 : cost >= 10 ? 1 : cost >= 1 ? 2 : 3;
    snprintf(text, sizeof(text), "%.*f", decimals, std::min(cost, 1e18));
    return text;
  }
  return FormatValue(view.unit, Rounded(cost));
}

std::string FormatCostCell(double cost, const View& view, Per per) {
  bool has_name = per != Per::kShare && per != Per::kRatio && view.unit != Unit::kNanoseconds;
  return has_name ? FormatQuantity(Rounded(cost)) : FormatCost(cost, view, per);
}

}  // namespace twofold
