#include "analyzer/diff/change.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace twofold {
namespace {

constexpr double kLeastEffective = 5;         // of each side
constexpr double kLeastEffectivePooled = 20;  // of both
constexpr double kFewestCount = 5;            // fewer on one side: new or gone
constexpr double kLeastEffectiveNew = 15;     // of the side that a new or gone function is on

// Relative differences u_t of a function's weights from its mean cost.
struct Swings {
  std::vector<double> values;
  double square_sum = 0;
  double neighbour_sum = 0;  // of u_t u_(t+1)
};

const std::vector<double>& TotalsOf(const SideIntervals& side, const Weights& weights) {
  return weights.own_totals.empty() ? side.totals : weights.own_totals;
}

Swings SwingsOf(const std::vector<double>& totals, const Weights& weights,
                const SideChange& measured) {
  Swings swings;
  size_t n = totals.size();
  double scale = measured.weight / double(n);
  swings.values.resize(n);
  for (size_t t = 0; t < n; ++t) {
    swings.values[t] = (weights.of_interval[t] - measured.rate * totals[t]) / scale;
    swings.square_sum += swings.values[t] * swings.values[t];
    if (t > 0) swings.neighbour_sum += swings.values[t] * swings.values[t - 1];
  }
  return swings;
}

double CosineCount(size_t n) {
  return std::max(3.0, std::round(0.4 * std::pow(double(n), 2.0 / 3)));
}

// The variance of the mean of swings: the mean square of the first slow cosine coefficients.
double CosineVariance(const std::vector<double>& swings) {
  size_t n = swings.size();
  int count = int(CosineCount(n));
  double scale = std::sqrt(2.0 / double(n));
  double sum = 0;
  for (int j = 1; j <= count; ++j) {
    // cos(j a (t + 1/2)) by the recurrence for equal steps.
    double step = std::numbers::pi * j / double(n);
    double last = std::cos(-step / 2);
    double now = std::cos(step / 2);
    double twice = 2 * std::cos(step);
    double coefficient = 0;
    for (double swing : swings) {
      coefficient += swing * now;
      double next = twice * now - last;
      last = now;
      now = next;
    }
    sum += scale * coefficient * scale * coefficient;
  }
  return sum / (count * double(n));
}

double EffectiveSamples(double sum, double squares) {
  return squares > 0 ? sum * sum / squares : 0;
}

// The rate of a run: one without a sample counts as one with half of one.
double RunRate(const SideChange& side, bool own_totals, double weight, double total, size_t runs) {
  if (side.total <= 0) return 0;
  double half = side.count > 0 ? 0.5 * side.weight / side.count : 0;
  if (own_totals) {
    double half_total = side.total_count > 0 ? 0.5 * side.total / side.total_count : 0;
    double divisor = std::max(total, half_total);
    return divisor > 0 ? std::max(weight, half) / divisor : 0;
  }
  double least = half * double(runs) / side.total;
  return std::max(total > 0 ? weight / total : 0, least);
}

SideChange MeasureSide(const SideIntervals& side, const Weights& weights) {
  SideChange measured;
  const std::vector<double>& totals = TotalsOf(side, weights);
  bool own_totals = !weights.own_totals.empty();
  for (double weight : weights.of_interval) measured.weight += weight;
  measured.count = weights.count;
  measured.squares = weights.squares;
  measured.total = own_totals ? std::accumulate(totals.begin(), totals.end(), 0.0) : side.sum;
  measured.total_count = weights.own_count;
  if (measured.total > 0) measured.rate = measured.weight / measured.total;
  measured.effective = EffectiveSamples(measured.weight, weights.squares);
  if (own_totals) {
    // Relative variances add up, since both sums are sampled by themselves.
    double of_total = EffectiveSamples(measured.total, weights.own_squares);
    bool known = measured.effective > 0 && of_total > 0;
    measured.effective = known ? 1 / (1 / measured.effective + 1 / of_total) : 0;
  }
  size_t start = 0;
  for (size_t length : side.runs) {
    double weight = 0;
    double total = 0;
    for (size_t t = start; t < start + length; ++t) {
      weight += weights.of_interval[t];
      total += totals[t];
    }
    measured.run_rates.push_back(RunRate(measured, own_totals, weight, total, side.runs.size()));
    start += length;
  }
  return measured;
}

// Fills in the variances of both sides.
void MeasureNoise(const SideIntervals& before_side, const Weights& before,
                  const SideIntervals& after_side, const Weights& after, Change& change) {
  auto usable = [](const SideIntervals& side, const SideChange& measured) {
    return side.totals.size() >= kLeastIntervals && measured.rate > 0 && measured.total > 0;
  };
  Swings swings_before;
  Swings swings_after;
  if (usable(before_side, change.before)) {
    swings_before = SwingsOf(TotalsOf(before_side, before), before, change.before);
  }
  if (usable(after_side, change.after)) {
    swings_after = SwingsOf(TotalsOf(after_side, after), after, change.after);
  }
  // Where neighbours are alike more than chance explains, a few cosines may miss what they share.
  double squares = swings_before.square_sum + swings_after.square_sum;
  double alike =
      squares > 0 ? (swings_before.neighbour_sum + swings_after.neighbour_sum) / squares : 0;
  double units = double(swings_before.values.size() + swings_after.values.size());
  double mean_n = units / 2;
  bool guard = units > 0 && alike > 2 / std::sqrt(units);
  double r = std::min(0.95, alike + (1 + 3 * alike) / mean_n);
  for (auto [side, swings] :
       {std::pair(&change.before, &swings_before), std::pair(&change.after, &swings_after)}) {
    if (swings->values.empty()) continue;
    double n = double(swings->values.size());
    side->variance = CosineVariance(swings->values);
    side->freedom = CosineCount(swings->values.size());
    if (guard) {
      double spread = swings->square_sum / (n - 1);
      side->variance = std::max(side->variance, spread / n * (1 + r) / (1 - r));
    }
  }
}

Standing StandingOf(const SideIntervals& before_side, const SideIntervals& after_side,
                    bool own_totals, const Change& change) {
  const SideChange& before = change.before;
  const SideChange& after = change.after;
  if (before_side.sum <= 0 || after_side.sum <= 0) return Standing::kEmptySide;
  auto is_missing = [](const SideChange& side) {
    return side.count < kFewestCount && side.total_count < kFewestCount;
  };
  bool is_new = is_missing(before) && after.effective >= kLeastEffectiveNew;
  bool is_gone = is_missing(after) && before.effective >= kLeastEffectiveNew;
  if (own_totals && is_new) return Standing::kOnlyAfter;
  if (own_totals && is_gone) return Standing::kOnlyBefore;
  bool enough = before.effective >= kLeastEffective && after.effective >= kLeastEffective &&
                before.effective + after.effective >= kLeastEffectivePooled;
  if (!is_new && !is_gone && !enough) return Standing::kFewSamples;
  bool few =
      before_side.totals.size() < kLeastIntervals || after_side.totals.size() < kLeastIntervals;
  if (few && !change.by_runs) return Standing::kFewIntervals;
  if (is_new) return Standing::kNew;
  return is_gone ? Standing::kGone : Standing::kTested;
}

}  // namespace

