#include "analyzer/diff/run_units.h"

#include <algorithm>
#include <cmath>

namespace twofold {
namespace {

std::vector<double> LogRates(const SideChange& side) {
  std::vector<double> logs;
  for (double rate : side.run_rates) logs.push_back(std::log(std::max(rate, 1e-300)));
  return logs;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return values.empty() ? 0 : sum / double(values.size());
}

void Subtract(std::vector<double>& values, const std::vector<double>& shifts) {
  for (size_t i = 0; i < values.size() && i < shifts.size(); ++i) values[i] -= shifts[i];
}

// Sum of squared differences from the mean.
double SquaresAroundMean(const std::vector<double>& values) {
  double mean = Mean(values);
  double sum = 0;
  for (double value : values) sum += (value - mean) * (value - mean);
  return sum;
}

// What all functions share in one run: a mean weighted by samples, without those far away.
double CentreOf(const std::vector<std::pair<double, double>>& values) {
  double centre = 0;
  for (int round = 0; round < 4; ++round) {
    double sum = 0;
    double weights = 0;
    for (const auto& [value, variance] : values) {
      double away = value - centre;
      // The first round is for all.
      if (round > 0 && std::abs(away) > 2.5 * std::sqrt(variance + 4e-4)) continue;
      double weight = 1 / (variance + 1e-3);
      sum += weight * away;
      weights += weight;
    }
    if (weights > 0) centre += sum / weights;
  }
  return centre;
}

std::vector<double> ShiftsOf(const std::vector<Change>& changes, const SideIntervals& side,
                             SideChange Change::*member) {
  std::vector<std::vector<std::pair<double, double>>> by_run(side.runs.size());
  for (const Change& change : changes) {
    if (change.standing != Standing::kTested) continue;
    const SideChange& measured = change.*member;
    std::vector<double> logs = LogRates(measured);
    double mean = Mean(logs);
    double variance = double(logs.size()) / measured.effective;
    for (size_t run = 0; run < logs.size(); ++run) {
      by_run[run].emplace_back(logs[run] - mean, variance);
    }
  }
  std::vector<double> shifts;
  for (const auto& values : by_run) shifts.push_back(CentreOf(values));
  return shifts;
}

}  // namespace

void FindRunShifts(const std::vector<Change>& changes, const SideIntervals& before,
                   const SideIntervals& after, CommonShift& shift) {
  shift.before_runs = ShiftsOf(changes, before, &Change::before);
  shift.after_runs = ShiftsOf(changes, after, &Change::after);
}

void CompareRuns(std::vector<Change>& changes, const SideIntervals& before,
                 const SideIntervals& after, const CommonShift& shift) {
  double na = double(before.runs.size());
  double nb = double(after.runs.size());
  for (Change& change : changes) {
    if (!change.is_tested()) continue;
    std::vector<double> logs_before = LogRates(change.before);
    std::vector<double> logs_after = LogRates(change.after);
    Subtract(logs_before, shift.before_runs);
    Subtract(logs_after, shift.after_runs);
    double squares_before = SquaresAroundMean(logs_before);
    double squares_after = SquaresAroundMean(logs_after);
    if (change.standing == Standing::kTested) {
      change.theta = Mean(logs_after) - Mean(logs_before);
      double pooled = (squares_before + squares_after) / (na + nb - 2);
      change.variance = pooled * (1 / na + 1 / nb);
      change.freedom = na + nb - 2;
    } else if (change.standing == Standing::kNew) {
      change.after.variance = squares_after / (nb - 1) / nb;
      change.after.freedom = nb - 1;
    } else {
      change.before.variance = squares_before / (na - 1) / na;
      change.before.freedom = na - 1;
    }
  }
}

}  // namespace twofold
