#include "tests/analyzer/diff_simulator.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>

namespace twofold::testing {
namespace {

constexpr size_t kClasses = 10;
constexpr size_t kJobFunctions = 6;

size_t PairCount() {
  const char* text = std::getenv("TWOFOLD_DIFF_PAIRS");
  int wanted = text != nullptr ? std::atoi(text) : 0;
  if (wanted > 0) return size_t(wanted);
#if defined(__SANITIZE_ADDRESS__)
  return 40;  // sanitizers look at the code, not at the method
#else
  return 200;
#endif
}

}  // namespace

DiffSimulator::DiffSimulator(const Plan& plan, uint64_t seed)
    : plan_(plan),
      random_(seed),
      shares_(plan.functions),
      factors_(plan.functions, 1),
      new_shares_(plan.functions, 0),
      calls_(plan.functions, 1) {
  for (double& share : shares_) share = std::exp(1.2 * Normal());
  double sum = std::accumulate(shares_.begin(), shares_.end(), 0.0);
  for (double& share : shares_) share /= sum;
  if (plan.has_ratio) ratios_.resize(plan.functions);
  for (double& ratio : ratios_) ratio = std::exp(0.5 * Normal());
}

void DiffSimulator::SetNew(size_t function, double share) {
  shares_[function] = 0;
  new_shares_[function] = share;
}

void DiffSimulator::SetGone(size_t function, double share) {
  shares_[function] = share;
  factors_[function] = 0;
}

double DiffSimulator::Normal() {
  std::normal_distribution<double> normal;
  return normal(random_);
}

double DiffSimulator::Length() {
  switch (plan_.pieces) {
    case Pieces::kSamples:
      return 1;
    case Pieces::kLognormal:
      return std::exp(1.5 * Normal() - 1.125);
    case Pieces::kPareto:
      break;
  }
  // Alpha 1.8: its variance is infinite.
  std::uniform_real_distribution<double> uniform(1e-12, 1);
  return std::pow(uniform(random_), -1 / 1.8) * 0.8 / 1.8;
}

void DiffSimulator::RecordRun(bool after, size_t seconds, std::vector<double>& totals,
                              std::vector<Weights>& functions) {
  const Weather& weather = plan_.weather;
  // What one piece stands for, where a side has fewer or more of them than the time has parts.
  double piece_weight = after && plan_.pieces_per_second_after > 0
                            ? plan_.pieces_per_second / plan_.pieces_per_second_after
                            : 1;
  double quantum = after ? plan_.quantum_after : plan_.quantum_before;
  std::uniform_real_distribution<double> uniform(0, 1);
  double keep = weather.likeness;
  double fresh = std::sqrt(1 - keep * keep);
  double load = weather.load * Normal();
  std::vector<double> mix(plan_.functions);
  std::vector<double> of_run(plan_.functions, 0);
  for (double& value : mix) value = weather.mix * Normal();
  for (double& value : of_run) value = plan_.run_noise * Normal();
  std::vector<double> swings(ratios_.size());
  for (double& value : swings) value = plan_.ratio_swing * Normal();
  std::vector<size_t> burst_left(kClasses, 0);
  struct Job {
    size_t period;
    size_t phase;
  };
  std::vector<Job> jobs(kJobFunctions);
  for (Job& job : jobs) {
    job.period = 10 + size_t(uniform(random_) * 11);
    job.phase = size_t(uniform(random_) * double(job.period));
  }
  for (size_t t = 0; t < seconds; ++t) {
    if (t > 0) {
      load = keep * load + fresh * weather.load * Normal();
      for (double& value : mix) value = keep * value + fresh * weather.mix * Normal();
      for (double& value : swings) value = keep * value + fresh * plan_.ratio_swing * Normal();
    }
    for (size_t& left : burst_left) {
      if (left > 0) {
        --left;
      } else if (weather.bursts && uniform(random_) < 0.05) {
        left = 2 + size_t(uniform(random_) * 4);
      }
    }
    double scale = plan_.pieces_per_second * std::exp(load) * (after ? plan_.load_after : 1);
    double total = 0;
    for (size_t f = 0; f < plan_.functions; ++f) {
      double cost = shares_[f] + (after ? new_shares_[f] : 0);
      // What two runs differ by is in what is compared.
      double compared = (after ? factors_[f] : 1) * std::exp(of_run[f]);
      cost *= std::exp(mix[f]) * (after ? calls_[f] : 1);
      if (!plan_.has_ratio) cost *= compared;
      if (burst_left[f % kClasses] > 0) cost *= 1.3;
      if (weather.jobs && f < kJobFunctions) {
        // On for half of its period of 10 to 20 seconds.
        bool on = (t + jobs[f].phase) % jobs[f].period < jobs[f].period / 2;
        cost *= on ? 2 : 0.01;
      }
      total += scale * cost;
      if (plan_.has_ratio) {
        std::poisson_distribution<uint64_t> divisors(scale * std::max(cost, 1e-12));
        double divisor = double(divisors(random_));
        functions[f].own_totals.push_back(divisor);
        functions[f].own_count += divisor;
        functions[f].own_squares += divisor;
        cost *= ratios_[f] * std::exp(swings[f]) * compared;
      }
      uint64_t pieces = 0;
      if (cost > 0) {
        std::poisson_distribution<uint64_t> poisson(scale * cost / piece_weight);
        pieces = poisson(random_);
      }
      double weight = double(pieces) * piece_weight;
      double squares = weight * piece_weight;
      if (plan_.pieces != Pieces::kSamples) {
        weight = 0;
        squares = 0;
        uint64_t kept = 0;
        for (uint64_t i = 0; i < pieces; ++i) {
          double length = Length();
          if (length < quantum && uniform(random_) * quantum >= length) continue;
          length = std::max(length, quantum);
          weight += length;
          squares += length * length;
          ++kept;
        }
        pieces = kept;
      }
      functions[f].of_interval.push_back(weight);
      functions[f].count += double(pieces);
      functions[f].squares += squares;
    }
    totals.push_back(total);
  }
}

DiffSimulator::Side DiffSimulator::RecordSide(bool after) {
  Side side;
  side.functions.resize(plan_.functions);
  std::vector<double> totals;
  size_t seconds = after ? plan_.seconds_after : plan_.seconds_before;
  for (size_t run = 0; run < plan_.runs; ++run) RecordRun(after, seconds, totals, side.functions);
  side.intervals = MakeSide(std::move(totals), std::vector<size_t>(plan_.runs, seconds));
  double count = 0;
  double squares = 0;
  for (const Weights& weights : side.functions) {
    count += weights.count;
    squares += weights.squares;
  }
  side.intervals.sample_square = count > 0 ? squares / count : 0;
  return side;
}

DiffSimulator::Pair DiffSimulator::Record() {
  Side before = RecordSide(false);
  Side after = RecordSide(true);
  Pair pair;
  for (size_t f = 0; f < plan_.functions; ++f) {
    pair.changes.push_back(
        MeasureChange(before.intervals, before.functions[f], after.intervals, after.functions[f]));
  }
  pair.family = JudgeSelf(pair.changes, before.intervals, after.intervals,
                          {.removes_shift = !plan_.has_ratio});
  pair.before = std::move(before.intervals);
  pair.after = std::move(after.intervals);
  return pair;
}

void ForPairs(const Plan& plan, const std::function<void(DiffSimulator&)>& prepare,
              const std::function<void(DiffSimulator::Pair&)>& use) {
  for (size_t i = 0; i < PairCount(); ++i) {
    DiffSimulator simulator(plan, 1000 + i);
    if (prepare) prepare(simulator);
    DiffSimulator::Pair pair = simulator.Record();
    use(pair);
  }
}

double Percent(double count) { return 100 * count / double(PairCount()); }

double Report(const char* what, double percent) {
  printf("  %-44s %5.1f %%\n", what, percent);
  return percent;
}

bool AnyFlag(const std::vector<Change>& changes, size_t except) {
  for (size_t f = 0; f < changes.size(); ++f) {
    if (f != except && changes[f].flagged) return true;
  }
  return false;
}

double FalseAlarms(const char* what, const Plan& plan) {
  double alarms = 0;
  ForPairs(plan, {}, [&](DiffSimulator::Pair& pair) { alarms += AnyFlag(pair.changes) ? 1 : 0; });
  return Report(what, Percent(alarms));
}

double Coverage(const char* what, const Plan& plan, size_t target) {
  double covered = 0;
  double all = 0;
  ForPairs(
      plan, [&](DiffSimulator& simulator) { simulator.SetFactor(target, 1.25); },
      [&](DiffSimulator::Pair& pair) {
        for (size_t f = 0; f < pair.changes.size(); ++f) {
          const Change& change = pair.changes[f];
          if (change.standing != Standing::kTested) continue;
          double truth = f == target ? 0.25 : 0;
          covered += change.low <= truth && truth <= change.high ? 1 : 0;
          all += 1;
        }
      });
  return Report(what, 100 * covered / all);
}

}  // namespace twofold::testing
