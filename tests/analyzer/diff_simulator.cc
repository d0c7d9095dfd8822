#include "tests/analyzer/diff_simulator.h"

#include <cmath>
#include <numeric>

namespace twofold::testing {
namespace {

constexpr size_t kClasses = 10;
constexpr size_t kJobFunctions = 6;

}  // namespace

DiffSimulator::DiffSimulator(const Plan& plan, uint64_t seed)
    : plan_(plan),
      random_(seed),
      shares_(plan.functions),
      factors_(plan.functions, 1),
      new_shares_(plan.functions, 0) {
  for (double& share : shares_) share = std::exp(1.2 * Normal());
  double sum = std::accumulate(shares_.begin(), shares_.end(), 0.0);
  for (double& share : shares_) share /= sum;
}

void DiffSimulator::SetNew(size_t function, double share) {
  shares_[function] = 0;
  new_shares_[function] = share;
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
  std::uniform_real_distribution<double> uniform(0, 1);
  double keep = weather.likeness;
  double fresh = std::sqrt(1 - keep * keep);
  double load = weather.load * Normal();
  std::vector<double> mix(plan_.functions);
  std::vector<double> of_run(plan_.functions, 0);
  for (double& value : mix) value = weather.mix * Normal();
  for (double& value : of_run) value = plan_.run_noise * Normal();
  std::vector<size_t> burst_left(kClasses, 0);
  struct Job {
    size_t period;
    size_t phase;
  };
  std::vector<Job> jobs(kJobFunctions);
  for (Job& job : jobs) {
    job.period = 10 + static_cast<size_t>(uniform(random_) * 11);
    job.phase = static_cast<size_t>(uniform(random_) * static_cast<double>(job.period));
  }
  for (size_t t = 0; t < seconds; ++t) {
    if (t > 0) {
      load = keep * load + fresh * weather.load * Normal();
      for (double& value : mix) value = keep * value + fresh * weather.mix * Normal();
    }
    for (size_t& left : burst_left) {
      if (left > 0) {
        --left;
      } else if (weather.bursts && uniform(random_) < 0.05) {
        left = 2 + static_cast<size_t>(uniform(random_) * 4);
      }
    }
    double scale = plan_.pieces_per_second * std::exp(load) * (after ? plan_.load_after : 1);
    double total = 0;
    for (size_t f = 0; f < plan_.functions; ++f) {
      double cost = shares_[f] * (after ? factors_[f] : 1) + (after ? new_shares_[f] : 0);
      cost *= std::exp(mix[f] + of_run[f]);
      if (burst_left[f % kClasses] > 0) cost *= 1.3;
      if (weather.jobs && f < kJobFunctions) {
        // On for half of its period of 10 to 20 seconds.
        bool on = (t + jobs[f].phase) % jobs[f].period < jobs[f].period / 2;
        cost *= on ? 2 : 0.01;
      }
      total += scale * cost;
      uint64_t pieces = 0;
      if (cost > 0) {
        std::poisson_distribution<uint64_t> poisson(scale * cost);
        pieces = poisson(random_);
      }
      double weight = static_cast<double>(pieces);
      double squares = weight;
      if (plan_.pieces != Pieces::kSamples) {
        weight = 0;
        squares = 0;
        for (uint64_t i = 0; i < pieces; ++i) {
          double length = Length();
          weight += length;
          squares += length * length;
        }
      }
      functions[f].of_interval.push_back(weight);
      functions[f].count += static_cast<double>(pieces);
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
  pair.family = JudgeSelf(pair.changes, before.intervals, after.intervals, /*flags=*/true);
  pair.before = std::move(before.intervals);
  pair.after = std::move(after.intervals);
  return pair;
}

}  // namespace twofold::testing
