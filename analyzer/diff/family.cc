#include "analyzer/diff/family.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analyzer/diff/distributions.h"
#include "analyzer/diff/multiple_tests.h"
#include "analyzer/diff/run_units.h"

namespace twofold {
namespace {

constexpr double kDiscoveryRate = 0.025;
constexpr double kTotalsLevel = 0.05;
constexpr double kMostPriorFreedom = 20;
constexpr size_t kLeastFunctions = 10;  // to learn from each other
constexpr size_t kLeastForShift = 3;
constexpr double kPower = 0.95;
constexpr double kMostVisible = 1e9;  // nobody needs to know more
constexpr double kLeastRatio = 1e-3;  // of V to what is expected: below, it is an accident

double Square(double x) { return x * x; }

NoisePrior LearnPrior(const std::vector<Change>& changes) {
  NoisePrior prior;
  std::vector<const Change*> tested;
  for (const Change& change : changes) {
    if (change.standing == Standing::kTested) tested.push_back(&change);
  }
  if (tested.size() < kLeastFunctions) return prior;
  double n = double(tested.size());
  double sum = 0;
  double weights = 0;
  for (const Change* change : tested) {
    double weight = 1 / Square(change->floor + 0.001);
    double excess = change->variance - change->floor;
    sum += weight * std::clamp(excess, -change->floor, 4 * change->floor + 0.01);
    weights += weight;
  }
  prior.k = std::max(0.0, sum / weights);
  double mean = 0;
  double mean_square = 0;
  double mean_trigamma = 0;
  for (const Change* change : tested) {
    double ratio = std::max(change->variance / (change->floor + prior.k), kLeastRatio);
    double e = std::log(ratio) - Digamma(change->freedom / 2) + std::log(change->freedom / 2);
    mean += e / n;
    mean_square += e * e / n;
    mean_trigamma += Trigamma(change->freedom / 2) / n;
  }
  double spread = (mean_square - mean * mean) * n / (n - 1) - mean_trigamma;
  double freedom = std::numeric_limits<double>::infinity();
  double bias = 0;
  if (spread > 0) {
    freedom = 2 * InverseTrigamma(spread);
    bias = Digamma(freedom / 2) - std::log(freedom / 2);
  }
  prior.s0 = std::max(0.5, std::exp(mean + bias));
  prior.d0 = std::min(kMostPriorFreedom, freedom);
  prior.is_known = true;
  return prior;
}

// A variance with `freedom`, pulled towards what functions with this sampling noise show.
void Shrink(const NoisePrior& prior, double floor, double k, double& variance, double& freedom) {
  if (prior.is_known) {
    double expected = prior.s0 * (floor + k);
    double d0 = prior.d0;
    if (variance > 2 * expected) d0 *= std::pow(2 * expected / variance, 3);
    variance = (d0 * expected + freedom * variance) / (d0 + freedom);
    freedom += d0;
  }
  variance = std::max(variance, floor);
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double ShiftOf(const std::vector<Change>& changes) {
  std::vector<const Change*> tested;
  for (const Change& change : changes) {
    if (change.standing == Standing::kTested || change.standing == Standing::kFewIntervals) {
      if (change.floor > 0) tested.push_back(&change);
    }
  }
  // One or two functions can't tell what all functions share from what they do themselves.
  if (tested.size() < kLeastForShift) return 0;
  std::stable_sort(tested.begin(), tested.end(),
                   [](const Change* a, const Change* b) { return a->floor < b->floor; });
  // The better known half says where to begin; of few functions all, so that one that changed is in
  // the minority.
  bool few = tested.size() < kLeastFunctions;
  std::vector<double> best;
  for (size_t i = 0; i < (few ? tested.size() : (tested.size() + 1) / 2); ++i) {
    best.push_back(tested[i]->theta);
  }
  double shift = Median(std::move(best));
  for (int round = 0; round < 3; ++round) {
    double sum = 0;
    double weights = 0;
    for (const Change* change : tested) {
      double away = change->theta - shift;
      if (std::abs(away) > 2.5 * std::sqrt(change->variance)) continue;
      double weight = 1 / (change->variance + 1e-4);
      sum += weight * away;
      weights += weight;
    }
    if (weights > 0) shift += sum / weights;
  }
  return shift;
}

double RunNoise(const Change& change) {
  if (!change.by_runs) return 2 * Square(kRunNoise);
  return Square(kRunNoise) *
         (1 / double(change.before.run_rates.size()) + 1 / double(change.after.run_rates.size()));
}

// The variance of theta from sampling alone, if nothing changed but the shift that was taken out:
// of what both sides together expect on each. Where one side has far fewer samples of all
// functions, its own count of one that happened to be seen often would promise more certainty than
// there is.
double NullFloor(const Change& change) {
  const SideChange& before = change.before;
  const SideChange& after = change.after;
  double after_rate = before.rate * std::exp(change.theta);
  double rate = (before.weight + after_rate * after.total) / (before.total + after.total);
  return before.rate / (before.effective * rate) + after_rate / (after.effective * rate);
}

// Functions on both sides: takes the shift out, then p and the interval.
void JudgeRatio(Change& change, double shift) {
  change.theta -= shift;
  change.variance = std::max(change.variance, NullFloor(change));
  change.variance += RunNoise(change);
  double error = std::sqrt(change.variance);
  change.estimate = std::expm1(change.theta);
  double reach = StudentQuantile(0.975, change.freedom) * error;
  change.low = std::expm1(change.theta - reach);
  change.high = std::expm1(change.theta + reach);
  if (change.is_tested()) {
    change.p = 2 * StudentTail(std::abs(change.theta) / error, change.freedom);
  }
}

// Functions that are new or gone: their cost, less what the other side may have had unseen.
void JudgeOneSided(Change& change, const SideIntervals& before, const SideIntervals& after,
                   const NoisePrior& prior, double shift) {
  bool is_new = change.standing == Standing::kNew;
  const SideChange& big = is_new ? change.after : change.before;
  const SideChange& small = is_new ? change.before : change.after;
  double small_scale = std::exp(is_new ? shift : -shift);
  const SideIntervals& small_side = is_new ? before : after;
  double variance = big.variance;
  double freedom = big.freedom;
  Shrink(prior, 1 / big.effective, prior.k / 2, variance, freedom);
  variance += RunNoise(change) / 2;
  // What may be there unseen is measured by the samples of the side that did not see it: at another
  // frequency or quantum, each stands for more, or for less, than one of the other side.
  double sample_square =
      small_side.sample_square > 0 ? small_side.sample_square : big.squares / big.count;
  double unit = std::sqrt(sample_square) * small_scale / small_side.sum;
  // If nothing changed, big.rate / unit samples were to be expected there, with that variance. That
  // fewer were seen makes it no smaller: without a sample, four may have been due.
  double unseen = std::max(small.count + 1, big.rate / unit) * Square(unit);
  double error = std::sqrt(Square(big.rate) * variance + unseen);
  change.variance = variance;
  change.freedom = freedom;
  change.p = 2 * StudentTail((big.rate - small.rate * small_scale) / error, freedom);
  change.estimate = is_new ? std::numeric_limits<double>::infinity() : -1;
  if (small.rate > 0) change.estimate = std::expm1(change.theta - shift);
  double reach = StudentQuantile(0.975, freedom) * error;
  // Interval of the ratio after / before: the small side may be anything down to nothing.
  double most = small.rate * small_scale + reach;
  if (is_new) {
    change.low = most > 0 ? std::max(big.rate - reach, 0.0) / most - 1 : 0;
    change.high = std::numeric_limits<double>::infinity();
  } else {
    change.low = -1;
    change.high = most / std::max(big.rate, 1e-300) - 1;
  }
  change.theta -= small.rate > 0 ? shift : 0;
}

void JudgeAll(std::vector<Change>& changes, const SideIntervals& before, const SideIntervals& after,
              const Family& family, const NoisePrior& prior) {
  for (Change& change : changes) {
    bool one_sided = change.standing == Standing::kNew || change.standing == Standing::kGone;
    if (one_sided) {
      JudgeOneSided(change, before, after, prior, family.shift.Removed());
    } else if (change.floor > 0) {
      JudgeRatio(change, family.shift.Removed());
    }
  }
}

void ShrinkAll(std::vector<Change>& changes, const NoisePrior& prior) {
  for (Change& change : changes) {
    if (change.standing != Standing::kTested) continue;
    Shrink(prior, change.floor, prior.k, change.variance, change.freedom);
  }
}

template <typename Flags>
void SetFlags(std::vector<Change>& changes, Flags flags_of) {
  std::vector<double> p;
  for (const Change& change : changes) {
    if (change.is_tested()) p.push_back(change.p);
  }
  std::vector<bool> flags = flags_of(p);
  size_t next = 0;
  for (Change& change : changes) {
    if (change.is_tested()) change.flagged = flags[next++];
  }
}

// The prior of this family, or of self where the family is too small for one.
void JudgeLike(std::vector<Change>& changes, const SideIntervals& before,
               const SideIntervals& after, const Family& self) {
  if (ComparesRuns(before, after)) CompareRuns(changes, before, after, self.shift);
  NoisePrior prior = LearnPrior(changes);
  if (!prior.is_known) prior = self.prior;
  ShrinkAll(changes, prior);
  JudgeAll(changes, before, after, self, prior);
}

// How many standard errors a change has to have to be found with kPower.
double VisibleErrors(const Change& change, size_t tests) {
  double level = kDiscoveryRate / 2 / double(std::max<size_t>(tests, 1));
  return StudentQuantile(1 - level, change.freedom) + StudentQuantile(kPower, change.freedom);
}

}  // namespace

Family JudgeSelf(std::vector<Change>& changes, const SideIntervals& before,
                 const SideIntervals& after, const Judging& judging) {
  Family family;
  family.shift.is_removed = judging.removes_shift;
  if (ComparesRuns(before, after)) {
    if (judging.removes_shift) FindRunShifts(changes, before, after, family.shift);
    CompareRuns(changes, before, after, family.shift);
  }
  family.prior = LearnPrior(changes);
  ShrinkAll(changes, family.prior);
  family.shift.theta = ShiftOf(changes);
  JudgeAll(changes, before, after, family, family.prior);
  if (judging.flags) {
    SetFlags(changes,
             [](const std::vector<double>& p) { return FalseDiscoveryFlags(p, kDiscoveryRate); });
  }
  return family;
}

void JudgeTotals(std::vector<Change>& changes, const SideIntervals& before,
                 const SideIntervals& after, const Family& self, bool flags) {
  JudgeLike(changes, before, after, self);
  if (!flags) return;
  SetFlags(changes, [](const std::vector<double>& p) { return FamilyWiseFlags(p, kTotalsLevel); });
}

void JudgeStacks(std::vector<Change>& changes, const SideIntervals& before,
                 const SideIntervals& after, const Family& self, bool flags) {
  JudgeLike(changes, before, after, self);
  if (!flags) return;
  SetFlags(changes,
           [](const std::vector<double>& p) { return FalseDiscoveryFlags(p, kDiscoveryRate); });
}

double SmallestVisible(const Change& change, size_t tests) {
  return std::min(std::expm1(VisibleErrors(change, tests) * std::sqrt(change.variance)),
                  kMostVisible);
}

double LengthFactor(const Change& change, size_t tests, double wanted) {
  double noise = RunNoise(change);
  double wanted_variance = Square(std::log1p(wanted) / VisibleErrors(change, tests));
  if (wanted_variance <= noise) return std::numeric_limits<double>::infinity();
  return std::max(1.0, (change.variance - noise) / (wanted_variance - noise));
}

std::vector<bool> ProvedLarger(const std::vector<Change>& changes, double least) {
  std::vector<double> p;
  for (const Change& change : changes) {
    if (!change.is_tested()) continue;
    if (change.standing == Standing::kNew) {
      p.push_back(change.low >= least ? change.p / 2 : 1);
    } else if (change.standing == Standing::kGone) {
      p.push_back(1);
    } else {
      double t = (change.theta - std::log1p(least)) / std::sqrt(change.variance);
      p.push_back(StudentTail(t, change.freedom));
    }
  }
  std::vector<bool> of_tested = FalseDiscoveryFlags(p, kDiscoveryRate);
  std::vector<bool> proved(changes.size(), false);
  size_t next = 0;
  for (size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].is_tested()) proved[i] = of_tested[next++];
  }
  return proved;
}

size_t CountTested(const std::vector<Change>& changes) {
  return size_t(
      std::count_if(changes.begin(), changes.end(), [](const Change& c) { return c.is_tested(); }));
}

}  // namespace twofold
