#include "analyzer/diff/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "analyzer/diff/comparability.h"
#include "analyzer/diff/gate.h"
#include "analyzer/text/json.h"
#include "analyzer/text/table.h"
#include "format/base/escape_text.h"
#include "format/base/options.h"
#include "format/base/units.h"

namespace twofold {
namespace {

TabularCell Real(double value) {
  if (!std::isfinite(value)) return {};
  char text[48];
  snprintf(text, sizeof(text), "%.6g", value);
  return Structure{text, text};
}

int64_t Whole(double value) { return std::llround(std::clamp(value, -9e18, 9e18)); }

// What people read first: flagged changes by size, new, gone, then what may be noise.
int Part(const Change& change) {
  bool one_sided = change.standing == Standing::kNew || change.standing == Standing::kGone;
  if (change.flagged) return !one_sided ? 0 : change.standing == Standing::kNew ? 1 : 2;
  bool is_shown = change.is_tested() || change.standing == Standing::kFewIntervals ||
                  change.standing == Standing::kOnlyBefore ||
                  change.standing == Standing::kOnlyAfter;
  return is_shown ? 3 : 4;
}

// How much of everything a row is about. A ratio alone says nothing of it: there, of changes, what
// they make of all that the view shows.
double SizeOf(const Change& change, bool is_change, const DiffSides& sides) {
  if (sides.per == Per::kRatio) {
    return ShareOf(change, sides) * (is_change ? std::abs(std::expm1(change.theta)) : 1);
  }
  if (is_change) return std::abs(change.after.rate - change.before.rate);
  return std::max(change.before.rate, change.after.rate);
}

template <typename Row>
std::vector<const Row*> Sorted(const std::vector<Row>& rows, const DiffSides& sides) {
  std::vector<const Row*> sorted;
  for (const Row& row : rows) sorted.push_back(&row);
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Row* a, const Row* b) {
    int of_a = Part(a->change);
    int of_b = Part(b->change);
    if (of_a != of_b) return of_a < of_b;
    return SizeOf(a->change, of_a < 3, sides) > SizeOf(b->change, of_a < 3, sides);
  });
  return sorted;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  return lower;
}

std::string PercentText(double share) {
  char text[32];
  snprintf(text, sizeof(text), "%.1f", 100 * share);
  return text;
}

class Report {
 public:
  Report(const Diff& diff, const DiffSides& sides, const View& view,
         const DiffReportOptions& options)
      : diff_(diff),
        sides_(sides),
        view_(view),
        options_(options),
        ratio_(sides.per == Per::kRatio ? view.ratio : nullptr) {}

  Tabular Make() {
    AddColumns();
    for (const FunctionChange* row : Sorted(diff_.self, sides_)) {
      AddRow("self", UnescapeText(NameOf(*row)), row->change, diff_.self_tests);
    }
    for (const FunctionChange* row : Sorted(diff_.totals, sides_)) {
      AddRow("total", UnescapeText(NameOf(*row)), row->change, diff_.total_tests);
    }
    for (const StackChange* row : Sorted(diff_.stacks, sides_)) {
      AddRow("stack", UnescapeText(sides_.tree.PathText(row->node)), row->change,
             diff_.stacks.size());
    }
    table_.text = Text();
    return std::move(table_);
  }

 private:
  const std::string& NameOf(const FunctionChange& row) const {
    return sides_.tree.names()[row.name].text;
  }

  void AddNumbers(std::initializer_list<std::string> names) {
    for (const std::string& name : names) table_.columns.push_back({name, "", CellKind::kNumber});
  }

  void AddColumns() {
    table_.columns = {{"of", "", CellKind::kText},
                      {"name", "", CellKind::kText},
                      {"verdict", "", CellKind::kText}};
    std::string cost = ratio_ != nullptr ? LowerCase(ratio_->name) : "cost";
    std::string unit = view_.unit == Unit::kNanoseconds ? "ns" : std::string(UnitName(view_.unit));
    AddNumbers({"before_" + cost, "after_" + cost, "change", "change_low", "change_high", "p",
                "smallest_visible", "before_" + unit, "after_" + unit, "before_count",
                "after_count"});
    if (ratio_ == nullptr) return;
    std::string divisor(ratio_->divisor_column);
    std::string samples(ratio_->divisor_count_column);
    AddNumbers({"before_" + divisor, "after_" + divisor, "before_" + samples, "after_" + samples});
  }

