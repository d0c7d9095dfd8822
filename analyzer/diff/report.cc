#include "analyzer/diff/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "analyzer/cli/options.h"
#include "analyzer/diff/comparability.h"
#include "analyzer/diff/gate.h"
#include "analyzer/text/escape.h"
#include "analyzer/text/json.h"
#include "analyzer/text/table.h"
#include "analyzer/text/units.h"

namespace twofold {
namespace {

constexpr size_t kWidth = 80;

TabularCell Real(double value) {
  if (!std::isfinite(value)) return {};
  char text[48];
  snprintf(text, sizeof(text), "%.6g", value);
  return Structure{text, text};
}

int64_t Whole(double value) { return std::llround(std::clamp(value, -9e18, 9e18)); }

double Difference(const Change& change) { return std::abs(change.after.rate - change.before.rate); }

// What people read first: flagged changes by size, new, gone, then what may be noise.
int Part(const Change& change) {
  bool one_sided = change.standing == Standing::kNew || change.standing == Standing::kGone;
  if (change.flagged) return !one_sided ? 0 : change.standing == Standing::kNew ? 1 : 2;
  return change.is_tested() || change.standing == Standing::kFewIntervals ? 3 : 4;
}

template <typename Row>
void SortForPeople(std::vector<const Row*>& rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const Row* a, const Row* b) {
    int of_a = Part(a->change);
    int of_b = Part(b->change);
    if (of_a != of_b) return of_a < of_b;
    auto size = [&](const Change& change) {
      return of_a < 3 ? Difference(change) : std::max(change.before.rate, change.after.rate);
    };
    return size(a->change) > size(b->change);
  });
}

template <typename Row>
std::vector<const Row*> Sorted(const std::vector<Row>& rows) {
  std::vector<const Row*> sorted;
  for (const Row& row : rows) sorted.push_back(&row);
  SortForPeople(sorted);
  return sorted;
}

class Report {
 public:
  Report(const Diff& diff, const DiffSides& sides, const View& view,
         const DiffReportOptions& options)
      : diff_(diff), sides_(sides), view_(view), options_(options) {}

