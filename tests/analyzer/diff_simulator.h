// Makes pairs of recordings by chance, as plain numbers for the core of `twofold diff`: functions
// with known costs whose load and mix drift, burst and recur as those of real programs do. With
// TWOFOLD_DIFF_PAIRS one says how many pairs each scenario has.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "analyzer/diff/change.h"
#include "analyzer/diff/family.h"

namespace twofold::testing {

// How much what a program does differs from second to second.
struct Weather {
  double likeness = 0;  // of neighbouring seconds: 0 independent, 0.8 much alike
  double mix = 0;       // standard deviation of each function's cost
  double load = 0;      // the same of the load, which all functions share
  bool bursts = false;  // classes of functions that are called more for some seconds
  bool jobs = false;    // functions that run for 5 to 10 seconds now and then
};

inline constexpr Weather kCalm = {};
inline constexpr Weather kMild = {.likeness = 0.5, .mix = 0.05, .load = 0.2};
inline constexpr Weather kHard = {
    .likeness = 0.8, .mix = 0.1, .load = 0.3, .bursts = true, .jobs = true};

// How long single pieces of a function's time are.
enum class Pieces : uint8_t { kSamples, kLognormal, kPareto };

struct Plan {
  Weather weather;
  Pieces pieces = Pieces::kSamples;
  double pieces_per_second = 8000;
  // Of the side after, if it is sampled at another frequency: each piece weighs accordingly.
  double pieces_per_second_after = 0;
  // T, in mean lengths of a piece: shorter ones are kept by chance and weigh T.
  double quantum_before = 0;
  double quantum_after = 0;
  size_t functions = 200;
  size_t seconds_before = 30;
  size_t seconds_after = 30;
  size_t runs = 1;       // on each side
  double run_noise = 0;  // standard deviation of each function's cost between runs
  double load_after = 1;
  // Costs are ratios of two sampled numbers, such as cycles per instruction.
  bool has_ratio = false;
  double ratio_swing = 0;  // standard deviation of each function's ratio from second to second
};

class DiffSimulator {
 public:
  DiffSimulator(const Plan& plan, uint64_t seed);

  // Sets a function's cost, as a share of all before and as a factor from before to after. A factor
  // of 0 or a share of 0 makes it gone or new. With ratios, the share is one of all divisors, and
  // the factor one of the function's ratio.
  void SetShare(size_t function, double share) { shares_[function] = share; }
  void SetFactor(size_t function, double factor) { factors_[function] = factor; }
  // A function that is there only after, with this share.
  void SetNew(size_t function, double share);
  // A function that is there only before.
  void SetGone(size_t function, double share);

  // With ratios: how much more of both numbers there is after, at the same ratio.
  void SetCalls(size_t function, double factor) { calls_[function] = factor; }

  struct Pair {
    SideIntervals before;
    SideIntervals after;
    std::vector<Change> changes;  // by function, as Judge leaves them
    Family family;
  };
  // Records both sides and judges.
  Pair Record();

 private:
  struct Side {
    SideIntervals intervals;
    std::vector<Weights> functions;
  };
  Side RecordSide(bool after);
  void RecordRun(bool after, size_t seconds, std::vector<double>& totals,
                 std::vector<Weights>& functions);
  double Normal();
  // A piece's length; its mean is about 1.
  double Length();

  const Plan plan_;
  std::mt19937_64 random_;
  std::vector<double> shares_;
  std::vector<double> factors_;
  std::vector<double> new_shares_;
  std::vector<double> calls_;
  std::vector<double> ratios_;  // empty: costs are none
};

// Calls `use` with many pairs of one plan, each with a seed of its own.
void ForPairs(const Plan& plan, const std::function<void(DiffSimulator&)>& prepare,
              const std::function<void(DiffSimulator::Pair&)>& use);

// Of all pairs.
double Percent(double count);

// Prints a line of what was found, and gives the number back.
double Report(const char* what, double percent);

bool AnyFlag(const std::vector<Change>& changes, size_t except = SIZE_MAX);

// Pairs in which anything is flagged although nothing changed, in per cent; prints them.
double FalseAlarms(const char* what, const Plan& plan);

// How many of the 95 % intervals hold the truth, in per cent, where `target` was made 25 % dearer
// and the others were left alone; prints them.
double Coverage(const char* what, const Plan& plan, size_t target);

}  // namespace twofold::testing