SideIntervals MakeSide(std::vector<double> totals, std::vector<size_t> runs) {
  SideIntervals side;
  side.sum = std::accumulate(totals.begin(), totals.end(), 0.0);
  side.totals = std::move(totals);
  side.runs = std::move(runs);
  return side;
}

bool ComparesRuns(const SideIntervals& before, const SideIntervals& after) {
  return before.runs.size() >= kLeastRuns && after.runs.size() >= kLeastRuns;
}

Change MeasureChange(const SideIntervals& before_side, const Weights& before,
                     const SideIntervals& after_side, const Weights& after) {
  Change change;
  change.by_runs = ComparesRuns(before_side, after_side);
  change.before = MeasureSide(before_side, before);
  change.after = MeasureSide(after_side, after);
  bool own_totals = !before.own_totals.empty() || !after.own_totals.empty();
  change.standing = StandingOf(before_side, after_side, own_totals, change);
  bool both = change.standing != Standing::kOnlyAfter && change.standing != Standing::kOnlyBefore;
  if (both && change.before.rate > 0 && change.after.rate > 0 && change.before.effective > 0 &&
      change.after.effective > 0) {
    change.theta = std::log(change.after.rate / change.before.rate);
    change.floor = 1 / change.before.effective + 1 / change.after.effective;
  }
  if (!change.is_tested()) {
    change.variance = change.floor;
    change.freedom = 1e6;
    return change;
  }
  MeasureNoise(before_side, before, after_side, after, change);
  double va = change.before.variance;
  double vb = change.after.variance;
  change.variance = va + vb;
  // Welch and Satterthwaite.
  double parts = va * va / std::max(change.before.freedom, 1.0) +
                 vb * vb / std::max(change.after.freedom, 1.0);
  change.freedom = parts > 0 ? change.variance * change.variance / parts
                             : change.before.freedom + change.after.freedom;
  return change;
}

}  // namespace twofold