  void AddRow(const char* of, const std::string& name, const Change& change, size_t tests) {
    bool both = change.floor > 0 || change.is_tested();
    TabularCell none;
    // What was not counted has no ratio, not one of 0.
    auto cost = [&](const SideChange& side) {
      return ratio_ == nullptr || side.rate > 0 ? Real(side.rate) : none;
    };
    table_.rows.push_back(
        {std::string(of), name, VerdictOf(change, view_, diff_.flags), cost(change.before),
         cost(change.after), both ? Real(change.estimate) : none, both ? Real(change.low) : none,
         both ? Real(change.high) : none, change.is_tested() ? Real(change.p) : none,
         change.standing == Standing::kTested ? Real(SmallestVisible(change, tests)) : none,
         Whole(change.before.weight), Whole(change.after.weight), Whole(change.before.count),
         Whole(change.after.count)});
    if (ratio_ == nullptr) return;
    for (double number : {change.before.total, change.after.total, change.before.total_count,
                          change.after.total_count}) {
      table_.rows.back().emplace_back(Whole(number));
    }
  }

  std::string Text() const {
    std::string text =
        Wrap(DescribeCosts(view_, sides_.per) + ": " + DescribeSides(sides_), 0) + "\n";
    if (ratio_ != nullptr) {
      text += Wrap(std::string(ratio_->name) + " of all: before " + CostOfAll(sides_.before) +
                       ", after " + CostOfAll(sides_.after),
                   0) +
              "\n";
    }
    double shift = std::expm1(diff_.family.shift.theta);
    if (std::abs(shift) >= 0.0005) {
      text +=
          Wrap("All functions changed by " + FormatChange(shift) + " together; the changes below " +
                   (diff_.family.shift.is_removed ? "are what each did beyond that."
                                                  : "include that."),
               0) +
          "\n";
    }
    if (!diff_.flags) {
      text += "These costs change with the load, so there are no verdicts (--per " +
              NameOfPer(DefaultPer(view_), view_) + ").\n";
    }
    std::string own = "function, own " + std::string(CostName(view_, sides_.per));
    text += "\n" + FunctionTable(own, diff_.self, diff_.self_tests, true);
    if (diff_.flags) {
      std::string totals =
          FunctionTable("function, with what it calls", diff_.totals, diff_.total_tests, false);
      if (!totals.empty()) text += "\n" + totals;
      text += StackLines();
    }
    return text;
  }

  std::string CostOfAll(const DiffSide& side) const {
    double sum = 0;
    for (const StackWeight& weight : side.weights) sum += weight.weight;
    double divisor = 0;
    for (const StackWeight& weight : side.weights) divisor += weight.divisor;
    return divisor > 0 ? FormatCost(sum / divisor, view_, sides_.per) : "none";
  }

  // What a row's cost is on a side; a ratio is only there where something was counted.
  std::string Cost(const SideChange& side) const {
    if (ratio_ != nullptr && side.rate <= 0) return "-";
    return FormatCostCell(side.rate, view_, sides_.per);
  }

