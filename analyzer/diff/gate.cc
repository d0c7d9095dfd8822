#include "analyzer/diff/gate.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <sstream>

#include "format/base/units.h"

namespace twofold {
namespace {

constexpr size_t kMostReasons = 5;

// What the threshold is too small for: a sentence, or nothing where the change would have been
// seen.
std::string Blindness(const FunctionChange& function, const Gate& gate, const Diff& diff,
                      const std::string& name) {
  const Change& change = function.change;
  if (change.standing == Standing::kFewSamples) {
    return name + " has too few samples: " + std::to_string(std::llround(change.before.count)) +
           " before, " + std::to_string(std::llround(change.after.count)) + " after";
  }
  if (!change.is_tested()) return "";
  if (change.standing != Standing::kTested) return "";
  double visible = SmallestVisible(change, diff.self_tests);
  if (visible <= gate.threshold) return "";
  std::string text = "of " + name + " at least " + FormatChange(visible) + " could have been seen";
  double factor = LengthFactor(change, diff.self_tests, gate.threshold);
  if (!std::isfinite(factor) || factor > 1e4) {
    return text + "; longer recordings do not help, three captures or more on each side do";
  }
  double more_ns = (factor - 1) * diff.length_ns;
  return text + "; about " + FormatDuration(int64_t(std::min(more_ns, 9e18))) +
         " more of each side are needed";
}

}  // namespace

Result<Gate> ParseGate(const std::string& text) {
  Error error{"'" + text + "' is no condition", "--fail-if",
              "Give one such as 'regression > 5 %' or 'regression > 5 % proved'",
              Error::Kind::kUsage};
  std::string spaced;
  for (char c : text) spaced += c == '>' || c == '%' ? std::string{' ', c, ' '} : std::string(1, c);
  std::istringstream stream(spaced);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  Gate gate;
  if (words.size() == 5 && words[4] == "proved") {
    gate.proved = true;
    words.pop_back();
  }
  if (words.size() != 4 || words[0] != "regression" || words[1] != ">" || words[3] != "%") {
    return error;
  }
  double percent = 0;
  const char* end = words[2].data() + words[2].size();
  auto [stop, status] = std::from_chars(words[2].data(), end, percent);
  if (status != std::errc() || stop != end || !(percent >= 0 && percent <= 1e6)) return error;
  gate.threshold = percent / 100;
  return gate;
}

double ShareOf(const Change& change, const DiffSides& sides) {
  double before = sides.before.total > 0 ? change.before.weight / sides.before.total : 0;
  double after = sides.after.total > 0 ? change.after.weight / sides.after.total : 0;
  return std::max(before, after);
}

GateResult CheckGate(const Gate& gate, const Diff& diff, const DiffSides& sides, const View& view,
                     double min_share) {
  GateResult result;
  std::vector<Change> changes;
  for (const FunctionChange& function : diff.self) changes.push_back(function.change);
  std::vector<bool> proved(changes.size(), false);
  if (diff.flags) proved = ProvedLarger(changes, gate.threshold);
  auto name_of = [&](const FunctionChange& function) {
    return sides.tree.names()[function.name].text;
  };
  std::vector<std::string> blind;
  for (size_t i = 0; i < diff.self.size(); ++i) {
    const FunctionChange& function = diff.self[i];
    const Change& change = function.change;
    bool larger = change.flagged && change.estimate > gate.threshold;
    if (gate.proved ? proved[i] : larger) {
      std::string range =
          change.standing == Standing::kNew
              ? ", at least " + FormatChange(change.low)
              : ", 95 % interval " + FormatChange(change.low) + " to " + FormatChange(change.high);
      result.reasons.push_back(name_of(function) + ": " + FormatChange(change.estimate) + range);
      result.verdict = GateVerdict::kHolds;
    }
    if (ShareOf(change, sides) < min_share) continue;
    std::string blindness = Blindness(function, gate, diff, name_of(function));
    if (!blindness.empty()) blind.push_back(blindness);
  }
  if (result.verdict != GateVerdict::kHolds) {
    bool few = std::min(sides.before.intervals.totals.size(), sides.after.intervals.totals.size()) <
                   kLeastIntervals &&
               !ComparesRuns(sides.before.intervals, sides.after.intervals);
    bool empty = sides.before.weights.empty() || sides.after.weights.empty();
    if (empty) {
      result.reasons.push_back("a side has no " + std::string(QuantityName(view.unit)) +
                               " to compare");
    } else if (few) {
      result.reasons.push_back("a side has fewer than " + std::to_string(kLeastIntervals) +
                               " intervals");
    } else {
      result.reasons = std::move(blind);
    }
    if (!result.reasons.empty()) result.verdict = GateVerdict::kUndecided;
  }
  if (result.reasons.size() > kMostReasons) {
    size_t more = result.reasons.size() - kMostReasons;
    result.reasons.resize(kMostReasons);
    result.reasons.push_back("and so for " + FormatCount(int64_t(more)) + " more");
  }
  return result;
}

std::string FormatChange(double change) {
  if (!std::isfinite(change)) return "new";
  char text[32];
  if (change >= 2) {
    snprintf(text, sizeof(text), "x %.3g", std::min(change + 1, 1e9));
  } else {
    snprintf(text, sizeof(text), "%+.1f %%", 100 * change);
  }
  return text;
}

}  // namespace twofold