  Tabular Make() {
    table_.columns = {
        {"of", "", CellKind::kText},
        {"name", "", CellKind::kText},
        {"verdict", "", CellKind::kText},
        {"before_cost", "", CellKind::kNumber},
        {"after_cost", "", CellKind::kNumber},
        {"change", "", CellKind::kNumber},
        {"change_low", "", CellKind::kNumber},
        {"change_high", "", CellKind::kNumber},
        {"p", "", CellKind::kNumber},
        {"smallest_visible", "", CellKind::kNumber},
        {"before_ns", "", CellKind::kNumber},
        {"after_ns", "", CellKind::kNumber},
        {"before_count", "", CellKind::kNumber},
        {"after_count", "", CellKind::kNumber},
    };
    for (const FunctionChange* row : Sorted(diff_.self)) {
      AddRow("self", UnescapeText(NameOf(*row)), row->change, diff_.self_tests);
    }
    for (const FunctionChange* row : Sorted(diff_.totals)) {
      AddRow("total", UnescapeText(NameOf(*row)), row->change, diff_.total_tests);
    }
    for (const StackChange* row : Sorted(diff_.stacks)) {
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

  void AddRow(const char* of, const std::string& name, const Change& change, size_t tests) {
    bool both = change.floor > 0 || change.is_tested();
    TabularCell none;
    table_.rows.push_back(
        {std::string(of), name, std::string(VerdictOf(change, diff_.flags)),
         Real(change.before.rate), Real(change.after.rate), both ? Real(change.estimate) : none,
         both ? Real(change.low) : none, both ? Real(change.high) : none,
         change.is_tested() ? Real(change.p) : none,
         change.standing == Standing::kTested ? Real(SmallestVisible(change, tests)) : none,
         Whole(change.before.weight), Whole(change.after.weight), Whole(change.before.count),
         Whole(change.after.count)});
  }

  std::string Text() const {
    std::string text =
        Wrap(DescribeCosts(view_, sides_.per) + ": " + DescribeSides(sides_), 0) + "\n";
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
      text += "These costs change with the load, so there are no verdicts (--per cpu-second).\n";
    }
    text += "\n" + FunctionTable("function, own time", diff_.self, diff_.self_tests, true);
    if (diff_.flags) {
      std::string totals =
          FunctionTable("function, with what it calls", diff_.totals, diff_.total_tests, false);
      if (!totals.empty()) text += "\n" + totals;
      text += StackLines();
    }
    return text;
  }

  // `grey` also shows what may be noise.
  std::string FunctionTable(const char* heading, const std::vector<FunctionChange>& functions,
                            size_t tests, bool grey) const {
    std::vector<std::vector<std::string>> lines;
    std::vector<size_t> shown(5, 0);
    std::vector<size_t> left_out(5, 0);
    bool needs_words = false;
    for (const FunctionChange* row : Sorted(functions)) {
      const Change& change = row->change;
      size_t part = static_cast<size_t>(Part(change));
      if (part >= 3 && !grey) continue;
      if (part == 4 || (options_.limit > 0 && shown[part] >= options_.limit)) {
        ++left_out[part];
        continue;
      }
      ++shown[part];
      std::string verdict(VerdictOf(change, diff_.flags));
      if (change.standing == Standing::kTested && !change.flagged && diff_.flags) {
        std::string least = FormatChange(SmallestVisible(change, tests));
        verdict = "needs " + (least[0] == '+' ? least.substr(1) : least);
        needs_words = true;
      }
      lines.push_back({UnescapeText(NameOf(*row)), FormatCost(change.before.rate, sides_.per),
                       FormatCost(change.after.rate, sides_.per), Estimate(change),
                       Interval(change), verdict});
    }
    if (lines.empty() && !grey) return "";
    std::string text = FormatTable({{heading, Align::kLeft},
                                    {"before", Align::kRight},
                                    {"after", Align::kRight},
                                    {"change", Align::kRight},
                                    {"95 % interval", Align::kRight},
                                    {"verdict", Align::kLeft}},
                                   lines, 0, kWidth, 1);
    size_t more = left_out[0] + left_out[1] + left_out[2] + left_out[3];
    if (more > 0) text += FormatCount(static_cast<int64_t>(more)) + " more rows: --limit 0\n";
    if (left_out[4] > 0 && grey) {
      text += FormatCount(static_cast<int64_t>(left_out[4])) +
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
    for (const StackChange* row : Sorted(diff_.stacks)) {
      if (!row->change.flagged) continue;
      if (options_.limit > 0 && ++shown > options_.limit) break;
      if (text.empty()) text = "\nstacks of changed functions that changed, by size\n";
      std::string line = Estimate(row->change);
      line.resize(std::max<size_t>(line.size() + 1, 10), ' ');
      // The innermost frames tell more: cut from the left.
      std::string path = sides_.tree.PathText(row->node);
      while (DisplayWidth(path) > kWidth - line.size()) {
        size_t next = path.find(';', path.rfind("\u2026", 0) == 0 ? 4 : 0);
        if (next == std::string::npos) break;
        path = "\u2026;" + path.substr(next + 1);
      }
      text += line + Shorten(path, kWidth - line.size()) + "\n";
    }
    return text;
  }

  const Diff& diff_;
  const DiffSides& sides_;
  const View& view_;
  const DiffReportOptions& options_;
  Tabular table_;
};

}  // namespace

Tabular MakeDiffTable(const Diff& diff, const DiffSides& sides, const View& view,
                      const DiffReportOptions& options) {
  return Report(diff, sides, view, options).Make();
}

std::string DescribeCosts(const View& view, Per per) {
  std::string text(view.title);
  switch (per) {
    case Per::kCpuSecond:
      return text + " per CPU-second";
    case Per::kSecond:
      return text + " per second";
    case Per::kShare:
      return text + ", share";
    case Per::kTotal:
      break;
  }
  return text + " in total";
}

std::string FormatCost(double cost, Per per) {
  if (per == Per::kShare) return FormatShare(cost, 1);
  return FormatDuration(static_cast<int64_t>(std::llround(std::min(cost, 9e18))));
}

std::string_view VerdictOf(const Change& change, bool flags) {
  switch (change.standing) {
    case Standing::kFewSamples:
      return "few samples";
    case Standing::kFewIntervals:
      return "few intervals";
    case Standing::kEmptySide:
      return "no time";
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