  // `grey` also shows what may be noise.
  std::string FunctionTable(const std::string& heading,
                            const std::vector<FunctionChange>& functions, size_t tests,
                            bool grey) const {
    std::vector<std::vector<std::string>> lines;
    std::vector<size_t> shown(5, 0);
    std::vector<size_t> left_out(5, 0);
    bool needs_words = false;
    for (const FunctionChange* row : Sorted(functions, sides_)) {
      const Change& change = row->change;
      size_t part = size_t(Part(change));
      if (part >= 3 && !grey) continue;
      if (part == 4 || (options_.limit > 0 && shown[part] >= options_.limit)) {
        ++left_out[part];
        continue;
      }
      ++shown[part];
      std::string verdict = VerdictOf(change, view_, diff_.flags);
      if (change.standing == Standing::kTested && !change.flagged && diff_.flags) {
        std::string least = FormatChange(SmallestVisible(change, tests));
        verdict = "needs " + (least[0] == '+' ? least.substr(1) : least);
        needs_words = true;
      }
      lines.push_back({UnescapeText(NameOf(*row)), Cost(change.before), Cost(change.after),
                       Estimate(change), Interval(change), verdict});
      if (ratio_ != nullptr) {
        lines.back().insert(lines.back().begin() + 1, PercentText(ShareOf(change, sides_)));
      }
    }
    if (lines.empty() && !grey) return "";
    std::vector<TableColumn> columns = {
        {heading, Align::kLeft},   {"before", Align::kRight},        {"after", Align::kRight},
        {"change", Align::kRight}, {"95 % interval", Align::kRight}, {"verdict", Align::kLeft}};
    // A ratio says nothing about how much a function matters.
    if (ratio_ != nullptr) columns.insert(columns.begin() + 1, {"%", Align::kRight});
    std::string text = FormatTable(columns, lines, 0, options_.width, 1);
    size_t more = left_out[0] + left_out[1] + left_out[2] + left_out[3];
    if (more > 0) text += FormatCount(int64_t(more)) + " more rows: --limit 0\n";
    if (left_out[4] > 0 && grey) {
      text += FormatCount(int64_t(left_out[4])) +
              (left_out[4] == 1 ? " function has" : " functions have") +
              " too few samples to tell anything\n";
    }
    if (needs_words) {
      text += "needs 12 %: this change may be noise; one of 12 % would have been found\n";
    }
    return text;
  }

  static std::string Estimate(const Change& change) {
    if (change.standing == Standing::kNew) return "new";
    if (change.standing == Standing::kGone) return "gone";
    // Too little to judge, but no ratio either.
    if (change.before.rate <= 0 || change.after.rate <= 0) return "-";
    return FormatChange(change.estimate);
  }

  static std::string Interval(const Change& change) {
    if (change.standing == Standing::kNew) return "from " + FormatChange(change.low);
    if (change.standing == Standing::kGone) return "to " + FormatChange(change.high);
    if (change.floor <= 0) return "";
    std::string low = FormatChange(change.low);
    std::string high = FormatChange(change.high);
    bool same_unit = low.back() == '%' && high.back() == '%';
    return (same_unit ? low.substr(0, low.size() - 2) : low) + " .. " + high;
  }

  std::string StackLines() const {
    std::string text;
    size_t shown = 0;
    for (const StackChange* row : Sorted(diff_.stacks, sides_)) {
      if (!row->change.flagged) continue;
      if (options_.limit > 0 && ++shown > options_.limit) break;
      if (text.empty()) text = "\nstacks of changed functions that changed, by size\n";
      std::string line = Estimate(row->change);
      line.resize(std::max<size_t>(line.size() + 1, 10), ' ');
      // The innermost frames tell more: cut from the left.
      std::string path = sides_.tree.PathText(row->node);
      while (DisplayWidth(path) > options_.width - line.size()) {
        size_t next = path.find(';', path.rfind("\u2026", 0) == 0 ? 4 : 0);
        if (next == std::string::npos) break;
        path = "\u2026;" + path.substr(next + 1);
      }
      text += line + Shorten(path, options_.width - line.size()) + "\n";
    }
    return text;
  }

  const Diff& diff_;
  const DiffSides& sides_;
  const View& view_;
  const DiffReportOptions& options_;
  const Ratio* ratio_;  // that costs are; null: they are not
  Tabular table_;
};

}  // namespace

Tabular MakeDiffTable(const Diff& diff, const DiffSides& sides, const View& view,
                      const DiffReportOptions& options) {
  return Report(diff, sides, view, options).Make();
}

std::string VerdictOf(const Change& change, const View& view, bool flags) {
  switch (change.standing) {
    case Standing::kFewSamples:
      return "few samples";
    case Standing::kFewIntervals:
      return "few intervals";
    case Standing::kEmptySide:
      return "no " + std::string(QuantityName(view.unit));
    case Standing::kOnlyBefore:
      return "only before";
    case Standing::kOnlyAfter:
      return "only after";
    case Standing::kNew:
      return change.flagged ? "new" : "new?";
    case Standing::kGone:
      return change.flagged ? "gone" : "gone?";
    case Standing::kTested:
      break;
  }
  if (!flags) return "not judged";
  if (!change.flagged) return "same?";
  return change.theta > 0 ? "more" : "less";
}

}  // namespace twofold
